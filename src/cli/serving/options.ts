import type { Settings } from '../../config/index.js'
import type { ServeOptions } from '../../server/index.js'

/** What the settings say of every server that a command starts. */
export function servingOptions(settings: Settings) {
  const { tlsEnabled, tls, host, allowedHosts, allowedOrigins, limits, logLevel, securityLog } = settings
  return {
    host,
    tlsEnabled,
    tls,
    ...(allowedHosts && { allowedHosts }),
    allowedOrigins,
    limits,
    log: { level: logLevel, ...(securityLog !== undefined && { securityLog }) },
  } satisfies Partial<ServeOptions>
}
