import type { Settings } from '../../../config/index.js'
import { type IssuedEntry, listIssued } from '../../../pki/index.js'
import type { Io } from '../../io/io.js'
import { day, shownPath, writeJson, writeLines } from '../../io/output.js'
import { type DirectoryFlags, directoriesOf } from '../../options/directories.js'
import { table } from '../../terminal/table.js'

export interface ListFlags extends DirectoryFlags {
  readonly within?: number
  readonly json?: boolean
}

export async function run(
  directory: string | undefined,
  flags: ListFlags,
  settings: Settings,
  io: Io,
): Promise<void> {
  const { certDir, caDir } = directoriesOf(settings, flags, io, directory)
  const { entries, damaged, ...list } = await listIssued({
    caDir: directory === undefined ? (caDir ?? certDir) : certDir,
    withinDays: flags.within,
  })
  writeLines(
    io.stderr,
    damaged.map((path) => `warning: ${shownPath(path, io)} holds no certificate any more`),
  )
  if (flags.json) return writeJson(io, { ca_dir: list.caDir, certificates: entries.map(jsonOf), damaged })
  const head = ['SERIAL', 'SUBJECT', 'NAMES', 'FROM', 'UNTIL', 'STATUS']
  writeLines(io.stdout, table([head, ...entries.map(row)]))
}

function row({ certificate, status, revocation, replacedBy }: IssuedEntry): string[] {
  const { serial, subject, notBefore, notAfter } = certificate
  const detail = {
    revoked: ` ${revocation ? `${day(revocation.at)} (${revocation.reason})` : ''}`,
    replaced: ` by ${replacedBy}`,
  }
  const text = status + (status === 'revoked' || status === 'replaced' ? detail[status] : '')
  return [serial, subject, namesOf(certificate).join(', ') || '–', day(notBefore), day(notAfter), text]
}

function jsonOf({ certificate, status, revocation, replacedBy }: IssuedEntry) {
  const { serial, subject, issuer, isCa, notBefore, notAfter, extendedKeyUsage } = certificate
  return {
    serial,
    type: isCa ? 'ca' : extendedKeyUsage?.includes('serverAuth') ? 'server' : 'client',
    subject,
    issuer,
    names: namesOf(certificate),
    not_before: notBefore.toISOString(),
    not_after: notAfter.toISOString(),
    status,
    ...(revocation && { revoked_at: revocation.at.toISOString(), reason: revocation.reason }),
    ...(replacedBy !== undefined && { replaced_by: replacedBy }),
  }
}

function namesOf({ names }: IssuedEntry['certificate']): string[] {
  return [...names.dns, ...names.ip, ...names.email, ...names.uri]
}
