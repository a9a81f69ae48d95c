import { closeSync, constants, fstatSync, openSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { printableJson } from '../text/printable.js'
import { type RecordLine, readLine } from './chain.js'
import { inOrder, reading } from './files-of-record.js'
import { type FoundLine, type ReadOptions, readLines } from './read-lines.js'

export interface AuditFilter {
  readonly identity?: string | undefined
  readonly tool?: string | undefined
  /** Calls that a rule, or the lack of one, denied; not those over a limit. */
  readonly denied?: boolean | undefined
  readonly since?: Date | undefined
  /** As a denied client was told it. */
  readonly requestId?: string | undefined
}

export interface ShowOptions extends AuditFilter {
  /** The files of one record, in any order. */
  readonly files: readonly string[]
  /** Whether to wait for lines that come; of the last file, and of those that take its place. */
  readonly follow?: boolean | undefined
  /** Ends the wait. Elsewhere what reads throws its reason. */
  readonly signal?: AbortSignal | undefined
}

/** Milliseconds between two looks at a file. */
const pause = 200

/** The lines of a record that a filter lets pass, as they stand there. Throws `CONFIG_INVALID` for files that cannot be read. */
export async function* showAudit({
  files,
  follow,
  signal,
  ...filter
}: ShowOptions): AsyncGenerator<ShownLine> {
  const ordered = await inOrder(files)
  for (const file of ordered) {
    const lines = follow && file === ordered.at(-1) ? following(file, signal) : parsed(file, { signal })
    for await (const line of lines) if (fits(line.record, filter)) yield line
  }
}

/** Whether a line is what a filter asks for. */
export function fits(line: RecordLine, { identity, tool, denied, since, requestId }: AuditFilter): boolean {
  return (
    (identity === undefined || line.identity === identity) &&
    (requestId === undefined || line.request_id === requestId) &&
    (tool === undefined || line.tool === tool) &&
    (!denied || line.decision === 'denied') &&
    (since === undefined || Date.parse(line.time) >= since.getTime())
  )
}

export interface ShownLine {
  readonly record: RecordLine
  /** Safe to print. */
  readonly text: string
}

/** What can be read of a file; `audit verify` tells of the rest. */
export async function* parsed(file: string, options?: ReadOptions): AsyncGenerator<ShownLine> {
  for await (const lines of reading(file, options))
    for (const found of lines) {
      const line = shown(found)
      if (line) yield line
    }
}

function shown({ bytes, isWhole }: FoundLine): ShownLine | undefined {
  if (!isWhole) return undefined
  const text = bytes.toString()
  const record = readLine(text)
  return record && { record, text: printableJson(text) }
}

/** Goes on in the file that takes the place of this one, once all of this one, and of those between, was read. */
async function* following(file: string, signal: AbortSignal | undefined): AsyncGenerator<ShownLine> {
  let open: OpenFile | undefined
  try {
    while (!signal?.aborted) {
      const found = await stat(file).catch(() => undefined)
      if (open) yield* open.rest(signal)
      // An empty one may have been put there by `logrotate`, while the one before is still written.
      const isNext = found && (!open || (found.ino !== open.inode && found.size > 0))
      const next: OpenFile | undefined = isNext ? OpenFile.at(file) : undefined
      if (next) {
        const last = open?.lastSeq
        open?.close()
        open = next
        for (const missed of last === undefined ? [] : await rotatedAfter(last, file, next.inode))
          yield* parsed(missed)
      } else await delay(pause, undefined, signal ? { signal } : {}).catch(() => undefined)
    }
  } finally {
    open?.close()
  }
}

/** A file that is read as it grows, under whatever name it has by now. */
class OpenFile {
  readonly inode: number
  /** Number of the line that was read last. */
  lastSeq: number | undefined
  readonly #descriptor: number
  #place = 0

  private constructor(descriptor: number) {
    this.#descriptor = descriptor
    this.inode = fstatSync(descriptor).ino
  }

  /** Undefined when it has just gone. */
  static at(path: string): OpenFile | undefined {
    try {
      return new OpenFile(openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
  }

  /** What came since. */
  async *rest(signal: AbortSignal | undefined): AsyncGenerator<ShownLine> {
    const { size } = fstatSync(this.#descriptor)
    if (size < this.#place) this.#place = 0 // it was cut, and is written anew
    if (size === this.#place) return
    for await (const lines of readLines(this.#descriptor, { start: this.#place }))
      for (const found of lines) {
        if (signal?.aborted) return
        if (found.isWhole) this.#place += found.length + 1
        const line = shown(found)
        if (!line) continue
        this.lastSeq = line.record.seq
        yield line
      }
  }

  close(): void {
    closeSync(this.#descriptor)
  }
}

/** The files that began after this line, and were ended since: as `record-file.ts` names them. */
async function rotatedAfter(seq: number, file: string, besides: number): Promise<string[]> {
  const prefix = `${basename(file)}.`
  const rotated: { readonly path: string; readonly first: number }[] = []
  for (const name of await readdir(dirname(file))) {
    const [, first] = (name.startsWith(prefix) && rotatedName.exec(name.slice(prefix.length))) || []
    const path = join(dirname(file), name)
    if (Number(first) > seq && (await stat(path).catch(() => undefined))?.ino !== besides)
      rotated.push({ path, first: Number(first) })
  }
  return rotated.toSorted((a, b) => a.first - b.first).map(({ path }) => path)
}

/** Day and number of the first line. */
const rotatedName = /^\d{4}-\d{2}-\d{2}\.(\d{9,})$/
