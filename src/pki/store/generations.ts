import { cp, lstat, mkdtemp, readdir, rename, rm, rmdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { syncDirectory, unlessMissing, writeDurably } from '../../files/durable-write.js'
import { makeFolder, type Ownership, shareFolder } from '../../files/ownership.js'
import { dayMs } from '../../text/duration.js'

export interface NewFile {
  readonly text: string
  readonly ownership: Ownership
}

/** What names of unfinished things begin with. */
export const temporary = '.tmp-'
/** So many generations stay, the current one among them, and all that were in use within so many milliseconds. */
const keptGenerations = 3
const keptFor = 7 * dayMs

/** The folders `.generations/0001`, `0002` … of a certificate directory. What they throw is of the file system. */
export class Generations {
  readonly #directory: string
  readonly #folder: string

  constructor(directory: string) {
    this.#directory = directory
    this.#folder = join(directory, '.generations')
  }

  /** Writes a new one, whole or not at all. Returns its name. */
  async write(files: ReadonlyMap<string, NewFile>): Promise<string> {
    await makeFolder(this.#folder, this.#directory)
    const unfinished = await mkdtemp(join(this.#folder, temporary)) // mode 0700
    try {
      for (const [name, { text, ownership }] of files)
        await writeDurably(join(unfinished, name), Buffer.from(text, 'latin1'), ownership)
      await shareFolder(unfinished, this.#directory)
      await syncDirectory(unfinished)
      return await this.#add(unfinished)
    } catch (error) {
      await this.#drop(unfinished)
      throw error
    }
  }

  /** Makes one of `.current` where that is a folder: links were followed when the directory was copied. */
  async takeIn(): Promise<void> {
    const current = join(this.#directory, '.current')
    if (!(await unlessMissing(lstat(current)))?.isDirectory()) return
    await makeFolder(this.#folder, this.#directory)
    await this.#add(current).catch(async (error: NodeJS.ErrnoException) => {
      // An overlay, as containers have, renames no folder of its image. Nobody reads through this one: it may take two steps.
      if (error.code !== 'EXDEV') throw error
      const copy = await mkdtemp(join(this.#folder, temporary))
      await cp(current, copy, { recursive: true })
      await this.#add(copy)
      await rm(current, { recursive: true })
    })
    await syncDirectory(this.#directory)
  }

  /** The folders of all but `current`, the oldest first. */
  async former(current: string | undefined): Promise<string[]> {
    return (await this.#names())
      .filter((name) => name !== current)
      .sort((one, other) => Number(one) - Number(other))
      .map((name) => join(this.#folder, name))
  }

  /** Deletes replaced keys after a while. */
  async removeOld(current: string | undefined): Promise<void> {
    const former = await this.former(current)
    // A generation was in use until the next one was made.
    const ends = await Promise.all(former.slice(1).map(async (next) => (await stat(next)).mtimeMs))
    for (const [index, generation] of former.slice(0, 1 - keptGenerations).entries())
      if (Date.now() - (ends[index] ?? Number.POSITIVE_INFINITY) > keptFor)
        await rm(generation, { recursive: true, force: true }).catch(unlessMounted)
  }

  /** Removes one that was never in use. */
  async remove(name: string): Promise<void> {
    await this.#drop(join(this.#folder, name))
  }

  async #drop(folder: string): Promise<void> {
    await rm(folder, { recursive: true, force: true })
    await rmdir(this.#folder).catch(() => undefined) // it goes with the last of them
  }

  async #add(folder: string): Promise<string> {
    const latest = Math.max(0, ...(await this.#names()).map(Number))
    const name = String(latest + 1).padStart(4, '0')
    await rename(folder, join(this.#folder, name))
    await syncDirectory(this.#folder)
    return name
  }

  async #names(): Promise<string[]> {
    return ((await unlessMissing(readdir(this.#folder))) ?? []).filter((name) => /^\d+$/.test(name))
  }
}

/** One in which a file is mounted stays. */
function unlessMounted(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EBUSY') throw error
}
