import { lstatSync, realpathSync, statSync } from 'node:fs'
import { lstat, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** Permission bits as people write them: `0644`. */
export function octal(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, '0')
}

/**
 * Who may do with a private key what its owner alone should; undefined when that is nobody. Its group may read it:
 * services are given keys that way. So may everybody in a Kubernetes volume, which belongs to one pod.
 */
export async function keyExposure(path: string, mode: number): Promise<string | undefined> {
  if (mode & 0o007 && !(await isVolume(dirname(path)))) return `others may read ${path} (mode ${octal(mode)})`
  return mode & 0o020 ? `its group may change ${path} (mode ${octal(mode)})` : undefined
}

/** The same of a file as it is now; undefined when it is gone. */
export async function exposureOf(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined)
  return found && keyExposure(path, found.mode)
}

/** Who may change a file besides its owner and root; undefined when that is nobody. Lists of rights (ACLs) show as those of its group. */
export function fileExposure(mode: number): string | undefined {
  if ((mode & 0o022) === 0) return undefined
  return `${mode & 0o002 ? 'others' : 'its group'} may change it (mode ${octal(mode)})`
}

/** Who may put other files into a directory. With the sticky bit that does not replace those of its owner. */
export function directoryExposure(path: string, mode: number): string | undefined {
  if ((mode & 0o022) === 0 || mode & 0o1000) return undefined
  return `${mode & 0o002 ? 'others' : 'its group'} may replace what is in ${path} (mode ${octal(mode)})`
}

/** What others may change, and who they are, in words. */
export interface Exposure {
  readonly path: string
  readonly exposure: string
}

/**
 * Who may put another file in the place of this one, or of the link to it, in which directory; undefined when that is nobody but its
 * owner and root. A Kubernetes volume, whose directory everybody may write, belongs to one pod; its link is not taken from others.
 * Throws what the file system says.
 */
export function placeExposure(file: string): Exposure | undefined {
  for (const path of new Set([file, realpathSync(file)].map((one) => dirname(one)))) {
    const exposure = isOwnVolume(path) ? undefined : directoryExposure(path, statSync(path).mode)
    if (exposure !== undefined) return { path, exposure }
  }
  return undefined
}

function isOwnVolume(directory: string): boolean {
  const link = lstatSync(join(directory, '..data'), { throwIfNoEntry: false })
  return link?.isSymbolicLink() === true && [0, process.geteuid?.()].includes(link.uid)
}

/** Kubernetes switches secrets and projected volumes by this link. */
async function isVolume(directory: string): Promise<boolean> {
  return lstat(join(directory, '..data')).then(
    (found) => found.isSymbolicLink(),
    () => false,
  )
}
