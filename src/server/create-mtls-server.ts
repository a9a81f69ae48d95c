import type { RequestListener } from 'node:http'
import { isOptions, parseGatedOptions, requireCall } from '../config/index.js'
import { GatedServer } from './gated-server.js'
import type { MtlsServer, MtlsServerOptions } from './mtls-server.js'

/** That of Node. Uploads are the application's: it may set another, `server.requestTimeout`. */
const requestTimeout = 300_000

/**
 * A server over mutual TLS for any listener of requests: an Express application, what Fastify's `serverFactory` and Hono's
 * `createServer` get, a function of your own. It does not listen yet; certificates load at `listen`, and what goes wrong
 * there comes as an event `error` with the `MtlsError`. Without a port it listens at `tlsPort`, without a host at `host`.
 * `identityOf(request)` tells who calls. Throws `CONFIG_INVALID` and `PORT_CONFLICT` for wrong options.
 */
export function createMtlsServer(listener: RequestListener, options: MtlsServerOptions): MtlsServer {
  requireCall(
    typeof listener === 'function' && isOptions(options),
    "createMtlsServer((request, response) => …, { name: 'my-app', tlsPort: 8443 }), with a listener of requests",
  )
  const config = parseGatedOptions(options)
  const { name, limits, tls } = config.options
  const { log, onSecurityEvent, watch, expiryWarningDays } = options
  const server = new GatedServer({
    name,
    mode: tls.demoMode ? 'demo' : 'strict',
    limits,
    requestTimeout: Math.max(requestTimeout, limits.headersTimeout),
    live: { log, onSecurityEvent, watch, expiryWarningDays },
    upgrade: config.upgrade,
    health: config.health,
    protocolVersions: () => [],
    path: '',
    at: config.at,
  })
  return server.on('request', listener)
}
