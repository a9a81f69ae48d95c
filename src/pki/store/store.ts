import { randomBytes } from 'node:crypto'
import { lstat, readdir, readlink, realpath, rename, rm, stat, symlink } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { syncDirectory, unlessMissing, writeDurably, writing } from '../../files/durable-write.js'
import { withLock } from '../../files/lock.js'
import { makeDirectories } from '../../files/make-directory.js'
import { refuseMounts } from '../../files/mounts.js'
import { isRoot, newFile, type Ownership, refuseForeign } from '../../files/ownership.js'
import { Generations, type NewFile, temporary } from './generations.js'
import { refuseUnsafe } from './safe-directory.js'
import {
  isKey,
  isStored,
  modes,
  otherHalf,
  readStored,
  type StoredFile,
  type StoredFiles,
} from './stored-file.js'

/**
 * A directory of certificates and keys that changes as a whole.
 *
 *     server.crt → .current/server.crt      one such link per file, never touched again
 *     .current   → .generations/0002        one rename switches all of them
 *     .generations/0001/…                   what was there before, for a while
 *
 * Whoever reads through one resolved path sees one generation; a kill at any moment leaves the old or
 * the new one. Files that are not such links belong to the user. A copy with links followed has such files and a folder
 * `.current`, which becomes a former generation.
 */
export class CertificateStore {
  readonly directory: string
  readonly #generations: Generations
  /** Throws when the lock is not ours any more. */
  #confirm = async () => {}

  constructor(directory: string) {
    this.directory = resolve(directory)
    this.#generations = new Generations(this.directory)
  }

  /**
   * Keeps other writers out while `work` runs; makes the directory, and removes what killed writers left. Throws
   * `CERT_WRITE_FAILED`, also for a directory that others may write.
   */
  exclusively<Result>(work: () => Promise<Result>): Promise<Result> {
    return writing(this.directory, async () => {
      makeDirectories(this.directory, modes.directory)
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
      const real = managed ? join(generation ?? '', name) : path
      files.set(name, await readStored(real, { path, managed, linked: true }))
    }
    for (const name of inGeneration.filter((name) => !visible.includes(name))) {
      // A CA without its key is a choice: that key may be kept elsewhere.
      if (name === 'ca.key' || !files.get(otherHalf(name))?.managed) continue
      const path = join(this.directory, name)
      const real = join(generation ?? '', name)
      files.set(name, await readStored(real, { path, managed: true, linked: false }))
    }
    return files
  }

  /**
   * Throws `CERT_WRITE_FAILED` when files of these names could not take the place of what is there, with its owner, group
   * and mode. `commit` asks too; whoever writes elsewhere before asks first. Call it inside `exclusively`.
   */
  async check(names: Iterable<string>): Promise<void> {
    const changes = new Map([...names].map((name) => [name, '']))
    await refuseMounts(this.directory, [...changes.keys(), '.current'])
    const next = changes.size > 0 ? await this.#next(await this.read(), changes) : []
    await refuseForeign(
      this.directory,
      [...next].map(([name, { ownership }]) => [name, ownership]),
    )
  }

  /**
   * Makes `changes` (file name → text) the content of the directory, all at once, beside what it has. What is replaced
   * keeps its owner, group and mode. Call it inside `exclusively`. Gives the folder of the generation that was replaced, if any.
   */
  async commit(changes: ReadonlyMap<string, string>): Promise<string | undefined> {
    await this.check(changes.keys())
    await this.#generations.takeIn()
    const present = await this.read()
    const next = await this.#next(present, changes)
    const replaced = [...present].filter(([name, { managed }]) => !managed && next.has(name))
    if (replaced.length > 0) {
      // Plain files become a generation with the same content first: it is kept, and the switch is one step again.
      const same = [...next].flatMap(([name, { ownership }]): [string, NewFile][] => {
        const text = present.get(name)?.text
        return text === undefined ? [] : [[name, { text, ownership }]]
      })
      await this.#takeOver(
        replaced.map(([name]) => name),
        new Map(same),
      )
    }
    const previous = await this.#generation()
    await this.#switchTo(next)
    await this.#generations.removeOld(basename((await this.#generation()) ?? ''))
    return previous
  }

