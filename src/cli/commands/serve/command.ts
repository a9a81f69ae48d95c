import { Argument, Command } from 'commander'
import { type ServerName, serverNames } from '../../../config/settings/choices.js'
import { settingsOf } from '../../../config/settings/setting-table.js'
import type { Io } from '../../io/io.js'
import { allowOption } from '../../options/arguments.js'
import { addSettingOptions, resolveSettings } from '../../options/settings.js'
import type { ServeFlags } from './run.js'

export function build(io: Io): Command {
  const command = new Command('serve')
    .description('Runs the weather, datetime and echo servers until SIGINT or SIGTERM')
    .addArgument(new Argument('<server>', 'which one').choices([...serverNames, 'all']))
    .option('--tls-port <port>', 'TLS port, where one server runs')
    .option('--port <port>', 'HTTP port, where one server runs')
    .addOption(allowOption())
    .option('--json', 'say where they listen as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ mcp-mtls serve all
  $ mcp-mtls serve weather --tls-port 9443 --cert-dir ./certs
  $ mcp-mtls serve all --policy policy.yaml --audit-log audit.jsonl
  $ mcp-mtls serve echo --allow spiffe://example.org/agent/7 --allow cn:operator

Prints where the servers listen; the log is on stderr, a JSON object per line. A signal lets calls in
flight finish within --drain-timeout, a second one ends at once. Either all servers start or none.
A policy says who may call what: docs/authorization.md. Calls are recorded: docs/audit.md.`,
    )
    .action(async (which: ServerName | 'all', flags: ServeFlags) => {
      const settings = await resolveSettings(command, io, ownPorts(command, which, flags))
      const { run } = await import('./run.js')
      await run(which, flags, settings, io)
    })
  return addSettingOptions(command, ...settingsOf('tls', 'listen', 'limits', 'policy', 'weather', 'log'))
}

/** `--tls-port` of `serve echo` is the setting `--echo-mcp-tls-port`. */
function ownPorts(command: Command, which: ServerName | 'all', { port, tlsPort }: ServeFlags) {
  if (port === undefined && tlsPort === undefined) return {}
  if (which === 'all')
    command.error('error: --port and --tls-port are for one server; see --weather-mcp-tls-port …')
  return {
    ...(port === undefined ? {} : { [`${which}McpPort`]: port }),
    ...(tlsPort === undefined ? {} : { [`${which}McpTlsPort`]: tlsPort }),
  }
}
