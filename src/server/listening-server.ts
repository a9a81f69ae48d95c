import { once } from 'node:events'
import type { McpServerConfig } from '../config/index.js'
import type { TlsConnection } from '../tls/peer/connection.js'
import { peerAddressOf } from '../tls/pending-handshakes.js'
import { GatedServer } from './gated-server.js'
import type { Ground, Mounted } from './gated-settings.js'
import { type AnyServerFactory, checkFactory } from './mcp/any-server.js'
import { LateMessages } from './mcp/late-messages.js'
import { Mount, type Notify } from './mcp/mount.js'
import { mcpListener } from './mcp-listener.js'
import { earlierVersions, type Health, protocolVersions } from './ops/health.js'
import type { LiveOptions, RunningServer } from './running-server.js'
import { portOf, urlOf } from './url.js'

/** Where MCP is. */
const path = '/mcp'

/** Implements `serve` after its options are parsed. Throws the same errors. */
export async function startServer(
  factory: AnyServerFactory,
  config: McpServerConfig,
  live: LiveOptions,
): Promise<RunningServer> {
  const { name, limits } = config
  let notify: Notify | undefined
  let isOfThisSdk = true
  const mountMcp = async ({ logger, tell }: Ground): Promise<Mounted> => {
    isOfThisSdk = await checkFactory(factory, (error) =>
      logger?.error(
        `${name}: its factory fails, and is called again for each request: ${error instanceof Error ? error.message : String(error)}`,
      ),
    )
    const late = new LateMessages(name, logger)
    const mount = new Mount(factory, {
      ...limits,
      name,
      sessions: config.sessions,
      perRequest: config.perRequest,
      onError: (error) => logger?.error(`${name}: ${error.message}`),
      onCall: (ended) => GatedServer.runOf(server)?.metrics.onCall(ended),
      onLate: late.onLate,
      onPerRequest: (reason) =>
        logger?.info(
          { event: 'per-request', name },
          `${name}: each request has a server of its own: ${reason}`,
        ),
      onRefused: (reason, message, { socket }) =>
        tell('request-refused', { peerAddress: peerAddressOf(socket), reason, message }),
    })
    const listener = mcpListener(path, (request, response, authInfo) => {
      const standing = GatedServer.runOf(server)?.standing(request.socket)
      void mount.handle(request, response, { authInfo, standing })
    })
    server.on('request', listener)
    notify = mount.notify
    return {
      drain: () => mount.drain(),
      close: () => void mount.close(),
      counts: () => ({ lateMessages: late.count, sessions: mount.sessions }),
    }
  }
  const server = new GatedServer({
    name,
    mode: !config.tlsEnabled ? 'plaintext' : config.tls.demoMode ? 'demo' : 'strict',
    limits,
    // A body must arrive within the idle limit; otherwise a peer could send a byte a minute.
    requestTimeout: Math.max(limits.idleTimeout, limits.headersTimeout),
    live,
    upgrade: false,
    health: true,
    protocolVersions: () => (isOfThisSdk ? protocolVersions : earlierVersions),
    path,
    at: () => config,
    mount: mountMcp,
  })
  await once(server.listen(), 'listening')
  return new ListeningServer(config, server, notify as Notify)
}

class ListeningServer implements RunningServer {
  readonly #config: McpServerConfig
  readonly #server: GatedServer

  readonly notify: Notify

  constructor(config: McpServerConfig, server: GatedServer, notify: Notify) {
    this.#config = config
    this.#server = server
    this.notify = notify
  }

  get name(): string {
    return this.#config.name
  }

  get port(): number {
    return portOf(this.#server)
  }

  get url(): string {
    return `${urlOf(this.#server, this.#config)}${path}`
  }

  connections(): TlsConnection[] {
    return this.#server.mtls.connections()
  }

  health(): Health {
    return this.#server.mtls.health()
  }

  reload(): Promise<boolean> {
    return this.#server.mtls.reload()
  }

  reopenLog(): void {
    this.#server.mtls.reopenLog()
  }

  close(options?: { readonly drainTimeout?: number }): Promise<void> {
    return this.#server.mtls.close(options)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
