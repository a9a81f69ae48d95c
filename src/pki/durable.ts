import { open } from 'node:fs/promises'
import { MtlsError } from '../errors.js'
import { makeDirectories } from '../files/make-directory.js'

export const modes = { key: 0o600, certificate: 0o644, directory: 0o700 } as const

/** A new file, on the disk when this returns. The mode counts from the first moment: a key is never readable by others. */
export async function writeDurably(path: string, content: string | Uint8Array, mode: number): Promise<void> {
  const file = await open(path, 'wx', mode)
  try {
    await file.chmod(mode) // the umask may have taken the reading of a certificate away
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

export async function makeDirectory(path: string): Promise<void> {
  makeDirectories(path, modes.directory)
}

/** What comes of looking at a file; undefined when it is not there. */
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
    const { code, syscall } = cause as NodeJS.ErrnoException
    if (cause instanceof MtlsError || syscall === undefined) throw cause
    const reason = reasons[code ?? ''] ?? code ?? 'unknown error'
    throw new MtlsError('CERT_WRITE_FAILED', `${directory} cannot be written: ${reason}`, { cause })
  }
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'it is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota is used up',
  EFBIG: 'the file size limit is reached',
  ENOTDIR: 'it is not a directory',
  EEXIST: 'something else is in the way',
  ENOENT: 'no directory can be made there',
}
