import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { packageVersion, type Settings } from '../../../config/index.js'
import { MtlsError } from '../../../errors.js'
import { Monitor } from '../../../monitor/monitor.js'
import type { MonitorEvent } from '../../../monitor/snapshot.js'
import { exitCodeOfLevel } from '../../exit-codes.js'
import type { Io } from '../../io/io.js'
import { printable, writeJson, writeLines } from '../../io/output.js'
import { untilSignal } from '../../io/signals.js'
import { painter } from '../../terminal/paint.js'
import { commandRunner } from './after-change.js'
import { snapshotLines } from './report.js'
import { watchTargets } from './targets.js'

export interface MonitorFlags {
  readonly config?: string
  readonly serverId?: readonly string[]
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

export async function run(
  paths: readonly string[],
  flags: MonitorFlags,
  settings: Settings,
  io: Io,
): Promise<void> {
  const monitor = monitorOf(paths, flags, settings, io)
  await untilSignal(io, (signal) => (flags.once ? lookOnce : watch)(monitor, flags, io, signal))
}

function monitorOf(
  named: readonly string[],
  { config, serverId, servers, watchDir = [], interval: intervalMs, within: withinDays }: MonitorFlags,
  settings: Settings,
  io: Io,
): Monitor {
  const { certDir, caCert, crl, trustDomains, keyPassphrase, demoMode, crlMissing } = settings.tls
  const targets = servers ? watchTargets({ config, serverId }, settings, io) : { servers: [], notices: [] }
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
      trustDomains,
      passphrase: keyPassphrase,
      demoMode,
      crlMissingAllowed: crlMissing === 'allow',
    },
    intervalMs,
  })
}

async function lookOnce(
  monitor: Monitor,
  { json }: MonitorFlags,
  io: Io,
  signal: AbortSignal,
): Promise<void> {
  const snapshot = await monitor.lookOnce(signal)
  if (json) writeJson(io, snapshot)
  else writeLines(io.stdout, snapshotLines(snapshot, io, painter(io)))
  io.exitCode = exitCodeOfLevel(snapshot.level)
}

async function watch(monitor: Monitor, flags: MonitorFlags, io: Io, signal: AbortSignal): Promise<void> {
  const run = flags.exec === undefined ? undefined : commandRunner(flags.exec, io, signal)
  monitor.subscribe((events) => {
    for (const event of events) {
      report(event, flags, io)
      if (event.to !== null) run?.(event)
    }
  })
  // The page and its assets are loaded only if it will be served.
  const { createStatusServer } = await import('../../../monitor/status-server.js')
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
    server.close()
    server.closeAllConnections()
  }
}

function report(event: MonitorEvent, { json }: MonitorFlags, io: Io): void {
  const { at, level, name, text } = event
  if (json) writeJson(io, event)
  else writeLines(io.stdout, [printable(`${at} ${level} ${name}: ${text}`)])
}