  /** Removes a file from every generation but the current one. Call it inside `exclusively`. */
  async forget(name: string): Promise<void> {
    await this.#generations.takeIn()
    for (const generation of await this.#generations.former(basename((await this.#generation()) ?? '')))
      await rm(join(generation, name), { force: true })
  }

  /** The files of the next generation: what is ours, and the changes, each with whose it is to be. */
  async #next(present: StoredFiles, changes: ReadonlyMap<string, string>): Promise<Map<string, NewFile>> {
    const directory = await stat(this.directory)
    const ours = [...present].filter(([, { managed }]) => managed).map(([name]) => name)
    const next = new Map<string, NewFile>()
    for (const name of new Set([...ours, ...changes.keys()])) {
      const before = present.get(name)
      const isTheirs = before && !before.managed && !isRoot() && (await lstat(before.path)).isSymbolicLink()
      const fresh = newFile(directory, isKey(name) ? modes.key : modes.certificate)
      const ownership = before && !isTheirs ? likeBefore(name, before.ownership) : fresh
      next.set(name, { text: changes.get(name) ?? before?.text ?? '', ownership })
    }
    return next
  }

  /** Makes a generation of what is there, and links to it of these plain files; or leaves all of it as it was. */
  async #takeOver(names: readonly string[], same: ReadonlyMap<string, NewFile>): Promise<void> {
    const current = join(this.directory, '.current')
    const before = await unlessMissing(readlink(current))
    const generation = await this.#switchTo(same)
    const linked: string[] = []
    try {
      for (const name of names) {
        await this.#link(`.current/${name}`, name)
        linked.push(name)
      }
    } catch (error) {
      for (const name of linked) await this.#put(name, same.get(name))
      if (before === undefined) await rm(current)
      else await this.#link(before, '.current')
      await this.#generations.remove(generation)
      throw error
    }
  }

  /** Makes it the current generation, and returns its name. */
  async #switchTo(files: ReadonlyMap<string, NewFile>): Promise<string> {
    const generation = await this.#generations.write(files)
    try {
      // Links first: until the switch they lead nowhere, which is the same as not being there.
      const visible = await names(this.directory)
      for (const name of files.keys())
        if (!visible.includes(name)) await symlink(`.current/${name}`, join(this.directory, name))
      await syncDirectory(this.directory)
      await this.#confirm()
      await this.#link(`.generations/${generation}`, '.current')
    } catch (error) {
      await this.#generations.remove(generation)
      throw error
    }
    await syncDirectory(this.directory)
    return generation
  }

  /** Puts a plain file in the place of a link. */
  async #put(name: string, file: NewFile | undefined): Promise<void> {
    if (!file) return
    const unfinished = join(this.directory, `${temporary}${randomBytes(6).toString('hex')}`)
    await writeDurably(unfinished, Buffer.from(file.text, 'latin1'), file.ownership)
    await rename(unfinished, join(this.directory, name))
  }

  /** Puts a link in the place of whatever has that name, in one step. */
  async #link(target: string, name: string): Promise<void> {
    const unfinished = join(this.directory, `${temporary}${randomBytes(6).toString('hex')}`)
    await symlink(target, unfinished)
    try {
      await rename(unfinished, join(this.directory, name))
    } catch (error) {
      await rm(unfinished, { force: true })
      throw error
    }
  }

  /** What a killed writer left behind; only the holder of the lock may call it leftover. */
  async #removeLeftovers(): Promise<void> {
    for (const folder of [this.directory, join(this.directory, '.generations')])
      for (const name of (await names(folder)).filter((name) => name.startsWith(temporary)))
        await rm(join(folder, name), { recursive: true, force: true })
  }

  async #generation(): Promise<string | undefined> {
    const path = join(this.directory, '.current')
    return (await unlessMissing(stat(path)))?.isDirectory() ? realpath(path) : undefined
  }

  async #isOurLink(name: string): Promise<boolean> {
    const path = join(this.directory, name)
    return (await lstat(path)).isSymbolicLink() && (await readlink(path)) === `.current/${name}`
  }
}

/** A key that everybody may read was not given to anybody: the new one is its owner's, as others are. */
function likeBefore(name: string, ownership: Ownership): Ownership {
  return isKey(name) && ownership.mode & 0o007 ? { ...ownership, mode: modes.key } : ownership
}

async function names(folder: string): Promise<string[]> {
  return (await unlessMissing(readdir(folder))) ?? []
}
