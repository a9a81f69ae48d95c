import { resolve } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { parseDuration, type Settings } from '../../config/index.js'
import { exitCodeOf, Monitor } from '../../monitor/monitor.js'
import type { Io } from '../io.js'
import { snapshotLines } from '../monitor-report.js'
import { printable, writeJson, writeLines } from '../output.js'
import { painter } from '../paint.js'
import { addSettingOptions, resolveSettings } from '../settings.js'
import { untilSignal } from '../until-signal.js'
import { watchTargets } from '../watch-targets.js'

interface Flags {
  readonly config?: string
  /** False with `--no-servers`. */
  readonly servers: boolean
  readonly watchDir?: readonly string[]
  readonly interval: number
  readonly within: number
  readonly once?: boolean
  readonly json?: boolean
}

const help = `
Examples:
  $ mcp-mtls monitor --once
  $ mcp-mtls monitor --config servers.json --once --json

Looks at servers as a client of them would: over mutual TLS, with the client certificate of the settings; at
their /health and /metrics where they are ours. Of certificates it looks at files, and at what servers show.

States of a server: up, degraded, draining, refusing (it refuses our certificate), untrusted (we refuse its),
unreachable, unknown (our own files do not let us look).

Exit codes with --once: 0 all well, 1 something ends soon or is degraded, 2 something is down or broken, 64 bad usage`

export function build(io: Io): Command {
  const command = new Command('monitor')
    .description('Watches servers and certificates from outside')
    .argument('[paths...]', 'directories or files of certificates (default: the certificate directory)')
    .option('--config <file>', 'take the servers from a mcpServers JSON file instead of the settings')
    .option('--no-servers', 'watch certificates alone')
    .option('--watch-dir <path>', 'a directory of certificates, beside the others; again for more', collect)
    .option('--interval <time>', 'between two looks at one thing', interval, 10_000)
    .option('--within <days>', 'warn of what ends within so many days', days, 30)
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
    await lookOnce(monitor, flags, io)
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
  const { signal, stop } = untilSignal()
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

function collect(path: string, before: readonly string[] = []): readonly string[] {
  return [...before, path]
}

function days(text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new InvalidArgumentError('It is not a number of days.')
  return Number(text)
}

function interval(text: string): number {
  const found = parseDuration(text)
  if (found === undefined || found < 500 || found > 3_600_000)
    throw new InvalidArgumentError('Allowed are durations from 500ms to 60m.')
  return found
}
