import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Settings } from '../../../config/index.js'
import { type RevocationReason, revokeCertificate } from '../../../pki/index.js'
import type { Io } from '../../io/io.js'
import { day, shownPath, writeJson, writeLines } from '../../io/output.js'
import { type DirectoryFlags, directoriesOf, typedCommand } from '../../options/directories.js'

export interface RevokeFlags extends DirectoryFlags {
  readonly reason?: RevocationReason
  readonly force?: boolean
  readonly json?: boolean
}

export async function run(
  fileOrSerial: string,
  flags: RevokeFlags,
  settings: Settings,
  io: Io,
): Promise<void> {
  const { reason, force, json } = flags
  const path = resolve(io.cwd, fileOrSerial)
  const directories = directoriesOf(settings, flags, io)
  const certificate = existsSync(path) || /[/\\]|\.\w+$/.test(fileOrSerial) ? path : fileOrSerial
  const revoked = await revokeCertificate({ ...directories, certificate, reason, force })
  const { serial, list, already, paths } = revoked
  if (json)
    return writeJson(io, {
      serial,
      subject: revoked.certificate?.subject ?? null,
      revoked_at: revoked.at.toISOString(),
      reason: revoked.reason,
      already_revoked: already,
      crl: { paths, number: String(list.number), next_update: list.nextUpdate.toISOString() },
    })
  const name = revoked.certificate ? `${revoked.certificate.subject} (${serial})` : serial
  writeLines(io.stdout, [
    already
      ? `${name} was revoked before, on ${day(revoked.at)} (${revoked.reason})`
      : `revoked ${name}: ${revoked.reason}`,
    ...paths.map(
      (file) =>
        `${shownPath(file, io)}  ${list.revoked.size} revoked, next list before ${day(list.nextUpdate)}`,
    ),
    '',
    'Servers and clients of this directory take the list up by themselves; copy it to every other machine.',
    `next: ${typedCommand('cert-list', directories, io)}`,
  ])
}
