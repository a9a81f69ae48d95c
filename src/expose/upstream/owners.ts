import { isDeepStrictEqual } from 'node:util'
import type { Call } from '../../auth/call.js'
import type { SessionLimits } from '../../config/index.js'
import type { Exchange } from '../../server/mcp/exchange.js'
import type { SessionEnd } from '../../server/mcp/session.js'
import type { Aside } from './aside.js'
import type { Told } from './headers.js'
import type { OpenCalls } from './open-calls.js'
import { SeenEvents } from './seen-events.js'

export type ListKind = 'tools' | 'prompts' | 'resources'
type Announced = Readonly<Partial<Record<ListKind, { readonly listChanged?: boolean }>>>

/** A session of the server behind, or the place that is kept for one. */
export class OwnedSession {
  id: string | undefined
  readonly owner: string | undefined
  protocolVersion: string | undefined
  readonly events = new SeenEvents()
  idleSince = Date.now()
  /** Of the certificate that used it last. */
  standing: Exchange['standing']
  /** What the server behind was told of its owner, by then. */
  told: Told | undefined
  /** What is open in it; each can be ended. */
  readonly open = new Set<AbortController>()
  /** Calls whose stream the server has ended, to answer them on another (`Last-Event-ID`). */
  #parked: OpenCalls[] = []
  /** What its client has asked, by id: an answer may come late, and more than once. Kept where answers are judged. */
  readonly asked = new Map<unknown, Call>()
  /** What its server says of changes of lists. */
  #announces: Announced = {}
  /** The streams of its client that belong to no request, the newest last. */
  readonly #streams = new Set<Aside>()
  /** What waits for the client to open one. */
  #untold: object[] = []

  constructor(owner: string | undefined) {
    this.owner = owner
  }

  get isIdle(): boolean {
    return this.id !== undefined && this.open.size === 0
  }

  get parked(): readonly OpenCalls[] {
    return this.#parked
  }

  /** Whether a call waits for its answer on any stream. */
  get isAwaited(): boolean {
    return this.#parked.some(({ isEmpty }) => !isEmpty)
  }

  /** Notes that a request is open in it until it is done. */
  use({ standing, response, signal }: Exchange, told: Told | undefined, stop: AbortController): void {
    this.standing = standing
    this.told = told
    if (signal.aborted) return // its client has gone already
    this.open.add(stop)
    response.once('close', () => {
      this.open.delete(stop)
      this.idleSince = Date.now()
    })
  }

  /** Notes what the server behind has said to `initialize`. */
  initialized(protocolVersion: string, { capabilities }: Readonly<Record<string, unknown>>): void {
    this.protocolVersion = protocolVersion
    this.#announces = (capabilities ?? {}) as Announced
  }

