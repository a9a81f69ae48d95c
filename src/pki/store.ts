import { randomBytes } from 'node:crypto'
import { lstat, mkdtemp, readdir, readlink, realpath, rename, rm, stat, symlink } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { MtlsError } from '../errors.js'
import { readRegularFile, Unreadable } from '../files/read-file.js'
import { makeDirectory, modes, syncDirectory, unlessMissing, writeDurably, writing } from './durable.js'
import { withLock } from './lock.js'
import { refuseUnsafe } from './safe-directory.js'

export interface StoredFile {
  readonly path: string
  readonly text: string
  /** Ours: a link into the current generation. Otherwise somebody put it there. */
  readonly managed: boolean
  /** False when the link of a managed file was removed and its other half is still there. */
  readonly linked: boolean
}

/** By file name: `server.crt`, `server.key` … */
export type StoredFiles = ReadonlyMap<string, StoredFile>

/**
 * A directory of certificates and keys that changes as a whole.
 *
 *     server.crt → .current/server.crt      one such link per file, never touched again
 *     .current   → .generations/0002        one rename switches all of them
 *     .generations/0001/…                   what was there before, for a while
 *
 * Whoever reads through one resolved path sees one generation; a kill at any moment leaves the old or
 * the new one. Files that are not such links belong to the user.
 */
export class CertificateStore {
  readonly directory: string
  /** Throws when the lock is not ours any more. */
  #confirm = async () => {}

  constructor(directory: string) {
    this.directory = resolve(directory)
  }

  /**
   * Keeps other writers out while `work` runs; makes the directory, and removes what killed writers left. Throws
   * `CERT_WRITE_FAILED`, also for a directory that others may write.
   */
  exclusively<Result>(work: () => Promise<Result>): Promise<Result> {
    return writing(this.directory, async () => {
      await makeDirectory(this.directory)
      await refuseUnsafe(this.directory)
      return withLock(this.directory, async (confirm) => {
        this.#confirm = confirm
        await this.#removeLeftovers()
        return work()
      })
    })
  }

  /** The certificates and keys, of one generation; empty when there is no directory. Throws `CERT_NOT_FOUND` for unreadable ones. */
  async read(): Promise<StoredFiles> {
    const generation = await this.#generation()
    const inGeneration = generation === undefined ? [] : await names(generation)
    const visible = await names(this.directory)
    const files = new Map<string, StoredFile>()
    for (const name of visible.filter((name) => isStored(name))) {
      const path = join(this.directory, name)
      const managed = await this.#isOurLink(name)
      if (managed && !inGeneration.includes(name)) continue // made by a writer that was killed
      const text = await read(managed ? join(generation ?? '', name) : path, path)
      files.set(name, { path, text, managed, linked: true })
    }
    for (const name of inGeneration.filter((name) => !visible.includes(name))) {
      // A CA without its key is a choice: that key may be kept elsewhere.
      if (name === 'ca.key' || !files.get(otherHalf(name))?.managed) continue
      const path = join(this.directory, name)
      const text = await read(join(generation ?? '', name), path)
      files.set(name, { path, text, managed: true, linked: false })
    }
    return files
  }

  /**
   * Makes `changes` (file name → text) the content of the directory, all at once, beside what it has.
   * Call it inside `exclusively`. Gives the folder of the generation that was replaced, if any.
   */
  async commit(changes: ReadonlyMap<string, string>): Promise<string | undefined> {
    const present = await this.read()
    const ours = texts(present, ({ managed }) => managed)
    const replaced = [...present].filter(([name, { managed }]) => !managed && changes.has(name))
    if (replaced.length > 0) {
      // Plain files become a generation with the same content first: it is kept, and the switch is one step again.
      await this.#switchTo(new Map([...ours, ...replaced.map(([name, { text }]) => [name, text] as const)]))
      for (const [name] of replaced) await this.#link(`.current/${name}`, name)
    }
    const previous = await this.#generation()
    await this.#switchTo(new Map([...ours, ...changes]))
    await this.#removeOldGenerations()
    return previous
  }

