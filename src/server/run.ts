import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { DropArgument, Server as Listener, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { unboundRoots } from '../auth/trust-domains.js'
import { type McpServerConfig, packageVersion } from '../config/index.js'
import { MtlsError } from '../errors.js'
import { SecurityEvents, teller } from '../tls/events.js'
import { Gate } from '../tls/gate.js'
import type { Log } from '../tls/log/log.js'
import { coversHost } from '../tls/material/material.js'
import { Freshness, ReloadableMaterial } from '../tls/material/reloadable.js'
import { materialSource } from '../tls/material/source.js'
import type { TlsConnection } from '../tls/peer/connection.js'
import type { Standing } from '../tls/peer/standing.js'
import { PerIdentity } from '../tls/per-identity.js'
import { AcceptFailures } from './accept-failures.js'
import type { GatedSettings, Mounted } from './gated-settings.js'
import { hostNames, loopbackNames } from './guard.js'
import { type RequestSteps, requestSteps } from './http.js'
import { InFlight } from './in-flight.js'
import { type Binding, closed, listen } from './listen.js'
import { authorizationHealth } from './ops/authorization.js'
import { behindHealth } from './ops/behind.js'
import { certificateHealth, type Health, healthProblems, logProblems } from './ops/health.js'
import { createHealthServer } from './ops/health-server.js'
import { ServerMetrics } from './ops/metrics.js'
import { urlOf } from './url.js'

/** The server that listens, and how it does what would otherwise be seen from outside. */
export interface Host {
  readonly server: Server
  readonly binding: Binding
  /** Hands an accepted connection to the HTTP parser. */
  readonly parse: (socket: TLSSocket) => void
}

const runningNames = new Set<string>()

/**
 * What a server has from `listen` to the end of `close`: certificates, gate, counters, log. Loaded when a server begins to
 * listen: whoever imports this package may only be a client.
 */
export class Run {
  readonly #config: McpServerConfig
  readonly #settings: GatedSettings
  readonly #host: Host
  readonly #mounted: Mounted | undefined
  readonly #material: ReloadableMaterial | undefined
  readonly #freshness: Freshness | undefined
  readonly #gate: Gate | undefined
  readonly #log: Log | undefined
  readonly #healthServer: Server | undefined
  readonly metrics: ServerMetrics
  readonly #acceptFailures: AcceptFailures
  readonly #inFlight = new InFlight()
  readonly #steps: RequestSteps
  readonly #startedAt = Date.now()
  #twin: Listener | undefined
  #timer: NodeJS.Timeout | undefined
  #isEnding = false
  #mountedClosed: Promise<void> | undefined

  /** Loads the certificates. Throws `CONFIG_INVALID` for a name in use, and what loading throws. */
  static async load(config: McpServerConfig, settings: GatedSettings, host: Host): Promise<Run> {
    const { name } = config
    if (runningNames.has(name)) {
      throw new MtlsError('CONFIG_INVALID', `name: a server called ${name} runs in this process already`)
    }
    runningNames.add(name)
    let log: Log | undefined
    let mounted: Mounted | undefined
    try {
      const { live } = settings
      log = live.log === false ? undefined : (await import('../tls/log/log.js')).openLog(live.log)
      const events = new SecurityEvents([
        ...(log ? [log.onSecurityEvent] : []),
        ...(live.onSecurityEvent ? [live.onSecurityEvent] : []),
      ])
      const tell = teller(events, { side: 'server', name, mode: settings.mode })
      const source = config.tlsEnabled ? materialSource(config.tls, 'server', name) : undefined
      const material = source && (await ReloadableMaterial.load(source, tell))
      const trustDomains = () => [...new Set(material?.current.domains.byKey.values())]
      mounted = await settings.mount?.({ logger: log?.logger, tell, trustDomains })
      const freshness = source && material && new Freshness(material, source.paths, tell, live)
      return new Run(config, settings, host, { log, events, mounted, material, freshness })
    } catch (error) {
      void mounted?.close()
      log?.close()
      runningNames.delete(name)
      throw error
    }
  }

  private constructor(
    config: McpServerConfig,
    settings: GatedSettings,
    host: Host,
    {
      log,
      events,
      mounted,
      material,
      freshness,
    }: {
      readonly log: Log | undefined
      readonly events: SecurityEvents
      readonly mounted: Mounted | undefined
      readonly material: ReloadableMaterial | undefined
      readonly freshness: Freshness | undefined
    },
  ) {
    const { name, limits } = config
    const { mode } = settings
    this.#config = config
    this.#settings = settings
    this.#host = host
    this.#mounted = mounted
    this.#material = material
    this.#freshness = freshness
    this.#log = log
    this.metrics = new ServerMetrics(
      name,
      () => this.health(),
      () => ({
        turnedAway: this.#gate?.turnedAway ?? 0,
        acceptFailures: this.#acceptFailures.count,
        logLinesDropped: log?.dropped() ?? 0,
        ...(mounted?.counts() ?? { lateMessages: 0, sessions: undefined }),
      }),
      mounted,
    )
    this.#acceptFailures = new AcceptFailures((message) =>
      log?.logger.error({ event: 'accept-failed', name }, `${name}: ${message}`),
    )
    events.subscribe(this.metrics.onSecurityEvent)
    if (freshness) events.subscribe(freshness.onSecurityEvent)
    if (mounted?.onSecurityEvent) events.subscribe(mounted.onSecurityEvent)
    const accepted = (socket: TLSSocket) => {
      this.connected(socket)
      host.parse(socket)
    }
    this.#gate = material && new Gate({ name, material: material.current, events, accepted, ...limits })
    material?.onChange((next) => this.#gate?.use(next))
    const observed = { health: () => this.health(), metrics: this.metrics }
    this.#steps = requestSteps({
      gate: this.#gate,
      guard: {
        allowedHosts: hostNames(config.allowedHosts ?? [...loopbackNames, config.host]),
        coversHost: (host) =>
          config.allowedHosts === undefined && material !== undefined && coversHost(material.current, host),
        allowedOrigins: config.allowedOrigins,
      },
      upgrade: settings.upgrade,
      pages: settings.health ? observed : undefined,
      requests: new PerIdentity(limits.maxRequestsPerIdentity),
      tell: teller(events, { side: 'server', name, mode }),
    })
    this.#healthServer = config.healthPort === undefined ? undefined : createHealthServer(observed)
  }

  /** Binds all that is to listen, the server last. Throws `PORT_IN_USE` and `CONFIG_INVALID`. */
  async listen(): Promise<void> {
    const { tlsEnabled, tlsPort = 0, httpPort = 0, host, healthPort = 0 } = this.#config
    const { server, binding } = this.#host
    if (this.#healthServer) await listen(this.#healthServer, healthPort, '127.0.0.1')
    this.#twin = await listen(server, tlsEnabled ? tlsPort : httpPort, host, binding)
    for (const listener of [this.#healthServer, this.#twin]) listener?.on('error', this.acceptFailed)
    if ((server as { _unref?: boolean })._unref) this.keepAlive(false)
  }

  /** From here on it is in use: says so in the log. */
  begin(): void {
    const { name } = this.#config
    const { mode, path } = this.#settings
    this.#acceptFailures.watch()
    const url = `${urlOf(this.#host.server, this.#config)}${path}`
    this.#log?.logger.info({ event: 'listening', name, url, mode }, `${name} listens at ${url}`)
    const exposure = this.#material?.current.keyExposure
    if (exposure) this.#log?.logger.warn({ event: 'key-exposed', name }, `${name}: ${exposure}`)
    const current = this.#material?.current
    const roots = current && unboundRoots(current.anchors, current.domains)
    if (roots) {
      const message = `${roots.length} CAs may give any SPIFFE ID: ${roots.join('; ')}. Bind each to its trust domain with TLS_TRUST_DOMAINS`
      this.#log?.logger.warn({ event: 'unbound-cas', name }, `${name}: ${message}`)
    }
    if (mode === 'demo') {
      const message = `${name} runs in demo mode: unknown issuers are accepted`
      this.#log?.logger.warn({ event: 'demo-mode', name }, message)
    }
  }

  /** Whether its listeners keep the process running; the server itself is not one of them. */
  keepAlive(isKept: boolean): void {
    for (const listener of [this.#healthServer, this.#twin]) listener?.[isKept ? 'ref' : 'unref']()
  }

  /** A connection that Node could not accept. */
  readonly acceptFailed = (error: Error): void => this.#acceptFailures.failed(error)

  /** A new connection, before TLS. */
  greet(raw: Socket): void {
    this.#gate?.greet(raw)
  }

  /** A connection that carries requests. */
  connected(socket: Socket): void {
    this.#inFlight.connected(socket)
  }

  /** A connection that was not taken: there are too many. */
  dropped(dropped: DropArgument | undefined): void {
    this.#gate?.dropped(dropped)
  }

  /** Calls `next` for a request that may be answered, and answers any other. */
  requested(request: IncomingMessage, response: ServerResponse, next: () => void): void {
    const { socket } = request
    this.#inFlight.requested(socket, response, this.#gate?.isOutdated(socket as TLSSocket) ?? false)
    this.#steps(request, response, next)
  }

  /** The same for a request to speak another protocol. */
  upgraded(request: IncomingMessage, response: ServerResponse, next: () => void): void {
    this.#steps(request, response, () => {
      this.#inFlight.upgraded(request.socket)
      next()
    })
  }

  /** How the peer of this connection stands, also when it has ended. */
  standing(socket: Socket): Standing | undefined {
    return this.#gate?.standing(socket as TLSSocket)
  }

  connections(): TlsConnection[] {
    return this.#gate?.connections() ?? []
  }

  health(): Health {
    const now = new Date()
    const certificates = this.#material ? certificateHealth(this.#material.current, now) : []
    const last = this.#material?.last
    const authorization = this.#mounted?.authorization?.()
    const behind = this.#mounted?.behind?.()
    const problems = [
      ...healthProblems(certificates, last),
      ...(authorization?.problems ?? []),
      ...(behind?.problems ?? []),
      ...logProblems(this.#log?.problems() ?? []),
      ...this.#acceptFailures.problems(now),
    ]
    return {
      status: this.#isEnding ? 'draining' : problems.length > 0 ? 'degraded' : 'ok',
      server: this.#config.name,
      version: packageVersion,
      protocol_versions: this.#settings.protocolVersions(),
      mode: this.#settings.mode,
      uptime_seconds: Math.floor((now.getTime() - this.#startedAt) / 1000),
      connections: this.#gate ? this.connections().length : this.#inFlight.connections,
      certificates,
      last_reload: last
        ? { at: last.at.toISOString(), ok: last.ok, error: last.error?.message ?? null }
        : null,
      ...authorizationHealth(authorization),
      ...behindHealth(behind),
      problems,
    }
  }

  async reload(): Promise<boolean> {
    return (await this.#material?.reload()) ?? false
  }

  reopenLog(): void {
    this.#log?.reopen()
  }

  /** Lets go what it holds when it did not come to listen. */
  abandon(): void {
    this.#freshness?.stop()
    this.#healthServer?.close()
    this.#twin?.close()
    void this.#closeMounted()
    this.#release()
  }

  /** Ends what is still open after so many milliseconds; a later call counts instead of an earlier one. */
  endWithin(milliseconds: number | undefined): void {
    clearTimeout(this.#timer)
    if (milliseconds === 0) this.#mounted?.endAtOnce?.()
    this.#timer = setTimeout(() => {
      void this.#closeMounted()
      this.#inFlight.destroyAll()
    }, milliseconds ?? this.#config.limits.drainTimeout)
  }

  /** Drains, then lets go what it holds. `closeServer` stops the server, and resolves when its connections have ended. */
  async end(closeServer: () => Promise<void>, drainTimeout: number | undefined): Promise<void> {
    this.#isEnding = true
    const listeners = [closeServer(), ...(this.#twin ? [closed(this.#twin)] : [])]
    this.endWithin(drainTimeout)
    this.#freshness?.stop()
    this.#acceptFailures.stop()
    this.#gate?.destroyPending()
    this.#inFlight.drain()
    this.#mounted?.drain()
    await Promise.all(listeners)
    clearTimeout(this.#timer)
    await this.#closeMounted()
    this.#healthServer?.close()
    this.#healthServer?.closeAllConnections()
    // The listener knows it a moment before the connections have reported that they are closed.
    await this.#inFlight.closed()
    this.#release()
  }

  /** Once: when the time to drain is over, or all has ended before. */
  #closeMounted(): Promise<void> | undefined {
    this.#mountedClosed ??= this.#mounted?.close()
    return this.#mountedClosed
  }

  #release(): void {
    runningNames.delete(this.#config.name)
    this.#log?.close()
  }
}
