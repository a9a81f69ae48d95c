import { randomBytes } from 'node:crypto'
import type { Stats } from 'node:fs'
import { readdir, readlink, realpath, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { MtlsError } from '../errors.js'
import { syncDirectory, unlessMissing, writeDurably, writing } from '../files/durable-write.js'
import { withLock } from '../files/lock.js'
import { makeDirectories } from '../files/make-directory.js'
import { newFile, type Ownership, ownershipOf } from '../files/ownership.js'
import { readRegularFile, whyUnreadable } from '../files/read-file.js'
import { NotUnderstood } from './source/source.js'

// Files that belong to others, who write them too: read whole, changed in one step, and given back as they were.

/** A file as it was read. */
export interface ClientFile {
  readonly text: string
  readonly bytes: Buffer
  readonly stats: Stats
}

export interface Change {
  /** What the file should say; undefined for no file. */
  readonly text: string | undefined
}

export interface ChangeOptions {
  /** Whether its directory may be made. */
  readonly mayMake: boolean
  /** Mode of a new file. */
  readonly mode: number
}

/** What came of a change. */
export interface Changed {
  /** Where the file is, at the end of links. */
  readonly path: string
  readonly changed: boolean
  /** Where the text of before is, if there was one. */
  readonly backup?: string
}

/** Undefined when there is none. Throws `CLIENT_CONFIG_FAILED`. */
export async function readClientFile(path: string): Promise<ClientFile | undefined> {
  try {
    const { bytes, stats } = await readRegularFile(path)
    return { bytes, stats, text: textOf(path, bytes) }
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    if (cause instanceof MtlsError) throw cause
    throw new MtlsError('CLIENT_CONFIG_FAILED', `${path} ${whyUnreadable(cause)}`, { cause })
  }
}

/** Where the text of before is kept: the last one. */
export function backupOf(path: string): string {
  return `${path}.mcp-mtls.bak`
}

/** Runs `work`, and says of a text that is not understood which file, line and column it is. */
export function understood<Result>(path: string, work: () => Result): Result {
  try {
    return work()
  } catch (cause) {
    const what =
      cause instanceof NotUnderstood
        ? `${path}:${cause.line}:${cause.column} ${cause.message}`
        : cause instanceof RangeError // a parser has run out of stack
          ? `${path} is nested too deeply`
          : undefined
    if (what === undefined) throw cause
    throw new MtlsError('CLIENT_CONFIG_FAILED', what, {
      hint: 'The file is as it was. Correct that line in an editor, or paste in what this command prints without --install.',
      cause,
    })
  }
}

/**
 * Changes a file from what it says to what `change` makes of that, in one step: whoever reads it, and whoever finds it after
 * a crash, has the one or the other. The text of before is kept beside it. Links stay, owner and mode too. When another program
 * writes the file meanwhile, `change` is asked again. Throws `CLIENT_CONFIG_FAILED`.
 */
export async function changeClientFile(
  path: string,
  change: (now: ClientFile | undefined, backup: ClientFile | undefined) => Change,
  options: ChangeOptions,
): Promise<Changed> {
  const target = await endOfLinks(path)
  const directory = dirname(target)
  return await failing(directory, async () => {
    // What changes nothing needs neither a directory nor the right to write in it.
    const [now, backup] = [await readClientFile(target), await backupIn(target)]
    const first = change(now, backup)
    if (isSame(now, first)) return { path: target, changed: false }
    if (options.mayMake) makeDirectories(directory)
    // A large file is not thought about twice, unless it is another one now.
    const again: typeof change = (later, kept) =>
      isUnchanged(now, later) && isUnchanged(backup, kept) ? first : change(later, kept)
    return await alone(target, () => replace(target, again, options))
  })
}

/** Tries to write what another program has changed meanwhile. */
const tries = 10

async function replace(
  target: string,
  change: (now: ClientFile | undefined, backup: ClientFile | undefined) => Change,
  { mode }: ChangeOptions,
): Promise<Changed> {
  const [directory, backup] = [dirname(target), backupOf(target)]
  await removeRemains(target)
  for (let left = tries; left > 0; left--) {
    const now = await readClientFile(target)
    const wanted = change(now, await backupIn(target))
    if (isSame(now, wanted)) return { path: target, changed: false }
    const ownership = now ? ownershipOf(now.stats) : newFile(await stat(directory), mode)
    const fresh =
      wanted.text === undefined ? undefined : await aside(target, Buffer.from(wanted.text), ownership)
    const old = now && (await aside(target, now.bytes, ownership))
    if (!isUnchanged(now, await readClientFile(target))) {
      await removeRemains(target)
      continue
    }
    if (old === undefined) await rm(backup, { force: true })
    else await rename(old, backup)
    if (fresh === undefined) await rm(target, { force: true })
    else await rename(fresh, target)
    await syncNames(directory)
    return { path: target, changed: true, ...(old !== undefined && { backup }) }
  }
  throw new MtlsError('CLIENT_CONFIG_FAILED', `${target} is being written by another program all the time`, {
    hint: 'Quit the client, and run the command again.',
  })
}

const isSame = (now: ClientFile | undefined, { text }: Change) => now?.text === text

function isUnchanged(before: ClientFile | undefined, now: ClientFile | undefined): boolean {
  return before === undefined || now === undefined ? before === now : before.bytes.equals(now.bytes)
}

/** A backup that cannot be read is none. */
async function backupIn(target: string): Promise<ClientFile | undefined> {
  return await readClientFile(backupOf(target)).catch(() => undefined)
}

function textOf(path: string, bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new MtlsError('CLIENT_CONFIG_FAILED', `${path} is not text in UTF-8`, {
      hint: 'The file is as it was. Save it as UTF-8 in an editor, and run the command again.',
      cause,
    })
  }
}

