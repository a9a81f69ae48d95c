import { Command } from 'commander'
import { revocationReasons } from '../../../pki/certificate/revocation-reasons.js'
import type { Io } from '../../io/io.js'
import { addDirectoryOptions } from '../../options/directories.js'
import { resolveSettings } from '../../options/settings.js'
import { warnOfClock } from '../../terminal/clock-warning.js'
import type { RevokeFlags } from './run.js'

const help = `
Examples:
  $ mcp-mtls cert-revoke certs/agent-7.crt --reason keyCompromise
  $ mcp-mtls cert-revoke 5f0c1b2a99d14c3e8a7b6c5d4e3f2a1b --ca-dir ./ca

Records it, and signs a revocation list, ca.crl, beside ca.crt. Servers and clients of that directory take it up by
themselves; copy it to every other machine. A revoked certificate never becomes valid again.

Reasons: ${revocationReasons.join(', ')}`

export function build(io: Io): Command {
  const command = new Command('cert-revoke')
    .description('Revokes a certificate, and publishes that in a signed revocation list')
    .argument('<file-or-serial>', 'the file of the certificate, or its serial number in hex')
    .option('--reason <reason>', 'why, see below (default: unspecified)')
    .option('--force', 'a serial number that is not among what this CA is known to have issued, too')
    .option('--json', 'what is revoked now as JSON')
    .addHelpText('after', help)
  addDirectoryOptions(command)
  return command.action(async (fileOrSerial: string, flags: RevokeFlags) => {
    warnOfClock(io)
    const settings = await resolveSettings(command, io)
    const { run } = await import('./run.js')
    await run(fileOrSerial, flags, settings, io)
  })
}
