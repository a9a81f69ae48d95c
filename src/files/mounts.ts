import { readFile, realpath } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { MtlsError } from '../errors.js'

export const mountHint =
  'Renew where the files come from, or mount the whole directory, so that it can be written: nothing new arrives in a file that is mounted alone.'

/**
 * Throws `CERT_WRITE_FAILED` for names in a directory that are mounts of their own (`-v server.crt:/certs/server.crt`,
 * `subPath` of Kubernetes): no other file can take their place.
 */
export async function refuseMounts(directory: string, names: Iterable<string>): Promise<void> {
  const mounts = await mountPoints()
  if (mounts.size === 0) return
  const real = await realpath(directory)
  for (const name of names) {
    const path = join(real, name)
    // Through our links it is the file of a generation that is mounted over.
    const target = await realpath(path).catch(() => path)
    const isMount = mounts.has(path) || (target.startsWith(real + sep) && mounts.has(target))
    if (isMount)
      throw new MtlsError(
        'CERT_WRITE_FAILED',
        `${join(directory, name)} is a mount of its own and cannot be replaced from here: nothing was changed`,
        { hint: mountHint },
      )
  }
}

/** Where something is mounted, as this process sees it; empty where the system does not tell. */
async function mountPoints(): Promise<ReadonlySet<string>> {
  const text = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '')
  return readMountPoints(text)
}

/** The fifth field of each line, in which blanks are octal (proc(5)). */
export function readMountPoints(mountinfo: string): ReadonlySet<string> {
  const fields = mountinfo.split('\n').flatMap((line) => line.split(' ')[4] ?? [])
  return new Set(
    fields.map((field) =>
      field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
    ),
  )
}
