import { resolve } from 'node:path'
import { Command } from 'commander'
import { type IssuedEntry, listIssued } from '../../../pki/index.js'
import type { Io } from '../../io/io.js'
import { day, shownPath, table, writeJson, writeLines } from '../../io/output.js'
import {
  addDirectoryOptions,
  directoriesOf,
  numberArgument,
  withinHelp,
} from '../../options/certificate-options.js'

interface Flags {
  readonly within?: number
  readonly json?: boolean
}

const help = `
Examples:
  $ mcp-mtls cert-list
  $ mcp-mtls cert-list --ca-dir ./ca --json

Lists what the CA of a directory has issued, the oldest first: valid, expiring, expired, replaced by a
newer one, revoked, or untrusted (its CA was dropped). The key of the CA is not needed.

Exit codes: 0 done, 1 failed, 64 bad usage`

export function build(io: Io): Command {
  const command = new Command('cert-list')
    .description('Lists what a CA has issued')
    .argument('[directory]', 'of the CA (default: --ca-dir, or the certificate directory)')
    .option('--within <days>', withinHelp, numberArgument)
    .option('--json', 'as JSON')
    .addHelpText('after', help)
  addDirectoryOptions(command)
  return command.action(async (directory: string | undefined, { within, json }: Flags) => {
    const { certDir, caDir } = directoriesOf(command, io, directory)
    const list = await listIssued({
      caDir: directory === undefined ? (caDir ?? certDir) : resolve(io.cwd, directory),
      withinDays: within,
    })
    const warnings = list.damaged.map(
      (path) => `warning: ${shownPath(path, io)} holds no certificate any more`,
    )
    writeLines(io.stderr, warnings)
    if (json)
      return writeJson(io, {
        ca_dir: list.caDir,
        certificates: list.entries.map(jsonOf),
        damaged: list.damaged,
      })
    const head = ['SERIAL', 'SUBJECT', 'NAMES', 'FROM', 'UNTIL', 'STATUS']
    writeLines(io.stdout, table([head, ...list.entries.map(row)]))
  })
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
