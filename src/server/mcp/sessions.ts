import { isInitializeRequest, type JSONRPCNotification } from '@modelcontextprotocol/server'
import type { SessionLimits } from '../../config/index.js'
import { PerIdentity } from '../../tls/per-identity.js'
import type { AnyMcpServer } from './any-server.js'
import type { Kept } from './event-store.js'
import { type Exchange, refusal, tooMany } from './exchange.js'
import type { EndedCall } from './outcome.js'
import { Session, type SessionEnd, type SessionParts } from './session.js'

export interface SessionsOptions extends SessionParts, SessionLimits {
  /** Calls of one identity that run at once: some run on when their stream has gone. */
  readonly maxRequestsPerIdentity: number
  /** Told of what is refused here: the session of another identity, and one too many. */
  readonly onRefused: (reason: 'NOT_AUTHORIZED' | 'RATE_LIMITED', message: string, exchange: Exchange) => void
}

/** What a client says of itself is kept as long as its session: at most so many characters. */
const longestInitialize = 64 * 1024

/** So many times longer than an idle session one lives whose client has gone while a call runs. */
const abandonedFor = 12

/** Milliseconds between two looks for sessions that are idle, or whose certificate no longer counts. */
const lookEvery = 250

/**
 * The sessions of one server, in the revisions that have them (2025-03-26 to 2025-11-25): an SDK server each, which
 * belongs to the identity that opened it. Nobody else can use it, resume it, end it, or learn that it exists.
 */
