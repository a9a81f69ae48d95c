import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/server'
import type { Logger } from 'pino'
import type { CommandConfig } from '../../config/index.js'
import { packageVersion } from '../../config/package-version.js'
import { Backoff } from '../../relay/backoff.js'
import { Exchanges, NotModern } from '../../relay/exchanges.js'
import { Fault } from '../../relay/fault.js'
import type { LineOptions } from '../../relay/line.js'
import { type Client, Relay, type Stamp } from '../../relay/relay.js'
import type { CallerFacts } from '../../server/caller-facts.js'
import type { Behind } from '../../server/ops/behind.js'
import { stamped } from '../stamp.js'
import { Child } from './child.js'

export interface InstancesOptions extends CommandConfig {
  /** Of the server, in the log. */
  readonly name: string
  readonly logger: Logger | undefined
}

/** Requests without an answer of one child, in each direction; those of one caller are bounded before. */
const inFlightAtMost = 10_000
/** How long a child may take to say which revisions it speaks; milliseconds. */
const discoverWithin = 10_000
/** So long one that did not say it counts as old; milliseconds. */
const silentFor = 300_000

/** Identities whose failures are known. */
const remembered = 1000

/** A child, or the place for one, and who it is for. */
interface Instance {
  readonly relay: Relay | Exchanges
  /** Who is about to join. */
  coming: number
  timer?: NodeJS.Timeout
}

/** The children behind one server: who gets which, and when they end. */
export class Instances {
  readonly #options: InstancesOptions
  readonly #instances = new Map<string, Instance>()
  readonly #backoffs = new Map<string, Backoff>()
  readonly #closing = new Set<Promise<void>>()
  readonly #children = new Set<Child>()
  /** Children that run, or are being started. */
  #running = 0
  #starts = 0
  #deaths = 0
  #sessions = 0
  #isModern: boolean | undefined
  /** Until when children count as too old for exchanges; milliseconds of the process. */
  #isOldUntil = 0
  /** Why the last start failed; undefined once one has come up. */
  #failing: { readonly message: string; readonly since: string } | undefined
  #isClosed = false

  constructor(options: InstancesOptions) {
    this.#options = options
  }

  /** Whether children speak 2026-07-28; undefined until somebody has asked for it. */
  get isModern(): boolean | undefined {
    return this.#isModern
  }

  get state(): Behind {
    let callsInFlight = 0
    let failingSince: Date | undefined
    for (const { relay } of this.#instances.values()) {
      callsInFlight += relay.line.inFlight
      failingSince ??= relay.line.failingSince
    }
    const children = { alive: this.#running, starts: this.#starts, deaths: this.#deaths }
    const dying = failingSince && {
      message: 'a child of this server dies again and again',
      since: failingSince.toISOString(),
    }
    const problem = this.#failing ?? dying
    const problems = problem ? [{ code: 'CONNECTION_FAILED' as const, ...problem }] : []
    return { callsInFlight, children, problems }
  }

  /** Joins a client with a session to its child. */
  async joinSession(transport: Transport, caller: CallerFacts | undefined): Promise<void> {
    const { instances } = this.#options
    const key =
      instances === 'session' ? `session ${++this.#sessions}` : `sessions of ${this.#ownerOf(caller)}`
    const instance = this.#instance(key, (onEmpty) => {
      const onLost = (fault: Fault, wasUp: boolean) => this.#lost(fault, wasUp)
      return new Relay({ ...this.#lineOptions(caller), onLost, onEmpty })
    })
    await this.#claimed(key, instance, () => (instance.relay as Relay).join(transport, this.#client(caller)))
  }

  /**
   * Where requests without a session go. Undefined when children do not speak that revision. When they cannot be started,
   * a request there says so.
   */
  async exchanges(caller: CallerFacts | undefined): Promise<Exchanges | undefined> {
    if (performance.now() < this.#isOldUntil) return undefined
    const key = `exchanges of ${this.#ownerOf(caller)}`
    const instance = this.#instance(key, (onEmpty) => {
      const options = this.#lineOptions(caller)
      const startTimeout = Math.min(options.startTimeout, discoverWithin)
      const clientInfo = { name: 'mcp-mtls', version: packageVersion }
      // What is too old for exchanges has not failed.
      return new Exchanges({ ...options, shared: new Backoff(), startTimeout, clientInfo, onEmpty })
    })
    const exchanges = instance.relay as Exchanges
    try {
      await this.#claimed(key, instance, () => exchanges.open())
      this.#isModern = true
      return exchanges
    } catch (error) {
      // Old programs do not answer before they are initialized; one that is only slow is asked again later.
      const isSilent = (error as Fault).code === 'CONNECTION_TIMEOUT'
      if (this.#isModern || !(isSilent || error instanceof NotModern)) return exchanges
      this.#isModern = false
      this.#isOldUntil = isSilent ? performance.now() + silentFor : Number.POSITIVE_INFINITY
      void this.#end(key, instance)
      return undefined
    }
  }

  joinExchange(exchanges: Exchanges, transport: Transport, caller: CallerFacts | undefined): Promise<void> {
    return exchanges.join(transport, this.#client(caller))
  }

  /** Ends all children. Resolves when none is left. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const key of [...this.#instances.keys()]) void this.#end(key)
    await Promise.all(this.#closing)
  }

  /** Ends all children without asking them. */
  endAtOnce(): void {
    this.#isClosed = true
    for (const child of this.#children) child.kill()
  }

  /** Who shares a child. */
  #ownerOf(caller: CallerFacts | undefined): string {
    return this.#options.instances === 'shared' ? 'all' : (caller?.id ?? '')
  }

  #client(caller: CallerFacts | undefined): Client {
    return { stamp: this.#stamp(caller), owner: caller?.id }
  }

  #stamp(caller: CallerFacts | undefined): Stamp {
    const isShared = this.#options.instances === 'shared'
    // A shared child is initialized once, by one client, and serves all.
    return <Message extends JSONRPCMessage>(message: Message) => {
      const isForAll = isShared && 'method' in message && message.method === 'initialize'
      return stamped(message, isForAll ? undefined : caller) as Message
    }
  }

  #instance(key: string, make: (onEmpty: () => void) => Relay | Exchanges): Instance {
    const known = this.#instances.get(key)
    if (known) {
      this.#endWhenIdle(key, known)
      return known
    }
    const instance: Instance = {
      coming: 0,
      relay: make(() => {
        if (this.#options.instances === 'session' && instance.relay instanceof Relay)
          void this.#end(key, instance)
        else this.#endWhenIdle(key, instance)
      }),
    }
    this.#instances.set(key, instance)
    this.#endWhenIdle(key, instance)
    return instance
  }

  /** Keeps an instance while somebody is on the way to it. */
  async #claimed(key: string, instance: Instance, way: () => Promise<void>): Promise<void> {
    instance.coming++
    try {
      await way()
    } finally {
      instance.coming--
      this.#endWhenIdle(key, instance)
    }
  }

