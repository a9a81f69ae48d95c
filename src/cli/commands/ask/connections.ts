import { connect } from '../../../client/index.js'
import type { McpServerEntry, McpServersFile, Settings } from '../../../config/index.js'
import type { Connect } from '../../../coordinator/index.js'
import { clientOptionsOf } from '../../options/one-server.js'

/** Called when demo mode accepted a server. */
type OnRelaxed = (notice: string) => void

/** How to connect to each of the servers. */
export function connectsFor(
  servers: McpServersFile['servers'],
  settings: Settings,
  onRelaxed: OnRelaxed,
): Record<string, Connect> {
  return Object.fromEntries(
    Object.entries(servers).map(([name, entry]) => [name, connectTo(name, entry, settings, onRelaxed)]),
  )
}

function connectTo(name: string, entry: McpServerEntry, settings: Settings, onRelaxed: OnRelaxed): Connect {
  const { logLevel, securityLog } = settings
  return (signal) =>
    connect({
      ...clientOptionsOf(entry, settings),
      // The answer says what failed; log lines are printed on request only.
      log: {
        level: logLevel === 'info' ? 'silent' : logLevel,
        ...(securityLog !== undefined && { securityLog }),
      },
      onSecurityEvent: (event) => {
        if (event.event === 'verification-relaxed')
          onRelaxed(
            `demo mode: the certificate of the ${name} server was not verified (${event.relaxed.join(', ')})`,
          )
      },
      signal,
    })
}
