import { randomBytes } from 'node:crypto'
import { constants, type Stats } from 'node:fs'
import { type FileHandle, open, rm, stat } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { MtlsError } from '../errors.js'
import { makeDirectories } from './make-directory.js'

/** Windows has other ways to say whose a file is. */
const hasOwners = process.geteuid !== undefined

/** Whose a file is, and its permission bits; without user and group it is its writer's. */
export interface Ownership {
  readonly uid?: number
  readonly gid?: number
  readonly mode: number
}

/** That of a file in whose place another comes. */
export function ownershipOf({ uid, gid, mode }: Stats): Ownership {
  return { uid, gid, mode: mode & 0o777 }
}

/** That of a new file in a directory: root writes for the owner of the directory, everybody else as themselves. */
export function newFile(directory: Stats, mode: number): Ownership {
  return isRoot() ? { uid: directory.uid, gid: directory.gid, mode } : { mode }
}

/** That of our folders in it: whoever may enter the directory may enter them. */
export function newFolder({ uid, gid, mode }: Stats): Ownership {
  const bits = (mode & 0o2777) | 0o700
  if (isRoot()) return { uid, gid, mode: bits }
  return isOurGroup(gid) ? { gid, mode: bits } : { mode: bits & ~0o2070 } // another group is to get nothing
}

/**
 * Makes an open file or folder that is ours one of this ownership. Always by its handle: by a path, whoever owns the
 * directory could have root give away something else.
 */
export async function give(file: FileHandle, wanted: Ownership): Promise<void> {
  const { uid, gid, mode } = await file.stat()
  const owner = [wanted.uid ?? uid, wanted.gid ?? gid] as const
  if (uid !== owner[0] || gid !== owner[1]) await file.chown(...owner)
  if ((mode & 0o7777) !== wanted.mode) await file.chmod(wanted.mode)
}

/**
 * A folder of ours inside a directory. A new one is open to those who may enter the directory; one that is
 * there keeps its mode, and root gives it to the owner of the directory.
 */
export async function makeFolder(path: string, directory: string): Promise<void> {
  const isNew = (await stat(path).catch(() => undefined)) === undefined
  makeDirectories(path, 0o700)
  await shareFolder(path, directory, isNew)
}

/** Gives a folder that is ours the ownership of new folders in `directory`; its mode too if so wished. */
export async function shareFolder(path: string, directory: string, withMode = true): Promise<void> {
  if (!hasOwners) return
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
  try {
    const wanted = newFolder(await stat(directory))
    if (withMode) await give(folder, wanted)
    else if (isRoot()) await give(folder, { ...wanted, mode: (await folder.stat()).mode & 0o7777 })
  } finally {
    await folder.close()
  }
}

/**
 * Throws `CERT_WRITE_FAILED` when what is written in `directory` cannot be given to whom it belongs: `all` has the
 * files to be replaced. It is tried with an empty file, because only the system knows: root in a container may
 * lack the right to.
 */
export async function refuseForeign(
  directory: string,
  all: Iterable<readonly [name: string, Ownership]>,
): Promise<void> {
  if (!hasOwners) return
  const doubtful = [...all, ['', newFile(await stat(directory), 0)] as const].filter(
    ([, { uid, gid }]) =>
      (uid !== undefined && uid !== process.geteuid?.()) || (gid !== undefined && !isOurGroup(gid)),
  )
  if (doubtful.length === 0) return
  const path = join(directory, `.tmp-${randomBytes(6).toString('hex')}`)
  const file = await open(path, 'wx', 0o600)
  try {
    for (const [name, wanted] of doubtful)
      await give(file, { ...wanted, mode: 0o600 }).catch((cause) => {
        throw foreign(join(directory, name), wanted, cause)
      })
  } finally {
    await file.close()
    await rm(path, { force: true })
  }
}

function foreign(path: string, { uid, gid }: Ownership, cause: unknown): MtlsError {
  const whose = `${path} belongs to user ${uid} and group ${gid}`
  if (isRoot())
    return new MtlsError(
      'CERT_WRITE_FAILED',
      `${whose}, and root may not give files to them here, as in some containers: nothing was changed`,
      { hint: `Run it as that user (\`--user ${uid}:${gid}\` for a container), or with CAP_CHOWN.`, cause },
    )
  const isOther = uid !== process.geteuid?.()
  const problem = isOther ? `not to ${ourselves()}` : `and ${ourselves()} is not in that group`
  return new MtlsError(
    'CERT_WRITE_FAILED',
    `${whose}, ${problem}, so it cannot be replaced by one like it: nothing was changed`,
    { hint: `Run it as root${isOther ? `, or as its owner: \`sudo -u '#${uid}'\`` : ''}.`, cause },
  )
}

function ourselves(): string {
  const uid = process.geteuid?.()
  try {
    return `user ${uid} (${userInfo().username})`
  } catch {
    return `user ${uid}` // one without a name, as in containers
  }
}

/** Root may give files away, and works for the owner of a directory. */
export function isRoot(): boolean {
  return process.geteuid?.() === 0
}

function isOurGroup(gid: number): boolean {
  return gid === process.getegid?.() || (process.getgroups?.() ?? []).includes(gid)
}