export class Sessions {
  readonly #options: SessionsOptions
  readonly #sessions = new Map<string, Session>()
  readonly #perIdentity: PerIdentity
  readonly #running: PerIdentity
  /** By identity, as long as it has sessions. */
  readonly #kept = new Map<string | undefined, Kept>()
  readonly #ended: Record<SessionEnd, number> = {
    deleted: 0,
    idle: 0,
    evicted: 0,
    certificate: 0,
    failed: 0,
    drain: 0,
  }
  /** Sessions whose server is being made. */
  #opening = 0
  #isDraining = false
  #timer: NodeJS.Timeout | undefined

  constructor(options: SessionsOptions) {
    this.#options = options
    this.#perIdentity = new PerIdentity(options.maxPerIdentity)
    this.#running = new PerIdentity(options.maxRequestsPerIdentity)
  }

  get size(): number {
    return this.#sessions.size
  }

  /** How many sessions have ended, by reason. */
  get ended(): Readonly<Record<SessionEnd, number>> {
    return this.#ended
  }

  /** The revision that a session speaks; undefined for one that this caller does not have. */
  versionOf(id: string | undefined, owner: string | undefined): string | undefined {
    return this.#find(id, owner)?.protocolVersion
  }

  async answer(exchange: Exchange): Promise<Response> {
    const { request, authInfo, body } = exchange
    const id = request.headers['mcp-session-id']
    if (id === undefined) {
      if (isInitializeRequest(body)) return this.#open(exchange)
      return refusal(400, -32000, 'Bad Request: Mcp-Session-Id header is required')
    }
    const session = this.#find(String(id), authInfo?.clientId)
    if (session) return this.#answerIn(session, exchange)
    // Once it is answered: an unknown session shall not be told from it by the time that this takes.
    if (this.#sessions.has(String(id)))
      exchange.response.once('close', () =>
        this.#options.onRefused(
          'NOT_AUTHORIZED',
          `${authInfo?.clientId} asked for a session of another identity`,
          exchange,
        ),
      )
    return refusal(404, -32001, 'Session not found')
  }

  /** Sends a change to the sessions that want to know of it. */
  notify(notification: JSONRPCNotification): void {
    for (const session of this.#sessions.values()) session.notify(notification)
  }

  /** Opens no more sessions; each ends when its last call is answered. */
  drain(): void {
    this.#isDraining = true
    for (const session of this.#sessions.values()) session.drain()
  }

  async close(): Promise<void> {
    this.#isDraining = true
    await Promise.all([...this.#sessions.values()].map((session) => session.end('drain')))
  }

  #find(id: string | undefined, owner: string | undefined): Session | undefined {
    const session = id === undefined ? undefined : this.#sessions.get(id)
    return session?.owner === owner ? session : undefined
  }

  async #open(exchange: Exchange): Promise<Response> {
    const owner = exchange.authInfo?.clientId
    if (JSON.stringify(exchange.body).length > longestInitialize)
      return refusal(413, -32000, `initialize is larger than ${longestInitialize} characters`)
    const refused = this.#refuseOpening(exchange, owner)
    if (refused) return refused
    this.#opening++
    let session: Session
    try {
      session = await Session.open(exchange, this.#partsOf(owner), this.#keptOf(owner), (reason) => {
        this.#sessions.delete(session.id)
        this.#ended[reason]++
        this.#give(owner)
        if (this.#sessions.size === 0) this.#stopLooking()
      })
    } catch (error) {
      this.#give(owner)
      throw error
    } finally {
      this.#opening--
    }
    this.#sessions.set(session.id, session)
    this.#timer ??= setInterval(() => this.#look(), lookEvery).unref()
    if (this.#isDraining) session.drain()
    const answer = await this.#answerIn(session, exchange)
    if (answer.status === 429) await session.end('failed') // its client does not know of it
    return answer
  }

  #answerIn(session: Session, exchange: Exchange): Promise<Response> | Response {
    const { owner } = session
    const { calls } = exchange
    const twice = session.runningAmong(calls)
    if (twice)
      return refusal(400, -32600, `The id ${JSON.stringify(twice.id)} is that of a call that still runs`)
    if (owner === undefined) return session.answer(exchange)
    const taken = calls.filter(() => this.#running.take(owner))
    // Each ends as a call of the session, also where it is refused there.
    if (taken.length === calls.length) return session.answer(exchange)
    for (const _call of taken) this.#running.give(owner)
    return this.#tooMany(exchange, `${owner} has as many calls at once as it may`)
  }

  /** Takes the place of one session, or says why there is none. */
  #refuseOpening(exchange: Exchange, owner: string | undefined): Response | undefined {
    if (this.#isDraining) return refusal(503, -32000, 'The server is stopping: it opens no more sessions')
    if (owner !== undefined && !this.#perIdentity.take(owner))
      return this.#tooMany(exchange, `${owner} has as many sessions as it may`)
    if (this.#sessions.size + this.#opening < this.#options.max) return undefined
    const toEvict = this.#toEvict()
    if (toEvict) {
      void toEvict.end('evicted')
      return undefined
    }
    this.#give(owner)
    return this.#tooMany(exchange, 'the server has as many sessions as it may, and none is idle')
  }

  /** Of the identity that has most of them, the one that is idle for longest: nobody is pushed out by one that opens many. */
  #toEvict(): Session | undefined {
    const countOf = ({ owner }: Session) => (owner === undefined ? 0 : this.#perIdentity.count(owner))
    const now = Date.now()
    let found: Session | undefined
    for (const session of this.#sessions.values()) {
      if (!session.isIdle && !session.isAbandoned(now, this.#options.idle)) continue
      const more = found ? countOf(session) - countOf(found) : 1
      if (more > 0 || (more === 0 && found && session.idleSince < found.idleSince)) found = session
    }
    return found
  }

  #tooMany(exchange: Exchange, message: string): Response {
    this.#options.onRefused('RATE_LIMITED', message, exchange)
    return tooMany(message)
  }

  #give(owner: string | undefined): void {
    if (owner === undefined) return
    this.#perIdentity.give(owner)
    if (!this.#perIdentity.has(owner)) this.#kept.delete(owner)
  }

  /** A call has its place until it ends, however that comes about. */
  #partsOf(owner: string | undefined): SessionParts {
    const { make, conversation } = this.#options
    const onCall = (ended: EndedCall, server: AnyMcpServer | undefined) => {
      conversation.onCall(ended, server)
      if (owner !== undefined) this.#running.give(owner)
    }
    return { make, conversation: { ...conversation, onCall } }
  }

  #keptOf(owner: string | undefined): Kept {
    const kept = this.#kept.get(owner) ?? { characters: 0 }
    this.#kept.set(owner, kept)
    return kept
  }

  #look(): void {
    const now = Date.now()
    const { idle } = this.#options
    for (const session of this.#sessions.values()) {
      if (session.standing?.isGood(now) === false) void session.end('certificate')
      else if (session.isAbandoned(now, session.isIdle ? idle : abandonedFor * idle)) void session.end('idle')
    }
  }

  #stopLooking(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
