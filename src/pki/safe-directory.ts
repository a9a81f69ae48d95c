import { lstat, readlink, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { MtlsError } from '../errors.js'
import { octal } from '../files/exposure.js'
import { unlessMissing } from './durable.js'

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
  if (!(await unlessMissing(lstat(current)))?.isSymbolicLink()) return
  const target = await readlink(current)
  if (!/^\.generations\/\d+$/.test(target)) throw planted(current, target)
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
