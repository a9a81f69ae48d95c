import { checkLiveOptions, isOptions, parseServerConfig, requireCall } from '../config/index.js'
import type { AnyServerFactory } from './mcp/any-server.js'
import type { RunningServer, ServeOptions } from './running-server.js'

/**
 * Serves an MCP server over mutual TLS. `factory` builds one server, of any version of the MCP SDK: for many
 * requests, where nothing tells them apart, or for each (`perRequest: true`), or for each session where `sessions` is on. It is called once
 * before anybody can connect, to see that it does.
 * Throws `CONFIG_INVALID`, `PORT_CONFLICT`, `PORT_IN_USE`, and what loading certificates throws
 * (`CERT_NOT_FOUND` …). With `tlsEnabled: false` it serves plain HTTP, on loopback only.
 */
export async function serve(factory: AnyServerFactory, options: ServeOptions): Promise<RunningServer> {
  requireCall(
    typeof factory === 'function' && !isClass(factory) && isOptions(options),
    "serve(() => new McpServer(…), { name: 'weather-mcp', tlsPort: 8443 }), with a function that makes a server",
  )
  requireCall(
    factory.length < 2,
    "createMtlsServer(app, { name: 'my-app', tlsPort: 8443 }) for a listener of requests; serve() takes a function that makes an MCP server",
  )
  const { log, onSecurityEvent, watch, expiryWarningDays, ...rest } = options
  checkLiveOptions('serve', { log, onSecurityEvent, watch, expiryWarningDays })
  const config = parseServerConfig(rest)
  // What a server needs takes a while to load: whoever imports this package may only be a client.
  const [{ startServer }, { factoryServer }] = await Promise.all([
    import('./listening-server.js'),
    import('./factory-server.js'),
  ])
  return startServer(factoryServer(factory, config), config, {
    log,
    onSecurityEvent,
    watch,
    expiryWarningDays,
  })
}

/** `McpServer` in place of a function that makes one: it would be called without `new` at the first request. */
function isClass(factory: object): boolean {
  return /^class\b/.test(Function.prototype.toString.call(factory))
}
