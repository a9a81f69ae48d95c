import { constants, write } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import * as files from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { MtlsError } from '../errors.js'
import { syncDirectory, unlessMissing } from '../files/durable-write.js'
import { ofPeer } from '../text/of-peer.js'
import { beginning, type End, type Entry, hashOf, type Linked, readLine } from './chain.js'
import { eventEntry } from './line.js'
import type { Known, Opened, Sink } from './sink.js'

/** What is asked of the file system; tests hand in one that fails. */
export interface Disk extends Pick<typeof files, 'open' | 'rename' | 'stat' | 'readdir'> {
  /** Writes bytes from a place on; resolves to how many. */
  readonly write: (handle: FileHandle, bytes: Buffer, from: number) => Promise<number>
}

/** That of this machine. */
export const ownDisk: Disk = {
  ...files,
  // `FileHandle.write` takes half as much time again, in promises of its own.
  write: ({ fd }, bytes, from) =>
    new Promise((resolve, reject) => {
      write(fd, bytes, from, bytes.length - from, null, (error, count) =>
        error ? reject(error) : resolve(count),
      )
    }),
}

export interface RecordFileOptions {
  readonly maxBytes: number
  /** As it stands in the first line of each file. */
  readonly publicKey: string
  readonly disk?: Disk
}

const flags = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | (constants.O_NONBLOCK ?? 0)
/** How much is read at once, in search of the last line. */
const step = 64 * 1024
/** Bytes of the first line of a file. */
const firstLine = 4096
/** How often somebody else's hand in the file is looked for, milliseconds. */
const lookEvery = 1000

interface Open {
  readonly handle: FileHandle
  readonly inode: number
  /** UTC, of its first line. */
  readonly day: string
  readonly firstSeq: number
  size: number
  lookedAt: number
}

/** A record in files: the one at a path is written, earlier ones lie beside it and have their day and first number in their name. */
export class RecordFile implements Sink {
  readonly name: string
  readonly #path: string
  readonly #options: RecordFileOptions
  readonly #disk: Disk
  #open: Open | undefined
  /** Name of the file that was written before this one. */
  #earlier: string | undefined

  constructor(path: string, options: RecordFileOptions) {
    this.name = path
    this.#path = path
    this.#options = options
    this.#disk = options.disk ?? ownDisk
  }

  async open(known: Known): Promise<Opened> {
    await this.close()
    const handle = await this.#disk.open(this.#path, flags, 0o600)
    try {
      return await this.#takeUp(handle, known)
    } catch (error) {
      await handle.close().catch(() => undefined)
      this.#open = undefined
      throw error
    }
  }

