import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs'
import { access, open } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { shellPath } from '../text/shell-word.js'

/** A revocation list of a million entries; nobody's memory is filled with a disk image. */
const largestFile = 64 * 1024 * 1024
/** Settings, passphrases, lists of servers. */
const largestText = 1024 * 1024

// Opening a pipe that nobody writes to would wait for ever, and so would the end of the process.
const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)

/** What is no file that can be read. Its message goes after the path. */
export class Unreadable extends Error {}

/** Whether there is something at a path; with `constants.R_OK`, whether this process may read it. */
export function isThere(path: string, right = constants.F_OK): Promise<boolean> {
  return access(path, right).then(
    () => true,
    () => false,
  )
}

/** A regular file: its bytes, and what the file system says of it, by one handle. Throws `Unreadable`, or what the file system says. */
export async function readRegularFile(path: string): Promise<{ bytes: Buffer; stats: Stats }> {
  const file = await open(path, flags)
  try {
    const stats = await file.stat()
    requireFile(stats, largestFile)
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(stats.size + 1) })
    return { bytes: buffer.subarray(0, bytesRead), stats }
  } finally {
    await file.close()
  }
}

/** The same at once: for one of hundreds of files, of which each would wait longer for its turn than for the disk. */
export function readRegularFileNow(path: string): { bytes: Buffer; stats: Stats } {
  const file = openSync(path, flags)
  try {
    const stats = fstatSync(file)
    requireFile(stats, largestFile)
    const buffer = Buffer.alloc(stats.size + 1)
    return { bytes: buffer.subarray(0, readSync(file, buffer)), stats }
  } finally {
    closeSync(file)
  }
}

/**
 * The bytes of a small file at once, or of a pipe into which somebody writes; `check` may throw for what the file system says of it.
 * Throws `Unreadable`, or what the file system says.
 */
export function readSmallFile(path: string, check?: (found: Stats) => void): Buffer {
  const file = openSync(path, flags)
  try {
    const found = fstatSync(file)
    if (!found.isFIFO()) requireFile(found, largestText)
    check?.(found)
    const bytes = readAll(file)
    if (found.isFIFO() && bytes.length === 0) throw new Unreadable('is a pipe into which nobody writes')
    return bytes
  } finally {
    closeSync(file)
  }
}

/** The same as text. Other encodings than UTF-8 are `Unreadable`: a character that was guessed would be another name. */
export function readSmallText(path: string, check?: (found: Stats) => void): string {
  const bytes = readSmallFile(path, check)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new Unreadable('is not text in UTF-8')
  }
}

/** Why a file could not be read, to go after its path. */
export function whyUnreadable(cause: unknown): string {
  if (cause instanceof Unreadable) return cause.message
  const { code } = cause as NodeJS.ErrnoException
  return code === 'ENOENT' || code === 'ENOTDIR' ? 'does not exist' : `cannot be read (${code})`
}

/** How this process may come to read a file that it may not read now; undefined when something else kept it from that. */
export function wayToRead(path: string, cause: unknown): string | undefined {
  const { code } = { ...(cause as NodeJS.ErrnoException | undefined) }
  if (code !== 'EACCES' && code !== 'EPERM') return undefined
  const user = process.geteuid?.()
  const owner = ownerOf(path)
  const who = `This process runs as user ${user ?? userInfo().username}`
  if (owner === undefined) return `${who}: let it enter the directories of this path (\`chmod +x\`).`
  if (owner === user) return `Yours, but not readable: \`chmod u+r ${shellPath(path)}\`.`
  return `${who}, the file belongs to user ${owner}: run as its owner, or let a group of this user read it (\`chgrp\`, \`chmod g+r\`).`
}

function ownerOf(path: string): number | undefined {
  try {
    return statSync(path).uid
  } catch {
    return undefined
  }
}

function requireFile(found: Stats, largest: number): void {
  if (!found.isFile()) throw new Unreadable(found.isDirectory() ? 'is a directory' : 'is not a file')
  if (found.size > largest) throw new Unreadable(`is too large: ${found.size} bytes`)
}

function readAll(file: number): Buffer {
  const chunks: Buffer[] = []
  let size = 0
  for (let patience = 100; ; ) {
    const chunk = Buffer.alloc(64 * 1024)
    try {
      const length = readSync(file, chunk)
      if (length === 0) return Buffer.concat(chunks)
      size += length
      if (size > largestText) throw new Unreadable(`has more than ${largestText} bytes`)
      chunks.push(chunk.subarray(0, length))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
      if (patience-- === 0) throw new Unreadable('is a pipe into which nobody writes')
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50)
    }
  }
}
