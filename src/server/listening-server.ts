import { once } from 'node:events'
import type { McpServerFactory } from '@modelcontextprotocol/server'
import type { McpServerConfig } from '../config/index.js'
import type { TlsConnection } from '../tls/peer/connection.js'
import { createAdapter } from './adapter.js'
import { GatedServer } from './gated-server.js'
import { mcpListener } from './mcp-listener.js'
import { type Health, protocolVersions } from './ops/health.js'
import type { LiveOptions, RunningServer } from './running-server.js'
import { portOf, urlOf } from './url.js'

/** Where MCP is. */
const path = '/mcp'

/** Implements `serve` after its options are parsed. Throws the same errors. */
export async function startServer(
  factory: McpServerFactory,
  config: McpServerConfig,
  live: LiveOptions,
): Promise<RunningServer> {
  const adapter = createAdapter(factory, {
    ...config.limits,
    onError: ({ message }) => GatedServer.runOf(server)?.logError(message),
    onCall: (call) => GatedServer.runOf(server)?.metrics.onCall(call),
  })
  const server = new GatedServer({
    name: config.name,
    mode: !config.tlsEnabled ? 'plaintext' : config.tls.demoMode ? 'demo' : 'strict',
    limits: config.limits,
    live,
    upgrade: false,
    health: true,
    protocolVersions,
    path,
    at: () => config,
    onDrain: () => void adapter.drain?.(),
    onEnd: () => void adapter.close(),
  })
  server.on('request', mcpListener(path, adapter))
  await once(server.listen(), 'listening')
  return new ListeningServer(config, server)
}

class ListeningServer implements RunningServer {
  readonly #config: McpServerConfig
  readonly #server: GatedServer

  constructor(config: McpServerConfig, server: GatedServer) {
    this.#config = config
    this.#server = server
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
