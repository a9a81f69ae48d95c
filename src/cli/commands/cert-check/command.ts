import { Command, InvalidArgumentError } from 'commander'
import { parseDuration } from '../../../config/duration.js'
import { checkCodes } from '../../../pki/check/check-finding.js'
import type { Io } from '../../io/io.js'
import { serverIdOption, withinOption } from '../../options/arguments.js'
import { addSettingOptions, resolveSettings } from '../../options/settings.js'
import type { CheckFlags } from './run.js'

const help = `
Examples:
  $ mcp-mtls cert-check
  $ mcp-mtls cert-check server.crt server.key --ca-cert ca.crt --within 14
  $ mcp-mtls cert-check https://weather.example.org:8443 --json
  $ mcp-mtls cert-check --watch 5m

Takes files (certificates, chains, keys, revocation lists; PEM or DER), directories, and URLs of live servers; the
certificate directory when nothing is named. Judges validity, days left, chain, key, usage, names, strength,
revocation by the ca.crl beside ca.crt, and file modes. Of a live server it judges what one handshake shows.

Problem codes are those of docs/errors.md and these:
${Object.entries(checkCodes)
  .map(([code, hint]) => `  ${code.padEnd(17)} ${hint}`)
  .join('\n')}`

export function build(io: Io): Command {
  const command = new Command('cert-check')
    .description('Says what is wrong with certificates: files, directories, live servers')
    .argument('[what...]', 'files, directories, https:// URLs (default: the certificate directory)')
    .option('--ca-dir <path>', 'where the key of the CA is kept (default: the certificate directory)')
    .addOption(withinOption())
    .addOption(serverIdOption())
    .option(
      '--watch [interval]',
      'go on: check again when files change, and at the interval (default: 1m)',
      interval,
    )
    .option('--json', 'say it as JSON')
    .addHelpText('after', help)
  addSettingOptions(
    command,
    ...(['certDir', 'caCert', 'trustDomains', 'serverCert', 'serverKey', 'clientCert', 'clientKey'] as const),
    ...(['keyPassphrase', 'crl', 'crlMissing', 'demoMode', 'demoAllowRemote', 'minVersion'] as const),
    'handshakeTimeout',
  )
  return command.action(async (what: readonly string[], flags: CheckFlags) => {
    const settings = await resolveSettings(command, io)
    const { run } = await import('./run.js')
    await run(what, flags, settings, io)
  })
}

function interval(text: string): number {
  const found = text === 'true' ? 60_000 : parseDuration(text)
  if (!found || found > 2 ** 31 - 1)
    throw new InvalidArgumentError('Allowed are durations such as 30s and 5m.')
  return found
}
