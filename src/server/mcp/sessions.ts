import { isInitializeRequest, type JSONRPCNotification } from '@modelcontextprotocol/server'
import type { SessionLimits } from '../../config/index.js'
import { PerIdentity } from '../../tls/per-identity.js'
import type { KeptByAll } from './event-store.js'
import { type Exchange, refusal } from './exchange.js'
import { Session, type SessionEnd, type SessionParts } from './session.js'

export interface SessionsOptions extends SessionParts, SessionLimits {
  /** Told when somebody asks for the session of another identity. */
  readonly onForeign: (exchange: Exchange) => void
}

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
  readonly #kept: KeptByAll = { characters: 0 }
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
    if (session) return session.answer(exchange)
    if (this.#sessions.has(String(id))) this.#options.onForeign(exchange)
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
    const refused = this.#refuseOpening(owner)
    if (refused) return refused
    this.#opening++
    let session: Session
    try {
      session = await Session.open(exchange, this.#options, this.#kept, (reason) => {
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
    return session.answer(exchange)
  }

  /** Takes the place of one session, or says why there is none. */
  #refuseOpening(owner: string | undefined): Response | undefined {
    if (this.#isDraining) return refusal(503, -32000, 'The server is stopping: it opens no more sessions')
    if (owner !== undefined && !this.#perIdentity.take(owner))
      return tooMany(`${owner} has as many sessions as it may`)
    if (this.#sessions.size + this.#opening < this.#options.max) return undefined
    let longest: Session | undefined
    for (const session of this.#sessions.values())
      if (session.isIdle && session.idleSince < (longest?.idleSince ?? Number.POSITIVE_INFINITY))
        longest = session
    if (longest) {
      void longest.end('evicted')
      return undefined
    }
    this.#give(owner)
    return tooMany('The server has as many sessions as it may, and none is idle')
  }

  #give(owner: string | undefined): void {
    if (owner !== undefined) this.#perIdentity.give(owner)
  }

  #look(): void {
    const now = Date.now()
    for (const session of this.#sessions.values()) {
      if (session.standing?.isGood(now) === false) void session.end('certificate')
      else if (session.isIdle && now - session.idleSince >= this.#options.idle) void session.end('idle')
    }
  }

  #stopLooking(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}

function tooMany(message: string): Response {
  return refusal(429, -32000, message, { 'retry-after': '1' })
}