  /** Removes a file from every generation but the current one. Call it inside `exclusively`. */
  async forget(name: string): Promise<void> {
    for (const generation of await this.#formerGenerations())
      await rm(join(generation, name), { force: true })
  }

  /** Deletes replaced keys after a while. */
  async #removeOldGenerations(): Promise<void> {
    const former = await this.#formerGenerations()
    // A generation was in use until the next one was made.
    const ends = await Promise.all(former.slice(1).map(async (next) => (await stat(next)).mtimeMs))
    for (const [index, generation] of former.slice(0, 1 - keptGenerations).entries())
      if (Date.now() - (ends[index] ?? Number.POSITIVE_INFINITY) > keptFor)
        await rm(generation, { recursive: true, force: true })
  }

  /** The folders of the generations before the current one, the oldest first. */
  async #formerGenerations(): Promise<string[]> {
    const folder = join(this.directory, '.generations')
    const current = basename((await this.#generation()) ?? '')
    return (await names(folder))
      .filter((name) => /^\d+$/.test(name) && name !== current)
      .sort((one, other) => Number(one) - Number(other))
      .map((name) => join(folder, name))
  }

  async #switchTo(files: ReadonlyMap<string, string>): Promise<void> {
    const generation = await this.#writeGeneration(files)
    // Links first: until the switch they lead nowhere, which is the same as not being there.
    const visible = await names(this.directory)
    for (const name of files.keys())
      if (!visible.includes(name)) await symlink(`.current/${name}`, join(this.directory, name))
    await syncDirectory(this.directory)
    await this.#confirm()
    await this.#link(`.generations/${generation}`, '.current')
    await syncDirectory(this.directory)
  }

  async #writeGeneration(files: ReadonlyMap<string, string>): Promise<string> {
    const generations = join(this.directory, '.generations')
    await makeDirectory(generations)
    const unfinished = await mkdtemp(join(generations, temporary)) // mode 0700
    for (const [name, text] of files)
      await writeDurably(
        join(unfinished, name),
        Buffer.from(text, 'latin1'),
        isKey(name) ? modes.key : modes.certificate,
      )
    await syncDirectory(unfinished)
    const latest = Math.max(0, ...(await names(generations)).map(Number).filter(Number.isInteger))
    const name = String(latest + 1).padStart(4, '0')
    await rename(unfinished, join(generations, name))
    await syncDirectory(generations)
    return name
  }

  /** Puts a link in the place of whatever has that name, in one step. */
  async #link(target: string, name: string): Promise<void> {
    const unfinished = join(this.directory, `${temporary}${randomBytes(6).toString('hex')}`)
    await symlink(target, unfinished)
    await rename(unfinished, join(this.directory, name))
  }

  /** What a killed writer left behind; only the holder of the lock may call it leftover. */
  async #removeLeftovers(): Promise<void> {
    for (const folder of [this.directory, join(this.directory, '.generations')])
      for (const name of (await names(folder)).filter((name) => name.startsWith(temporary)))
        await rm(join(folder, name), { recursive: true, force: true })
  }

  #generation(): Promise<string | undefined> {
    return unlessMissing(realpath(join(this.directory, '.current')))
  }

  async #isOurLink(name: string): Promise<boolean> {
    const path = join(this.directory, name)
    return (await lstat(path)).isSymbolicLink() && (await readlink(path)) === `.current/${name}`
  }
}

const temporary = '.tmp-'
/** So many generations stay, the current one among them, and all that were in use within so many milliseconds. */
const keptGenerations = 3
const keptFor = 7 * 24 * 60 * 60 * 1000

function isStored(name: string): boolean {
  return /^[^.].*\.(?:crt|key|crl)$/.test(name)
}

function isKey(name: string): boolean {
  return name.endsWith('.key')
}

function otherHalf(name: string): string {
  const stem = basename(name).replace(/\.(?:crt|key)$/, '')
  return isKey(name) ? `${stem}.crt` : `${stem}.key`
}

function texts(files: StoredFiles, which: (file: StoredFile) => boolean): Map<string, string> {
  return new Map([...files].filter(([, file]) => which(file)).map(([name, { text }]) => [name, text]))
}

async function names(folder: string): Promise<string[]> {
  return (await unlessMissing(readdir(folder))) ?? []
}

async function read(path: string, shownPath: string): Promise<string> {
  try {
    return (await readRegularFile(path)).bytes.toString('latin1') // byte for byte: a list may be DER
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const what = cause instanceof Unreadable ? message : `cannot be read: ${code}`
    throw new MtlsError('CERT_NOT_FOUND', `${shownPath} ${what}`, { cause })
  }
}