  /** Has a stream be one on which its client is told of what belongs to no request, until it is done. */
  listen(aside: Aside, { response }: Exchange): void {
    for (const message of this.#untold.splice(0)) aside.say(message)
    this.#streams.add(aside)
    response.once('close', () => this.#streams.delete(aside))
  }

  /** Tells its client, as soon as it listens. */
  tell(message: object): void {
    const newest = [...this.#streams].at(-1)
    if (newest) newest.say(message)
    else if (!this.#untold.some((one) => isDeepStrictEqual(one, message)))
      this.#untold = [...this.#untold, message].slice(-untoldAtMost)
  }

  /** Tells it that a list has changed, if its server said that it would. */
  changed(kind: ListKind): void {
    if (this.#announces[kind]?.listChanged === true)
      this.tell({ jsonrpc: '2.0', method: `notifications/${kind}/list_changed` })
  }

  /** Without arguments, which may be large; what has a very long name is not known when it is answered late. */
  ask(calls: readonly Call[]): void {
    for (const call of calls) {
      this.asked.delete(call.id)
      if (JSON.stringify(call.target).length <= longestTarget)
        this.asked.set(call.id, { ...call, arguments: undefined })
    }
    for (const id of [...this.asked.keys()].slice(0, -askedAtMost)) this.asked.delete(id)
  }

  park(calls: OpenCalls): void {
    this.#parked = [...this.#parked.filter(({ isEmpty }) => !isEmpty), calls]
    while (this.#parked.length > parkedAtMost) this.#parked.shift()?.end('error')
  }
}

const askedAtMost = 1000
const longestTarget = 4096
const untoldAtMost = 100

/** Calls may carry large arguments. */
const parkedAtMost = 16

/** Whether the server behind still has a session that ends here for this reason, and is to be told. */
const endsBehind: Readonly<Record<SessionEnd, boolean>> = {
  deleted: false,
  failed: false,
  drain: false,
  idle: true,
  evicted: true,
  certificate: true,
}

/** Milliseconds between two looks for sessions that are idle, or whose certificate no longer counts. */
const lookEvery = 250

/**
 * To whom the sessions of the server behind belong: a session id is a secret that one client has got, and nobody else can
 * use it, resume it, end it, or learn that it exists.
 */
export class Owners {
  readonly ended: Record<SessionEnd, number> = {
    deleted: 0,
    idle: 0,
    evicted: 0,
    certificate: 0,
    failed: 0,
    drain: 0,
  }
  readonly #limits: SessionLimits
  /** Told of those that end here, and that the server behind still has. */
  readonly #onEnd: (session: OwnedSession) => void
  readonly #all = new Set<OwnedSession>()
  readonly #byId = new Map<string, OwnedSession>()
  #timer: NodeJS.Timeout | undefined

  constructor(limits: SessionLimits, onEnd: (session: OwnedSession) => void) {
    this.#limits = limits
    this.#onEnd = onEnd
  }

  get size(): number {
    return this.#byId.size
  }

  has(id: string): boolean {
    return this.#byId.has(id)
  }

  find(id: string | undefined, owner: string | undefined): OwnedSession | undefined {
    const session = id === undefined ? undefined : this.#byId.get(id)
    return session?.owner === owner ? session : undefined
  }

  /** A place for a session that is to be opened; where there is none, why. */
  place(owner: string | undefined): OwnedSession | string {
    const place = new OwnedSession(owner)
    const { max, maxPerIdentity } = this.#limits
    const own = [...this.#all].filter((session) => session.owner === owner)
    if (owner !== undefined && own.length >= maxPerIdentity) return `${owner} has as many sessions as it may`
    if (this.#all.size >= max) {
      const toEvict = this.#toEvict()
      if (!toEvict) return 'the server has as many sessions as it may, and none is idle'
      this.end(toEvict, 'evicted')
    }
    this.#all.add(place)
    return place
  }

  /** Gives a place back that no session has come to. */
  leave(place: OwnedSession): void {
    if (place.id === undefined) this.#all.delete(place)
  }

  /**
   * The session with this id, which the server behind has just given to the owner of the place. Undefined when it had given
   * it to another before: then it belongs to nobody any more, since neither may see what the other gets.
   */
  claim(id: string, place: OwnedSession): OwnedSession | undefined {
    const before = this.#byId.get(id)
    if (before) {
      this.leave(place)
      if (before.owner === place.owner) return before
      this.end(before, 'failed')
      return undefined
    }
    place.id = id
    place.idleSince = Date.now()
    this.#byId.set(id, place)
    this.#timer ??= setInterval(() => this.#look(), lookEvery).unref()
    return place
  }

  /** Forgets a session and ends what is open in it. */
  end(session: OwnedSession, reason: SessionEnd): void {
    const { id } = session
    if (id === undefined || this.#byId.get(id) !== session) return
    this.#byId.delete(id)
    this.#all.delete(session)
    this.ended[reason]++
    for (const stop of session.open) stop.abort()
    for (const calls of session.parked) calls.end(reason === 'drain' ? 'aborted' : 'error')
    if (endsBehind[reason]) this.#onEnd(session)
    if (this.#byId.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  changed(kind: ListKind): void {
    for (const session of this.#byId.values()) session.changed(kind)
  }

  close(): void {
    for (const session of [...this.#byId.values()]) this.end(session, 'drain')
  }

  /** Of the identity that has most of them, the one that is idle for longest. */
  #toEvict(): OwnedSession | undefined {
    const counts = new Map<string | undefined, number>()
    for (const { owner } of this.#all) counts.set(owner, (counts.get(owner) ?? 0) + 1)
    const countOf = ({ owner }: OwnedSession) => counts.get(owner) ?? 0
    let found: OwnedSession | undefined
    for (const session of this.#all) {
      if (!session.isIdle) continue
      const more = found ? countOf(session) - countOf(found) : 1
      if (more > 0 || (more === 0 && found && session.idleSince < found.idleSince)) found = session
    }
    return found
  }

  #look(): void {
    const now = Date.now()
    for (const session of this.#byId.values()) {
      if (session.standing?.isGood(now) === false) this.end(session, 'certificate')
      else if (session.isIdle && now - session.idleSince >= this.#limits.idle) this.end(session, 'idle')
    }
  }
}
