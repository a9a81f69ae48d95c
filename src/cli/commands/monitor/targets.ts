import { resolve } from 'node:path'
import { type McpServerEntry, readMcpServers, type Settings, serverNames } from '../../../config/index.js'
import { MtlsError } from '../../../errors.js'
import type { WatchedServer } from '../../../monitor/monitor.js'
import type { Io } from '../../io/io.js'
import { tlsOf } from '../../options/mcp-servers.js'

/** Long enough for a slow server, short enough to be told of a dead one. */
const longestLook = 10_000

export interface WatchTargets {
  readonly servers: readonly WatchedServer[]
  readonly notices: readonly string[]
}

/** The servers of the file when there is one, else those of the settings. Throws `CONFIG_INVALID`. */
export function watchTargets(
  file: string | undefined,
  settings: Settings,
  { cwd }: Pick<Io, 'cwd'>,
): WatchTargets {
  const { tlsEnabled, tls } = settings
  if (!tlsEnabled)
    throw new MtlsError('CONFIG_INVALID', 'monitor looks at servers over mutual TLS, and TLS is off', {
      hint: 'Leave TLS_ENABLED at true; `monitor --no-servers` watches certificates alone.',
    })
  const { demoMode, demoAllowRemote = false } = tls
  const read =
    file === undefined
      ? undefined
      : readMcpServers(resolve(cwd, file), { tls: true, demoMode, demoAllowRemote })
  const entries: Readonly<Record<string, McpServerEntry>> =
    read?.servers ??
    Object.fromEntries(serverNames.map((name) => [name, { url: settings.servers[name].url, tls: {} }]))
  return {
    servers: Object.entries(entries).map(([name, entry]) => ({
      name,
      url: new URL(entry.url),
      serverName: entry.serverName,
      tls: tlsOf(entry, settings),
      timeoutMs: Math.min(settings.timeoutMs, longestLook),
    })),
    notices: read?.notices ?? [],
  }
}
