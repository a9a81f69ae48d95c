import { lstat, readdir, readlink, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { MtlsError } from '../../errors.js'
import { unlessMissing } from '../../files/durable-write.js'
import { octal } from '../../files/exposure.js'

/**
 * Throws `CERT_WRITE_FAILED` for a directory in which no keys should be put: others may put files there too, or have put
 * a link where a folder of ours belongs, which would lead keys to another place.
 */
export async function refuseUnsafe(directory: string): Promise<void> {
  const { mode } = await stat(directory)
  if (mode & 0o002) throw openToOthers(directory, mode)
  for (const name of ['.generations', 'issued']) {
    const path = join(directory, name)
    const found = await unlessMissing(lstat(path))
    if (found?.isSymbolicLink()) throw planted(path, await readlink(path))
    if (found && found.mode & 0o002) throw openToOthers(path, found.mode)
  }
  const current = join(directory, '.current')
  const found = await unlessMissing(lstat(current))
  if (found === undefined) return
  if (found.isDirectory()) return refuseMixed(directory, current, found.mode)
  if (!found.isSymbolicLink()) throw inTheWay(current)
  const target = await readlink(current)
  if (!/^\.generations\/\d+$/.test(target)) throw planted(current, target)
}

/** `.current` is a folder where a directory was copied with its links followed: then no name may be a link into it. */
async function refuseMixed(directory: string, current: string, mode: number): Promise<void> {
  if (mode & 0o002) throw openToOthers(current, mode)
  for (const name of await readdir(directory)) {
    const target = await readlink(join(directory, name)).catch(() => undefined)
    if (target === `.current/${name}`) throw halfCopied(current, join(directory, name))
  }
}

function openToOthers(directory: string, mode: number): MtlsError {
  return new MtlsError(
    'CERT_WRITE_FAILED',
    `${directory}: others may put files there (mode ${octal(mode)}), so nothing is written to it`,
    {
      hint: 'Take that right away (chmod o-w), or name a directory of its own inside, which is made for you.',
    },
  )
}

function planted(path: string, target: string): MtlsError {
  return new MtlsError('CERT_WRITE_FAILED', `${path} leads to ${target}, and no command of ours made it so`, {
    hint: 'Look who put it there, and remove it.',
  })
}

function inTheWay(path: string): MtlsError {
  return new MtlsError('CERT_WRITE_FAILED', `${path} is a file where a link of ours belongs`, {
    hint: 'Look what it is, and remove it.',
  })
}

function halfCopied(current: string, link: string): MtlsError {
  return new MtlsError(
    'CERT_WRITE_FAILED',
    `${current} is a folder and ${link} a link into it: the directory was copied in two ways, so nothing is written to it`,
    { hint: 'Copy the files with all links followed into an empty directory (`cp -rL`), and use that one.' },
  )
}