  #endWhenIdle(key: string, instance: Instance): void {
    clearTimeout(instance.timer)
    instance.timer = setTimeout(() => {
      if (isUnused(instance)) void this.#end(key, instance)
    }, this.#options.idle).unref()
  }

  async #end(key: string, instance = this.#instances.get(key)): Promise<void> {
    if (!instance || this.#instances.get(key) !== instance) return
    this.#instances.delete(key)
    clearTimeout(instance.timer)
    const closing = instance.relay.close().finally(() => this.#closing.delete(closing))
    this.#closing.add(closing)
    await closing
  }

  #lineOptions(
    caller: CallerFacts | undefined,
  ): Omit<LineOptions, 'greet' | 'onRequest' | 'onNotification' | 'onLost'> {
    const { startTimeout } = this.#options
    return {
      name: 'the server',
      maxInFlight: inFlightAtMost,
      startTimeout,
      shared: this.#backoff(this.#ownerOf(caller)),
      dial: () => this.#dial(caller),
      onOpen: () => {
        this.#failing = undefined
      },
      onError: (error) => this.#options.logger?.debug(`${this.#options.name}: ${error.message}`),
    }
  }

  #lost({ message, code, isOfClient }: Fault, wasUp: boolean): void {
    if (wasUp || isOfClient || code === 'RATE_LIMITED') return
    const { name, logger } = this.#options
    this.#failing = { message, since: this.#failing?.since ?? new Date().toISOString() }
    logger?.warn({ event: 'child-failed', name }, `${name}: ${message}`)
  }

  /** What fails for one identity is not started for it again and again; others are not held up by it. */
  #backoff(owner: string): Backoff {
    const known = this.#backoffs.get(owner)
    if (known) return known
    const backoff = new Backoff()
    this.#backoffs.set(owner, backoff)
    for (const [oldest] of this.#backoffs) {
      if (this.#backoffs.size <= remembered) break
      this.#backoffs.delete(oldest)
    }
    return backoff
  }

  /** Makes room: ends a child that nobody uses. */
  async #endUnused(): Promise<void> {
    for (const [key, instance] of this.#instances) {
      if (!instance.relay.line.isOpen || !isUnused(instance)) continue
      await this.#end(key, instance)
      return
    }
  }

  async #dial(caller: CallerFacts | undefined): Promise<Transport> {
    const { command, args, cwd, environment, instances, maxInstances, maxLine } = this.#options
    if (this.#running >= maxInstances) await this.#endUnused()
    while (this.#running >= maxInstances && this.#closing.size > 0) await Promise.race(this.#closing)
    if (this.#isClosed) throw new Fault('the server is stopping', 'no')
    if (this.#running >= maxInstances)
      throw new Fault(`${maxInstances} programs run already: no more at once`, 'no', 'RATE_LIMITED')
    const own = instances === 'shared' ? undefined : caller
    const identity = own?.id
    this.#running++
    try {
      const child: Child = await Child.run({
        command,
        args,
        cwd,
        maxLine,
        env: environment(own),
        onText: (text) => this.#log('info', 'child-text', child.pid, identity, text),
        onEnd: (how, wasAsked) => {
          this.#running--
          this.#children.delete(child)
          if (!wasAsked) this.#deaths++
          this.#log(wasAsked ? 'info' : 'warn', 'child-ended', child.pid, identity, `ended ${how}`)
        },
      })
      this.#children.add(child)
      this.#starts++
      this.#log(
        'info',
        'child-started',
        child.pid,
        identity,
        `started${identity === undefined ? '' : ` for ${identity}`}`,
      )
      return child
    } catch (error) {
      this.#running--
      throw error
    }
  }

  #log(level: 'info' | 'warn', event: string, pid: number, identity: string | undefined, text: string): void {
    const { name, logger } = this.#options
    logger?.[level]({ event, name, pid, identity }, `${name}: child ${pid}: ${text}`)
  }
}

function isUnused({ relay, coming }: Instance): boolean {
  return relay.size === 0 && coming === 0
}
