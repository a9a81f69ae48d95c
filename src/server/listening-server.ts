import { createServer, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { type McpServerConfig, type McpServerOptions, packageVersion } from '../config/index.js'
import { MtlsError } from '../errors.js'
import { bare, bracketed, hostPort } from '../text/host.js'
import { SecurityEvents, teller } from '../tls/events.js'
import { Gate } from '../tls/gate.js'
import type { Log } from '../tls/log/log.js'
import { coversHost } from '../tls/material/material.js'
import { Freshness, ReloadableMaterial } from '../tls/material/reloadable.js'
import { materialSource } from '../tls/material/source.js'
import type { TlsConnection } from '../tls/peer/connection.js'
import { peerAddressOf } from '../tls/pending-handshakes.js'
import { PerIdentity } from '../tls/per-identity.js'
import { AcceptFailures } from './accept-failures.js'
import { hostNames, loopbackNames } from './guard.js'
import { type McpAdapter, requestListener } from './http.js'
import { InFlight } from './in-flight.js'
import { type Listening, listen } from './listen.js'
import { type AnyServerFactory, checkFactory } from './mcp/any-server.js'
import { LateMessages } from './mcp/late-messages.js'
import { Mount, type Notify } from './mcp/mount.js'
import {
  certificateHealth,
  type Health,
  healthProblems,
  logProblems,
  protocolVersions,
} from './ops/health.js'
import { createHealthServer } from './ops/health-server.js'
import { ServerMetrics } from './ops/metrics.js'
import type { RunningServer, ServeOptions } from './running-server.js'

/** Where events of a server go, and what keeps it up to date. */
type Surroundings = Omit<ServeOptions, keyof McpServerOptions>

/** Listening hosts that a client on this machine calls `localhost`; any other is called by its own name. */
const reachedByLocalhost = /^(localhost\.?|127\.0\.0\.1|0\.0\.0\.0|\[::\]|\[::ffff:(7f00:1|0:0)\])$/i

const runningNames = new Set<string>()

/** Implements `serve` after its options are parsed. Throws the same errors. */
export async function startServer(
  factory: AnyServerFactory,
  config: McpServerConfig,
  options: Surroundings,
): Promise<RunningServer> {
  if (runningNames.has(config.name)) {
    throw new MtlsError('CONFIG_INVALID', `name: a server called ${config.name} runs in this process already`)
  }
  runningNames.add(config.name)
  try {
    return await start(factory, config, options)
  } catch (error) {
    runningNames.delete(config.name)
    throw error
  }
}

async function start(
  factory: AnyServerFactory,
  config: McpServerConfig,
  options: Surroundings,
): Promise<RunningServer> {
  const { onSecurityEvent } = options
  const log = options.log === false ? undefined : (await import('../tls/log/log.js')).openLog(options.log)
  const events = new SecurityEvents([
    ...(log ? [log.onSecurityEvent] : []),
    ...(onSecurityEvent ? [onSecurityEvent] : []),
  ])
  const mode = !config.tlsEnabled ? 'plaintext' : config.tls.demoMode ? 'demo' : 'strict'
  const tell = teller(events, { side: 'server', name: config.name, mode })
  await checkFactory(factory, (error) =>
    log?.logger.error(
      `${config.name}: its factory fails without a caller: ${error instanceof Error ? error.message : String(error)}`,
    ),
  )
  const source = config.tlsEnabled ? materialSource(config.tls, 'server') : undefined
  const material = source && (await ReloadableMaterial.load(source, tell))
  const server = new ListeningServer(config, material, events, factory, log)
  await server.listen()
  if (source && material) server.keepFresh(new Freshness(material, source.paths, tell, options), events)
  log?.logger.info(
    { event: 'listening', name: config.name, url: server.url, mode },
    `${config.name} listens at ${server.url}`,
  )
  const exposure = material?.current.keyExposure
  if (exposure) log?.logger.warn({ event: 'key-exposed', name: config.name }, `${config.name}: ${exposure}`)
  if (mode === 'demo') {
    log?.logger.warn(
      { event: 'demo-mode', name: config.name },
      `${config.name} runs in demo mode: unknown issuers are accepted`,
    )
  }
  return server
}

class ListeningServer implements RunningServer {
  readonly name: string
  readonly #config: McpServerConfig
  readonly #material: ReloadableMaterial | undefined
  readonly #log: Log | undefined
  #freshness: Freshness | undefined
  readonly #gate: Gate | undefined
  readonly #server: Server
  #listening: Listening | undefined
  readonly #healthServer: Server | undefined
  readonly notify: Notify
  readonly #adapter: McpAdapter
  readonly #metrics: ServerMetrics
  readonly #acceptFailures: AcceptFailures
  readonly #inFlight = new InFlight()
  readonly #startedAt = Date.now()
  #closing: { readonly done: Promise<void>; readonly endWithin: (milliseconds: number) => void } | undefined

  constructor(
    config: McpServerConfig,
    material: ReloadableMaterial | undefined,
    events: SecurityEvents,
    factory: AnyServerFactory,
    log: Log | undefined,
  ) {
    const { name, limits } = config
    this.name = name
    this.#config = config
    this.#material = material
    this.#log = log
    const late = new LateMessages(name, log?.logger)
    this.#metrics = new ServerMetrics(
      name,
      () => this.health(),
      () => ({
        lateMessages: late.count,
        sessions: mount.sessions,
        turnedAway: this.#gate?.turnedAway ?? 0,
        acceptFailures: this.#acceptFailures.count,
        logLinesDropped: log?.dropped() ?? 0,
      }),
    )
    this.#acceptFailures = new AcceptFailures((message) =>
      log?.logger.error({ event: 'accept-failed', name }, `${name}: ${message}`),
    )
    events.subscribe(this.#metrics.onSecurityEvent)
    const http = {
      maxHeaderSize: limits.maxHeaderBytes,
      headersTimeout: limits.headersTimeout,
      // A body must arrive within the idle limit; otherwise a peer could send a byte a minute.
      requestTimeout: Math.max(limits.idleTimeout, limits.headersTimeout),
      keepAliveTimeout: limits.idleTimeout,
      connectionsCheckingInterval: Math.min(1000, limits.headersTimeout),
    }
    const accepted = (socket: Socket) => this.#inFlight.connected(socket)
    const gate = material && new Gate({ name, material: material.current, events, http, accepted, ...limits })
    this.#gate = gate
    if (gate) material.onChange((next) => gate.use(next))
    this.#server = gate?.server ?? createServer(http)
    if (!gate) this.#server.on('connection', accepted)
    const tellServer = teller(events, { side: 'server', name, mode: material?.current.mode ?? 'plaintext' })
    const mount = new Mount(factory, {
      ...limits,
      name,
      sessions: config.sessions,
      onError: (error) => log?.logger.error(`${name}: ${error.message}`),
      onCall: this.#metrics.onCall,
      onLate: late.onLate,
      onForeignSession: ({ socket }, authInfo) =>
        tellServer('request-refused', {
          peerAddress: peerAddressOf(socket),
          reason: 'NOT_AUTHORIZED',
          message: `${authInfo?.clientId ?? 'somebody'} asked for a session of another identity`,
        }),
    })
    this.notify = mount.notify
    this.#adapter = {
      handle: (request, response, authInfo) =>
        mount.handle(request, response, {
          authInfo,
          standing: gate?.standing(request.socket as TLSSocket),
        }),
      drain: () => mount.drain(),
      close: () => mount.close(),
    }
    this.#server.maxConnections = limits.maxConnections
    this.#server.on('request', ({ socket }, response) =>
      this.#inFlight.requested(socket, response, this.#gate?.isOutdated(socket as TLSSocket) ?? false),
    )
    this.#server.on(
      'request',
      requestListener({
        gate: this.#gate,
        adapter: this.#adapter,
        guard: {
          allowedHosts: hostNames(config.allowedHosts ?? [...loopbackNames, config.host]),
          coversHost: (host) =>
            config.allowedHosts === undefined && material !== undefined && coversHost(material.current, host),
          allowedOrigins: config.allowedOrigins,
        },
        health: () => this.health(),
        metrics: this.#metrics,
        requests: new PerIdentity(limits.maxRequestsPerIdentity),
        tell: tellServer,
      }),
    )
    this.#healthServer =
      config.healthPort === undefined
        ? undefined
        : createHealthServer({ health: () => this.health(), metrics: this.#metrics })
  }

  get port(): number {
    return (this.#server.address() as AddressInfo | null)?.port ?? 0
  }

  get url(): string {
    const { host } = this.#config
    const url = `http://${bracketed(host)}` // which has one spelling for each address
    const canonical = URL.canParse(url) ? new URL(url).hostname : host
    const name = reachedByLocalhost.test(canonical) ? 'localhost' : bare(host)
    return `${this.#gate ? 'https' : 'http'}://${hostPort({ host: name, port: this.port })}/mcp`
  }

  connections(): TlsConnection[] {
    return this.#gate?.connections() ?? []
  }

  health(): Health {
    const now = new Date()
    const certificates = this.#material ? certificateHealth(this.#material.current, now) : []
    const last = this.#material?.last
    const problems = [
      ...healthProblems(certificates, last),
      ...logProblems(this.#log?.problems() ?? []),
      ...this.#acceptFailures.problems(now),
    ]
    return {
      status: this.#closing ? 'draining' : problems.length > 0 ? 'degraded' : 'ok',
      server: this.name,
      version: packageVersion,
      protocol_versions: protocolVersions,
      mode: this.#material?.current.mode ?? 'plaintext',
      uptime_seconds: Math.floor((now.getTime() - this.#startedAt) / 1000),
      connections: this.#gate ? this.connections().length : this.#inFlight.connections,
      certificates,
      last_reload: last
        ? { at: last.at.toISOString(), ok: last.ok, error: last.error?.message ?? null }
        : null,
      problems,
    }
  }

  async listen(): Promise<void> {
    const { tlsEnabled, tlsPort = 0, httpPort = 0, host, healthPort = 0 } = this.#config
    const failed = (error: Error) => this.#acceptFailures.failed(error)
    const listening = await listen(this.#server, tlsEnabled ? tlsPort : httpPort, host, failed)
    this.#listening = listening
    try {
      if (this.#healthServer) await listen(this.#healthServer, healthPort, '127.0.0.1', failed)
    } catch (error) {
      void listening.close()
      throw error
    }
    this.#acceptFailures.watch()
  }

  /** Starts watching for new files and warning of upcoming expiry. */
  keepFresh(freshness: Freshness, events: SecurityEvents): void {
    this.#freshness = freshness
    events.subscribe(freshness.onSecurityEvent)
  }

  async reload(): Promise<boolean> {
    return (await this.#material?.reload()) ?? false
  }

  reopenLog(): void {
    this.#log?.reopen()
  }

  close({ drainTimeout }: { readonly drainTimeout?: number } = {}): Promise<void> {
    if (this.#closing) {
      if (drainTimeout !== undefined) this.#closing.endWithin(drainTimeout)
      return this.#closing.done
    }
    let timer: NodeJS.Timeout | undefined
    const endWithin = (milliseconds: number) => {
      clearTimeout(timer)
      timer = setTimeout(() => {
        void this.#adapter.close()
        this.#inFlight.destroyAll()
      }, milliseconds)
    }
    const done = Promise.resolve(this.#listening?.close()).then(async () => {
      clearTimeout(timer)
      this.#healthServer?.close()
      this.#healthServer?.closeAllConnections()
      runningNames.delete(this.name)
      await this.#inFlight.closed()
      this.#log?.close()
    })
    this.#closing = { done, endWithin }
    endWithin(drainTimeout ?? this.#config.limits.drainTimeout)
    this.#freshness?.stop()
    this.#acceptFailures.stop()
    this.#gate?.destroyPending()
    this.#inFlight.drain()
    this.#adapter.drain()
    return done
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
