import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { Command } from 'commander'
import { type RevocationReason, revocationReasons, revokeCertificate } from '../../../pki/index.js'
import type { Io } from '../../io/io.js'
import { day, shownPath, writeJson, writeLines } from '../../io/output.js'
import { addDirectoryOptions, directoriesOf, directoryFlags } from '../../options/certificate-options.js'
import { warnOfClock } from '../../terminal/clock-warning.js'

interface Flags {
  readonly reason?: RevocationReason
  readonly force?: boolean
  readonly json?: boolean
}

const help = `
Examples:
  $ mcp-mtls cert-revoke certs/agent-7.crt --reason keyCompromise
  $ mcp-mtls cert-revoke 5f0c1b2a99d14c3e8a7b6c5d4e3f2a1b --ca-dir ./ca

Records it, and signs a revocation list, ca.crl, beside ca.crt. Servers and clients of that directory take it up by
themselves; copy it to every other machine. A revoked certificate never becomes valid again.

Reasons: ${revocationReasons.join(', ')}

Exit codes: 0 done (or revoked before), 1 failed, 64 bad usage`

export function build(io: Io): Command {
  const command = new Command('cert-revoke')
    .description('Revokes a certificate, and publishes that in a signed revocation list')
    .argument('<file-or-serial>', 'the file of the certificate, or its serial number in hex')
    .option('--reason <reason>', 'why, see below (default: unspecified)')
    .option('--force', 'a serial number that is not among what this CA is known to have issued, too')
    .option('--json', 'what is revoked now as JSON')
    .addHelpText('after', help)
  addDirectoryOptions(command)
  return command.action(async (argument: string, { reason, force, json }: Flags) => {
    warnOfClock(io)
    const path = resolve(io.cwd, argument)
    const directories = directoriesOf(command, io)
    const certificate = existsSync(path) || /[/\\]|\.\w+$/.test(argument) ? path : argument
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
      `next: npx mcp-mtls cert-list${directoryFlags(directories, io)}`,
    ])
  })
}
