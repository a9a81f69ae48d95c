import { open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { MtlsError } from '../errors.js'
import { mountHint } from './mounts.js'
import { give, type Ownership } from './ownership.js'

/** A new file, on the disk when this returns. Nobody else may read it before it belongs to whom it should. */
export async function writeDurably(
  path: string,
  content: string | Uint8Array,
  ownership: Ownership,
): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await give(file, ownership)
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Makes names that were created, renamed or removed in a directory survive a crash. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

/** What looking at a file gives; undefined when it is not there. */
export async function unlessMissing<Result>(work: Promise<Result>): Promise<Result | undefined> {
  try {
    return await work
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Runs `work` and turns what the file system refuses into `CERT_WRITE_FAILED`, naming the directory. */
export async function writing<Result>(directory: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (cause) {
    const { code, syscall, path } = cause as NodeJS.ErrnoException
    if (cause instanceof MtlsError || syscall === undefined) throw cause
    const reason = reasons[code ?? ''] ?? code ?? 'unknown error'
    const hint = code === 'EBUSY' || code === 'EROFS' ? { hint: mountHint } : {}
    const use = /^(?:scandir|l?stat|readlink|open)$/.test(syscall) && code === 'EACCES' ? 'used' : 'written'
    throw new MtlsError('CERT_WRITE_FAILED', `${placeOf(path, directory)} cannot be ${use}: ${reason}`, {
      ...hint,
      cause,
    })
  }
}

/** The folder inside of `directory` in which it failed; what is made there has a name that nobody knows. */
function placeOf(path: string | undefined, directory: string): string {
  return path?.startsWith(`${directory}/`) ? dirname(path) : directory
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'it is read-only',
  EBUSY: 'a file in it is a mount of its own and cannot be replaced from here',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota is used up',
  EFBIG: 'the file size limit is reached',
  ENOTDIR: 'it is not a directory',
  EEXIST: 'something else is in the way',
  ENOENT: 'no directory can be made there',
}