  async #takeUp(handle: FileHandle, known: Known): Promise<Opened> {
    const { size, ino, isFile } = await factsOf(handle)
    if (!isFile)
      throw new MtlsError('CONFIG_INVALID', `${this.#path} is not a regular file`, {
        hint: 'Name a file for the record of calls; "-" is standard output.',
      })
    const tail = await tailOf(handle, size)
    const end = endIn(tail.line)
    if (tail.line && !end) throw noRecord(this.#path, 'ends with a line that is none of a record')
    if (!end && tail.torn.length > 0 && !looksLikeOurs(tail.torn))
      throw noRecord(this.#path, 'holds something else than a record')
    const now = new Date()
    // Only what no line end closes is cut: everything before it stands.
    if (tail.tornBytes > 0) await handle.truncate(size - tail.tornBytes)
    const isStart = known.before === undefined
    const recovered = isStart && tail.tornBytes > 0 ? [recoveredEntry(tail, now)] : []
    const whole = { handle, inode: ino, size: size - tail.tornBytes, lookedAt: Date.now() }
    if (!end) {
      const before = known.before ?? (await this.#endOfEarlier())
      this.#open = { ...whole, day: dayOf(now), firstSeq: before.seq + 1 }
      await syncDirectory(dirname(this.#path)).catch(() => undefined)
      return { end: before, first: [this.#openedEntry(before, now), ...recovered] }
    }
    const first = readLine(await firstLineOf(handle))
    this.#open = { ...whole, day: first?.time.slice(0, 10) ?? dayOf(now), firstSeq: first?.seq ?? end.seq }
    if (isStart) return { end, first: [...recovered, eventEntry('restarted', {}, now)] }
    const found = [known.before, ...known.maybe].find((one) => one?.hash === end.hash)
    if (found) return { end: found, first: [] }
    // Never go on from what somebody else wrote: the chain is to show it.
    const before = known.before ?? end
    return { end: before, first: [eventEntry('disturbed', { found_seq: end.seq }, now)] }
  }

  #openedEntry({ seq }: End, now: Date): Entry {
    const continues = seq === 0 ? null : (this.#earlier ?? basename(this.#path))
    return eventEntry('opened', { continues, key: this.#options.publicKey }, now)
  }

  /** The end of the newest file that was moved away, where a process was killed before it had begun the next. */
  async #endOfEarlier(): Promise<End> {
    const pattern = /^\.\d{4}-\d{2}-\d{2}\.(\d{9,15})$/
    const base = basename(this.#path)
    const names = (await this.#disk.readdir(dirname(this.#path))).filter((name) => name.startsWith(base))
    const numbered = names.flatMap((name) => {
      const [, seq] = pattern.exec(name.slice(base.length)) ?? []
      return seq === undefined ? [] : [{ name, seq: Number(seq) }]
    })
    const newest = numbered.toSorted((a, b) => b.seq - a.seq)[0]
    if (!newest) return beginning
    this.#earlier = newest.name
    const path = join(dirname(this.#path), newest.name)
    const handle = await this.#disk.open(path, 'r')
    try {
      const end = endIn((await tailOf(handle, (await handle.stat()).size)).line)
      if (!end) throw noRecord(path, 'does not end with a line of a record')
      return end
    } finally {
      await handle.close()
    }
  }

  async look(now: Date): Promise<'same' | 'gone' | 'changed'> {
    const open = this.#open
    if (!open) return 'gone'
    if (Math.abs(now.getTime() - open.lookedAt) < lookEvery) return 'same'
    open.lookedAt = now.getTime()
    const { size, nlink } = await open.handle.stat()
    if (nlink === 0 || (size === 0 && open.size > 0)) return 'gone'
    if (size === open.size) return 'same'
    open.size = size
    return 'changed'
  }

  roomAt(now: Date): number | undefined {
    const open = this.#open
    if (!open) return undefined
    const room = this.#options.maxBytes - open.size
    return open.day === dayOf(now) && room > 0 ? room : undefined
  }

  async rotate(): Promise<void> {
    const open = this.#open
    if (!open) return
    await this.close()
    const name = `${basename(this.#path)}.${open.day}.${String(open.firstSeq).padStart(9, '0')}`
    const path = join(dirname(this.#path), name)
    if (await unlessMissing(this.#disk.stat(path)))
      throw new MtlsError('AUDIT_FAILED', `${path} already exists`, { hint: 'Move it away.' })
    await this.#disk.rename(this.#path, path)
    this.#earlier = name
    await syncDirectory(dirname(path)).catch(() => undefined)
  }

  /** Whether the open file is still the one at its path; where not, finds the name that it has now. */
  async isInPlace(): Promise<boolean> {
    const inode = this.#open?.inode
    if (inode === undefined) return false
    const directory = dirname(this.#path)
    if ((await unlessMissing(this.#disk.stat(this.#path)))?.ino === inode) return true
    this.#earlier = basename(this.#path)
    for (const name of await this.#disk.readdir(directory)) {
      const found = await this.#disk.stat(join(directory, name)).catch(() => undefined)
      if (found?.ino === inode && found.isFile()) this.#earlier = name
    }
    return false
  }

  async append(lines: readonly Linked[]): Promise<void> {
    const open = this.#open
    if (!open) throw new Error('the file is not open')
    const bytes = bytesIn(lines)
    try {
      for (let written = 0; written < bytes.length; )
        written += await this.#disk.write(open.handle, bytes, written)
    } catch (error) {
      // All or nothing, where that can be had; else `open` finds out how much there is.
      await open.handle.truncate(open.size).catch(() => undefined)
      throw error
    }
    open.size += bytes.length
    this.#earlier = basename(this.#path) // should it vanish from there
  }

  async sync(): Promise<void> {
    await this.#open?.handle.datasync()
  }

  async close(): Promise<void> {
    const open = this.#open
    this.#open = undefined
    await open?.handle.close().catch(() => undefined)
  }
}

function bytesIn(lines: readonly Linked[]): Buffer {
  const bytes = Buffer.allocUnsafe(lines.reduce((sum, { line }) => sum + Buffer.byteLength(line) + 1, 0))
  let at = 0
  for (const { line } of lines) {
    at += bytes.write(line, at)
    at = bytes.writeUInt8(0x0a, at)
  }
  return bytes
}

async function factsOf(handle: FileHandle) {
  const stats = await handle.stat()
  return { size: stats.size, ino: stats.ino, isFile: stats.isFile() }
}

interface Tail {
  /** The last whole line, without its end; undefined when there is none. */
  readonly line: Buffer | undefined
  /** The beginning of what follows it. */
  readonly torn: Buffer
  readonly tornBytes: number
}

/** The end of a file, whatever its size. */
async function tailOf(handle: FileHandle, size: number): Promise<Tail> {
  const last = await lineEndBefore(handle, size)
  const torn = await bytesOf(handle, last + 1, Math.min(size, last + 1 + step))
  const tornBytes = size - last - 1
  if (last < 0) return { line: undefined, torn, tornBytes }
  const start = (await lineEndBefore(handle, last)) + 1
  return { line: await bytesOf(handle, start, last), torn, tornBytes }
}

/** Where the last line end before this place is; -1 when there is none. */
async function lineEndBefore(handle: FileHandle, place: number): Promise<number> {
  for (let to = place; to > 0; to -= step) {
    const from = Math.max(0, to - step)
    const at = (await bytesOf(handle, from, to)).lastIndexOf(0x0a)
    if (at >= 0) return from + at
  }
  return -1
}

async function bytesOf(handle: FileHandle, from: number, to: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(Math.max(0, to - from)), 0, to - from, from)
  return buffer.subarray(0, bytesRead)
}

async function firstLineOf(handle: FileHandle): Promise<string> {
  const bytes = await bytesOf(handle, 0, firstLine)
  return bytes.subarray(0, Math.max(0, bytes.indexOf(0x0a))).toString()
}

function endIn(line: Buffer | undefined): End | undefined {
  const read = line && readLine(line.toString())
  return read && { seq: read.seq, hash: hashOf(line), time: read.time }
}

/** The first line of a record, cut anywhere, or the zeros that some file systems leave after a power failure. */
function looksLikeOurs(torn: Buffer): boolean {
  const begins = '{"time":"'
  const text = torn.toString('latin1')
  return begins.startsWith(text) || text.startsWith(begins) || torn.every((byte) => byte === 0)
}

function recoveredEntry({ torn, tornBytes }: Tail, now: Date): Entry {
  const text = ofPeer(torn.subarray(0, 1024).toString())
  return eventEntry('recovered', { torn_bytes: tornBytes, torn: text }, now)
}

function dayOf(moment: Date): string {
  return moment.toISOString().slice(0, 10)
}

function noRecord(path: string, problem: string): MtlsError {
  return new MtlsError('AUDIT_TAMPERED', `${path} ${problem}: it cannot be continued`, {
    hint: 'Look what it is (`mcp-mtls audit verify FILE`) and move it away, or choose another file. "-" is standard output.',
  })
}
