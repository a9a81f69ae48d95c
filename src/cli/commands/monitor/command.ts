import { Command, InvalidArgumentError } from 'commander'
import type { Io } from '../../io/io.js'
import { durationArgument, repeatedArgument, serverIdOption, withinOption } from '../../options/arguments.js'
import { addSettingOptions, resolveSettings } from '../../options/settings.js'
import type { MonitorFlags } from './run.js'

const help = `
Examples:
  $ mcp-mtls monitor
  $ mcp-mtls monitor ./certs /etc/mcp/certs --exec 'logger -t mcp "$MONITOR_NAME: $MONITOR_TEXT"'
  $ mcp-mtls monitor --config servers.json --once --json

Looks at servers as a client of them would: over mutual TLS, with the client certificate of the settings; at
their /health and /metrics where they are ours. Of certificates it looks at files, and at what servers show.

One look may take --timeout, 10 seconds at most.

States of a server: up, degraded, draining, refusing (it refuses our certificate), untrusted (we refuse its),
unreachable, unknown (our own files do not let us look).

The status page is for this machine alone, and so are its /status.json, /metrics and /health. Changes are printed,
with --json as one JSON object each.

The command of --exec also runs for what is wrong at the beginning. It is told by its environment: MONITOR_KIND
(server, certificate), MONITOR_NAME, MONITOR_FROM, MONITOR_TO, MONITOR_LEVEL (ok, warning, critical), MONITOR_TEXT,
MONITOR_TIME. What is in them comes from certificates and peers: quote it.`

export function build(io: Io): Command {
  const command = new Command('monitor')
    .description('Watches servers and certificates from outside')
    .argument('[paths...]', 'directories or files of certificates (default: the certificate directory)')
    .option('--config <file>', 'take the servers from a mcpServers JSON file instead of the settings')
    .addOption(serverIdOption())
    .option('--no-servers', 'watch certificates alone')
    .option(
      '--watch-dir <path>',
      'a directory of certificates, beside the others; again for more',
      repeatedArgument,
    )
    .option('--interval <time>', 'between two looks at one thing', durationArgument, 10_000)
    .addOption(withinOption())
    .option('--port <port>', 'port of the status page on 127.0.0.1, 0 for any free one', port, 8480)
    .option('--exec <command>', 'run a shell command when a server or certificate changes its state')
    .option('--once', 'look once, say what was found, and end')
    .option('--json', 'say it as JSON')
    .addHelpText('after', help)
  addSettingOptions(
    command,
    ...(['certDir', 'caCert', 'trustDomains', 'clientCert', 'clientKey', 'keyPassphrase'] as const),
    ...(['crl', 'crlMissing'] as const),
    ...(['demoMode', 'demoAllowRemote', 'minVersion', 'timeout'] as const),
    ...(['weatherUrl', 'datetimeUrl', 'echoUrl'] as const),
    ...(['weatherMcpTlsPort', 'datetimeMcpTlsPort', 'echoMcpTlsPort'] as const),
  )
  return command.action(async (paths: readonly string[], flags: MonitorFlags) => {
    const settings = await resolveSettings(command, io)
    const { run } = await import('./run.js')
    await run(paths, flags, settings, io)
  })
}

function port(text: string): number {
  const found = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (found <= 65_535) return found
  throw new InvalidArgumentError('Must be a port up to 65535, or 0 for any free one.')
}
