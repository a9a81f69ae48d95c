import type { Settings } from '../../../config/index.js'
import { MtlsError } from '../../../errors.js'
import type { WatchedServer } from '../../../monitor/monitor.js'
import type { Io } from '../../io/io.js'
import { mcpServers, type ServersFlags, tlsOf } from '../../options/mcp-servers.js'

/** Long enough for a slow server, short enough to notice a dead one. */
const longestLook = 10_000

export interface WatchTargets {
  readonly servers: readonly WatchedServer[]
  readonly notices: readonly string[]
}

/** The servers in the file if there is one, else those of the settings. Throws `CONFIG_INVALID`. */
export function watchTargets(
  flags: ServersFlags,
  settings: Settings,
  io: Pick<Io, 'cwd' | 'env'>,
): WatchTargets {
  if (!settings.tlsEnabled)
    throw new MtlsError('CONFIG_INVALID', 'monitor looks at servers over mutual TLS, and TLS is off', {
      hint: 'Leave TLS_ENABLED at true; `monitor --no-servers` watches certificates alone.',
    })
  const { servers, notices } = mcpServers(flags, settings, io)
  return {
    servers: Object.entries(servers).map(([name, entry]) => ({
      name,
      url: new URL(entry.url),
      serverName: entry.serverName,
      serverId: entry.serverId,
      tls: tlsOf(entry, settings),
      timeoutMs: Math.min(settings.timeoutMs, longestLook),
    })),
    notices,
  }
}
