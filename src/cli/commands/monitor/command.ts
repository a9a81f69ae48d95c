import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { packageVersion, parseDuration, type Settings } from '../../../config/index.js'
import { MtlsError } from '../../../errors.js'
import { exitCodeOf, Monitor } from '../../../monitor/monitor.js'
import type { MonitorEvent } from '../../../monitor/snapshot.js'
import { createStatusServer } from '../../../monitor/status-server.js'
import type { Io } from '../../io/io.js'
import { printable, writeJson, writeLines } from '../../io/output.js'
import { untilSignal } from '../../io/until-signal.js'
import { numberArgument, withinHelp } from '../../options/certificate-options.js'
import { addSettingOptions, resolveSettings } from '../../options/settings.js'
import { painter } from '../../terminal/paint.js'
import { commandRunner } from './after-change.js'
import { snapshotLines } from './report.js'
import { watchTargets } from './targets.js'

interface Flags {
  readonly config?: string
  /** False with `--no-servers`. */
  readonly servers: boolean
  readonly watchDir?: readonly string[]
  readonly interval: number
  readonly within?: number
  readonly port: number
  readonly exec?: string
  readonly once?: boolean
  readonly json?: boolean
}

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
MONITOR_TIME. What is in them comes from certificates and peers: quote it.

Exit codes: 0 ended by a signal, 1 could not watch, 64 bad usage;
with --once: 0 all well, 1 something ends soon or is degraded, 2 something is down or broken`

export function build(io: Io): Command {
  const command = new Command('monitor')
    .description('Watches servers and certificates from outside')
    .argument('[paths...]', 'directories or files of certificates (default: the certificate directory)')
    .option('--config <file>', 'take the servers from a mcpServers JSON file instead of the settings')
    .option('--no-servers', 'watch certificates alone')
    .option('--watch-dir <path>', 'a directory of certificates, beside the others; again for more', collect)
    .option('--interval <time>', 'between two looks at one thing', interval, 10_000)
    .option('--within <days>', withinHelp, numberArgument)
    .option('--port <port>', 'port of the status page on 127.0.0.1, 0 for any free one', port, 8480)
    .option('--exec <command>', 'run a shell command when a server or certificate changes its state')
    .option('--once', 'look once, say what was found, and end')
    .option('--json', 'say it as JSON')
    .addHelpText('after', help)
  addSettingOptions(
    command,
    ...(['certDir', 'caCert', 'clientCert', 'clientKey', 'keyPassphrase', 'crl', 'crlMissing'] as const),
    ...(['demoMode', 'demoAllowRemote', 'minVersion', 'timeout'] as const),
    ...(['weatherUrl', 'datetimeUrl', 'echoUrl'] as const),
    ...(['weatherMcpTlsPort', 'datetimeMcpTlsPort', 'echoMcpTlsPort'] as const),
  )
  return command.action(async (paths: readonly string[], flags: Flags) => {
    const settings = resolveSettings(command, io)
    const monitor = monitorOf(paths, flags, settings, io)
    await (flags.once ? lookOnce : watch)(monitor, flags, io)
  })
}

function monitorOf(
  named: readonly string[],
  { config, servers, watchDir = [], interval: intervalMs, within: withinDays }: Flags,
  settings: Settings,
  io: Io,
): Monitor {
  const { certDir, caCert, crl, keyPassphrase, demoMode, crlMissing } = settings.tls
  const targets = servers ? watchTargets(config, settings, io) : { servers: [], notices: [] }
  writeLines(
    io.stderr,
    targets.notices.map((notice) => `note: ${printable(notice)}`),
  )
  const paths = [...(named.length > 0 ? named : [certDir]), ...watchDir].map((path) => resolve(io.cwd, path))
  return new Monitor({
    servers: targets.servers,
    paths: [...new Set(paths)],
    checking: {
      withinDays,
      caCert,
      crl,
      passphrase: keyPassphrase,
      demoMode,
      crlMissingAllowed: crlMissing === 'allow',
    },
    intervalMs,
  })
}

async function lookOnce(monitor: Monitor, { json }: Flags, io: Io): Promise<void> {
  const { signal, stop } = untilSignal(io)
  try {
    const snapshot = await monitor.lookOnce(signal)
    if (json) writeJson(io, snapshot)
    else writeLines(io.stdout, snapshotLines(snapshot, io, painter(io)))
    io.exitCode = exitCodeOf(snapshot)
  } catch (error) {
    io.exitCode = signal.aborted ? interrupted : 2 // 1 would say that all works for some days
    if (!signal.aborted) throw error
  } finally {
    stop()
  }
}

const interrupted = 130

async function watch(monitor: Monitor, flags: Flags, io: Io): Promise<void> {
  const { signal, stop } = untilSignal(io)
  const run = flags.exec === undefined ? undefined : commandRunner(flags.exec, io, signal)
  monitor.subscribe((events) => {
    for (const event of events) {
      report(event, flags, io)
      if (event.to !== null) run?.(event)
    }
  })
  const server = createStatusServer({
    monitor,
    version: packageVersion,
    patienceMs: 3 * flags.interval + 30_000,
  })
  server.listen(flags.port, '127.0.0.1')
  try {
    await once(server, 'listening')
    const url = `http://localhost:${(server.address() as AddressInfo).port}/`
    if (flags.json) writeJson(io, { url })
    else writeLines(io.stdout, [`status page: ${url}`])
    await monitor.run(signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    throw new MtlsError('PORT_IN_USE', `port ${flags.port} of 127.0.0.1 is in use`, {
      hint: 'Choose another one with --port; 0 is any free one.',
      cause: error,
    })
  } finally {
    stop()
    server.close()
    server.closeAllConnections()
  }
}

function report(event: MonitorEvent, { json }: Flags, io: Io): void {
  const { at, level, name, text } = event
  if (json) writeJson(io, event)
  else writeLines(io.stdout, [printable(`${at} ${level} ${name}: ${text}`)])
}

function collect(path: string, before: readonly string[] = []): readonly string[] {
  return [...before, path]
}

function port(text: string): number {
  const found = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (found <= 65_535) return found
  throw new InvalidArgumentError('Must be a port up to 65535, or 0 for any free one.')
}

function interval(text: string): number {
  const found = parseDuration(text)
  if (found === undefined || found < 500 || found > 3_600_000)
    throw new InvalidArgumentError('Allowed are durations from 500ms to 60m.')
  return found
}