/** Where a file is that may be a link, to one that may not be there yet. */
async function endOfLinks(path: string): Promise<string> {
  const end = resolve(path)
  const real = await unlessMissing(realpath(end)).catch((cause) => {
    throw new MtlsError('CLIENT_CONFIG_FAILED', `${path} ${whyUnreadable(cause)}`, { cause })
  })
  if (real !== undefined) return real
  const link = await readlink(end).catch(() => undefined)
  if (link !== undefined) return await endOfLinks(resolve(dirname(end), link))
  const parent = dirname(end)
  return parent === end ? end : join(await endOfLinks(parent), basename(end))
}

const remains = (target: string) => `.${basename(target)}.mcp-mtls-`

/** A new file in the same directory, on the disk, under a name that nobody knows. */
async function aside(target: string, content: Buffer, ownership: Ownership): Promise<string> {
  const path = join(dirname(target), `${remains(target)}${randomBytes(6).toString('hex')}`)
  await writeDurably(path, content, ownership).catch(async (error) => {
    await rm(path, { force: true }).catch(() => undefined)
    throw error
  })
  return path
}

/** What a process left that was killed; nobody else writes here now. */
async function removeRemains(target: string): Promise<void> {
  for (const name of await readdir(dirname(target)))
    if (name.startsWith(remains(target))) await rm(join(dirname(target), name), { force: true })
}

/** While no other process of ours writes the same file. The lock is a link, which Windows gives to administrators alone. */
async function alone<Result>(target: string, work: () => Promise<Result>): Promise<Result> {
  if (process.platform === 'win32') return await work()
  return await withLock(dirname(target), work, { name: `.${basename(target)}.mcp-mtls.lock` })
}

async function syncNames(directory: string): Promise<void> {
  if (process.platform !== 'win32') await syncDirectory(directory)
}

/** Errors of the file system, and of the files that we share with certificates, under the name of this one. */
async function failing<Result>(directory: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await writing(directory, work)
  } catch (error) {
    if (!(error instanceof MtlsError) || error.code !== 'CERT_WRITE_FAILED') throw error
    throw new MtlsError('CLIENT_CONFIG_FAILED', error.message, { cause: error })
  }
}
