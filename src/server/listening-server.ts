import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { McpServerConfig } from '../config/index.js'
import type { TlsConnection } from '../tls/peer/connection.js'
import { peerAddressOf } from '../tls/pending-handshakes.js'
import { Authorization } from './authorization/authorization.js'
import { GatedServer } from './gated-server.js'
import type { Ground, Mounted } from './gated-settings.js'
import type { Dispatch, Notify } from './mcp/dispatch.js'
import { Mount } from './mcp/mount.js'
import type { EndedCall } from './mcp/outcome.js'
import type { Oversight } from './mcp/oversight.js'
import { SlowReaders } from './mcp/write.js'
import { mcpListener } from './mcp-listener.js'
import { AuthorizationWatch } from './ops/authorization.js'
import type { Behind } from './ops/behind.js'
import { type Health, protocolVersions } from './ops/health.js'
import type { LiveOptions, RunningServer } from './running-server.js'
import { portOf, urlOf } from './url.js'

/** Where MCP is. */
const path = '/mcp'

/** What is served at `/mcp`. */
export interface Served {
  readonly dispatch: Dispatch
  readonly notify: Notify
  /** For `/health`. */
  readonly protocolVersions: () => readonly string[]
  readonly lateMessages?: () => number
  /** Where calls are passed on: what stands behind. */
  readonly behind?: () => Behind
}

/** What there is to serve with: where to tell of calls, refusals and failures. */
export interface ServeBase extends Ground {
  readonly name: string
  readonly slow: SlowReaders
  readonly onError: (error: Error) => void
  /** Stands over calls; undefined without policy and record. */
  readonly oversight?: Oversight | undefined
  readonly onCall: (ended: EndedCall) => void
  readonly onRefused: (
    reason: 'NOT_AUTHORIZED' | 'RATE_LIMITED',
    message: string,
    request: IncomingMessage,
  ) => void
}

/** Makes what is served, before anybody can connect; throws what it cannot serve. */
export type Serves = (base: ServeBase) => Promise<Served>

/** Serves at `/mcp`, behind the gate. Throws what `serve` throws, after its options are parsed. */
export async function startServer(
  serves: Serves,
  config: McpServerConfig,
  live: LiveOptions,
): Promise<RunningServer> {
  const { name, limits } = config
  let served: Served | undefined
  let authorization: Authorization | undefined
  const mountMcp = async (ground: Ground): Promise<Mounted> => {
    const { logger, tell } = ground
    const slow = new SlowReaders()
    const onError = (error: Error) => logger?.error(`${name}: ${error.message}`)
    const watch = new AuthorizationWatch()
    const { policy, audit, tlsEnabled: isTls } = config
    authorization = await Authorization.load({
      ...ground,
      name,
      policy,
      audit,
      onDecision: watch.onDecision,
      isTls,
    })
    const authorizer = authorization?.authorizer
    const made = await serves({
      ...ground,
      name,
      slow,
      onError,
      oversight: authorizer,
      onCall: (ended) => {
        GatedServer.runOf(server)?.metrics.onCall(ended)
        authorizer?.onCall(ended)
      },
      onRefused: (reason, message, { socket }) =>
        tell('request-refused', { peerAddress: peerAddressOf(socket), reason, message }),
    }).catch(async (error) => {
      await authorization?.close()
      throw error
    })
    served = made
    authorization?.watch(live.watch, () => {
      made.notify.toolsChanged()
      made.notify.promptsChanged()
      made.notify.resourcesChanged()
    })
    const mount = new Mount(made.dispatch, { ...limits, name, onError, authorizer }, slow)
    const listener = mcpListener(path, (request, response, authInfo) => {
      const standing = GatedServer.runOf(server)?.standing(request.socket)
      void mount.handle(request, response, { authInfo, standing })
    })
    server.on('request', listener)
    return {
      drain: () => made.dispatch.drain(),
      close: async () => {
        await made.dispatch.close().catch(onError)
        await authorization?.close()
      },
      ...(authorization && { onSecurityEvent: authorization.onSecurityEvent }),
      endAtOnce: () => made.dispatch.endAtOnce?.(),
      counts: () => ({ lateMessages: made.lateMessages?.() ?? 0, sessions: made.dispatch.sessions }),
      ...(authorization && { authorization: watch.over(authorization) }),
      ...(made.behind && { behind: made.behind }),
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
    protocolVersions: () => served?.protocolVersions() ?? protocolVersions,
    path,
    at: () => config,
    mount: mountMcp,
  })
  await once(server.listen(), 'listening')
  return new ListeningServer(config, server, (served as unknown as Served).notify, authorization)
}

class ListeningServer implements RunningServer {
  readonly #config: McpServerConfig
  readonly #server: GatedServer

  readonly #authorization: Authorization | undefined
  readonly notify: Notify

  constructor(
    config: McpServerConfig,
    server: GatedServer,
    notify: Notify,
    authorization: Authorization | undefined,
  ) {
    this.#config = config
    this.#server = server
    this.#authorization = authorization
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

  async reload(): Promise<boolean> {
    const results = await Promise.allSettled([this.#server.mtls.reload(), this.#authorization?.reload()])
    for (const result of results) if (result.status === 'rejected') throw result.reason
    return results.some((result) => result.status === 'fulfilled' && result.value === true)
  }

  reopenLog(): void {
    this.#server.mtls.reopenLog()
    void this.#authorization?.reopen()
  }

  close(options?: { readonly drainTimeout?: number }): Promise<void> {
    return this.#server.mtls.close(options)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
