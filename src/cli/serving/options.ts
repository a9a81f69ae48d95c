import type { Settings } from '../../config/index.js'
import type { ServeOptions } from '../../server/index.js'
import { callOptions } from './calls.js'

/** What the settings, and `--allow`, say of every server that a command starts. Throws `CONFIG_INVALID`. */
export function servingOptions(settings: Settings, allow?: readonly string[]) {
  const { tlsEnabled, tls, host, allowedHosts, allowedOrigins, limits, logLevel, securityLog } = settings
  return {
    host,
    tlsEnabled,
    tls,
    ...(allowedHosts && { allowedHosts }),
    allowedOrigins,
    limits,
    ...callOptions(settings, allow),
    log: { level: logLevel, ...(securityLog !== undefined && { securityLog }) },
  } satisfies Partial<ServeOptions>
}
