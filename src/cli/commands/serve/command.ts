import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { dirname, join } from 'node:path'
import { Argument, Command } from 'commander'
import {
  isLocalhost,
  isLoopback,
  type ServerName,
  type Settings,
  serverNames,
  settingsOf,
} from '../../../config/index.js'
import type { RunningServer } from '../../../server/index.js'
import { openLog } from '../../../tls/log/log.js'
import type { Io } from '../../io/io.js'
import { table, writeJson, writeLines } from '../../io/output.js'
import { neverHold } from '../../io/until-signal.js'
import { tellUserSignals } from '../../io/user-signals.js'
import { addSettingOptions, resolveSettings } from '../../options/settings.js'
import { makeDemoCertificates } from './demo-certificates.js'
import { refuseSharedPorts, startServers } from './start-servers.js'

interface ServeFlags {
  readonly port?: string
  readonly tlsPort?: string
  readonly json?: boolean
}

export function build(io: Io): Command {
  const command = new Command('serve')
    .description('Runs the weather, datetime and echo servers until SIGINT or SIGTERM')
    .addArgument(new Argument('<server>', 'which one').choices([...serverNames, 'all']))
    .option('--tls-port <port>', 'TLS port, where one server runs')
    .option('--port <port>', 'HTTP port, where one server runs')
    .option('--json', 'say where they listen as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ mcp-mtls serve all
  $ mcp-mtls serve weather --tls-port 9443 --cert-dir ./certs

Prints where the servers listen; the log is on stderr, a JSON object per line. A signal lets calls in
flight finish within --drain-timeout, a second one ends at once. Either all servers start or none.

Exit codes: 0 ended by a signal, 1 could not serve, 64 bad usage`,
    )
    .action(async (which: ServerName | 'all', flags: ServeFlags) => {
      await run(which, resolveSettings(command, io, ownPorts(command, which, flags)), io, flags)
    })
  return addSettingOptions(command, ...settingsOf('tls', 'listen', 'limits', 'weather', 'log'))
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

async function run(
  which: ServerName | 'all',
  settings: Settings,
  io: Io,
  { json }: ServeFlags,
): Promise<void> {
  const names = which === 'all' ? serverNames : [which]
  refuseSharedPorts(names, settings)
  const { stop, force } = signals(io)
  io.isService = true
  const { logger } = openLog({ level: settings.logLevel })
  tellUserSignals((signal) => logger.warn({ event: 'signal-ignored', signal }, `${signal} does nothing here`))
  if (settings.tlsEnabled) {
    await makeDemoCertificates(settings, io)
    warnOfAuthorityKey(settings, io)
  }
  let servers: readonly RunningServer[] = []
  // From before they listen, since SIGHUP would end the process. What a reload says goes to the log, as when
  // the files change by themselves.
  process.on('SIGHUP', () => {
    for (const server of servers) {
      server.reopenLog()
      server.reload().catch(() => undefined)
    }
  })
  servers = await startServers(names, settings)
  const mode = !settings.tlsEnabled ? 'plaintext' : settings.tls.demoMode ? 'demo' : 'strict'
  const listening = servers.map(({ name, url }) => ({ name, url, mode }))
  if (json) writeJson(io, { servers: listening })
  else writeLines(io.stdout, table(listening.map(({ name, url }) => [name, url, mode])))

  if (!stop.aborted) await once(stop, 'abort')
  force.addEventListener('abort', () => servers.map((server) => server.close({ drainTimeout: 0 })))
  // Not past the log: a terminal that is stopped would hold it up.
  logger.info({ event: 'draining' }, 'draining; a second signal ends at once')
  await Promise.all(servers.map((server) => server.close()))
}

/** Who takes over a server that others can reach should not find the key that makes identities. */
function warnOfAuthorityKey({ host, tls }: Settings, io: Io): void {
  if (isLoopback(host) || isLocalhost(host)) return
  const directories = new Set([tls.certDir, ...(tls.caCert === undefined ? [] : [dirname(tls.caCert)])])
  for (const path of [...directories].map((directory) => join(directory, 'ca.key')).filter(isReadable))
    writeLines(io.stderr, [
      `warning: this server listens on ${host} and can read the key of the CA, ${path}`,
      'hint: Keep the CA elsewhere: `mcp-mtls cert-gen --ca-dir DIR`.',
    ])
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK)
    return true
  } catch {
    return false
  }
}

/** Aborted by the first signal that asks to stop, and by the second. */
function signals(io: Io): { stop: AbortSignal; force: AbortSignal } {
  const stop = new AbortController()
  const force = new AbortController()
  neverHold(io.stdout)
  neverHold(io.stderr)
  const onSignal = () => {
    io.stopped = true
    const next = stop.signal.aborted ? force : stop
    next.abort()
  }
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
  return { stop: stop.signal, force: force.signal }
}
