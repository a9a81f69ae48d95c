import { Command, Option } from 'commander'
import { serverNames } from '../../../config/settings/choices.js'
import { stepCodes } from '../../../probe/diagnose/steps.js'
import type { Io } from '../../io/io.js'
import { serverIdOption } from '../../options/arguments.js'
import { addSettingOptions, resolveSettings } from '../../options/settings.js'
import type { TestFlags } from './run.js'

const help = `
Examples:
  $ mcp-mtls test-tls --server weather
  $ mcp-mtls test-tls https://mcp.example.org:8443/mcp --json
  $ mcp-mtls test-tls --server weather --audit

Goes step by step, from the name of the server to one call of a tool that only reads, and says of each step what was
found, or what failed, which side refused, and what to do. It shows our client certificate and judges the server
as \`ask\` does. Any MCP server over HTTPS can be tested.

--audit makes certificates in memory that must open nothing, and tries each, old versions, weak suites, plain HTTP,
sessions of strangers, renegotiation, and a handshake that stands still. With the key of the CA it can also make
good ones that have expired or are for another use. It takes up to 8 seconds. The server's log will tell of it.

Codes are those of docs/errors.md and these:
${Object.entries(stepCodes)
  .map(([code, hint]) => `  ${code.padEnd(21)} ${hint}`)
  .join('\n')}`

export function build(io: Io): Command {
  const command = new Command('test-tls')
    .description('Says step by step whether a server can be called over mutual TLS, and if not, why')
    .argument('[url]', 'where MCP is, https://HOST:PORT/mcp')
    .addOption(
      new Option('--server <name>', 'one of our servers, at its URL from the settings').choices(serverNames),
    )
    .option('--server-name <name>', 'the name the certificate must have, instead of the host of the URL')
    .addOption(serverIdOption())
    .option('--audit', 'also try what the server must refuse: old versions, weak suites, strangers …')
    .option(
      '--ca-dir <path>',
      'where the key of the CA is, for certificates that --audit makes (default: the certificate directory)',
    )
    .option('--json', 'say it as JSON')
    .addHelpText('after', help)
  addSettingOptions(
    command,
    ...(['certDir', 'caCert', 'trustDomains', 'clientCert', 'clientKey', 'keyPassphrase'] as const),
    ...(['crl', 'crlMissing'] as const),
    ...(['demoMode', 'demoAllowRemote', 'minVersion', 'handshakeTimeout', 'timeout'] as const),
    ...(['weatherUrl', 'datetimeUrl', 'echoUrl'] as const),
    ...(['weatherMcpTlsPort', 'datetimeMcpTlsPort', 'echoMcpTlsPort'] as const),
  )
  return command.action(async (url: string | undefined, flags: TestFlags) => {
    const settings = await resolveSettings(command, io)
    const { run } = await import('./run.js')
    await run(url, flags, settings, io)
  })
}
