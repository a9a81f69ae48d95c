import { randomBytes } from 'node:crypto'
import {
  isInitializeRequest,
  type JSONRPCMessage,
  type JSONRPCNotification,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server'
import type { SessionLimits } from '../../config/index.js'
import type { Standing } from '../../tls/peer/standing.js'
import { PerIdentity } from '../../tls/per-identity.js'
import { type AnyMcpServer, closeServer, type FactoryContext } from './any-server.js'
import { Conversation, type ConversationOptions } from './conversation.js'
import { type KeptByAll, RecentEvents } from './event-store.js'
import { type Exchange, refusal } from './exchange.js'

export interface SessionsOptions extends SessionLimits {
  readonly make: (context: FactoryContext) => Promise<AnyMcpServer>
  readonly conversation: Pick<ConversationOptions, 'onCall' | 'onLate'>
  /** Told when somebody asks for the session of another identity. */
  readonly onForeign: (exchange: Exchange) => void
}

/** Why a session ended, for metrics. */
export type SessionEnd = 'deleted' | 'idle' | 'evicted' | 'certificate' | 'failed' | 'drain'

/** Milliseconds between two looks for sessions that are idle, or whose certificate no longer counts. */
const lookEvery = 250
/** How soon a client whose stream ended may come back; milliseconds. */
const retryInterval = 1000
/** URIs that one session may subscribe to. */
const subscriptionsAtMost = 1000

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

/** One client and the SDK server that is its own. */
class Session {
  /** 192 random bits, in letters that a header may hold. */
  readonly id = randomBytes(24).toString('base64url')
  readonly owner: string | undefined
  /** Of the certificate that used it last. */
  standing: Standing | undefined
  protocolVersion: string | undefined
  idleSince = Date.now()
  readonly #onEnd: (reason: SessionEnd) => void
  readonly #transport: WebStandardStreamableHTTPServerTransport
  readonly #events: RecentEvents
  readonly #conversation: Conversation
  /** For messages of ours: around the conversation, which is the server's. */
  readonly #send: (message: JSONRPCMessage) => Promise<void>
  #server: AnyMcpServer | undefined
  readonly #subscribed = new Set<string>()
  /** What its server says of changes. */
  #announces: Readonly<Record<string, { readonly listChanged?: boolean } | undefined>> = {}
  /** Requests and streams that are open. */
  #open = 0
  #isDraining = false
  #hasEnded = false

  static async open(
    exchange: Exchange,
    { make, conversation }: SessionsOptions,
    kept: KeptByAll,
    onEnd: (reason: SessionEnd) => void,
  ): Promise<Session> {
    const { authInfo, web } = exchange
    const server = await make({ era: 'legacy', ...(authInfo && { authInfo }), requestInfo: web })
    const session = new Session(authInfo?.clientId, conversation, kept, onEnd)
    session.#server = server
    await session.#conversation.connect(server, session.#transport)
    return session
  }

  private constructor(
    owner: string | undefined,
    conversation: SessionsOptions['conversation'],
    kept: KeptByAll,
    onEnd: (reason: SessionEnd) => void,
  ) {
    this.owner = owner
    this.#onEnd = onEnd
    this.#events = new RecentEvents(kept)
    this.#transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => this.id,
      eventStore: this.#events,
      retryInterval,
    })
    this.#send = this.#transport.send.bind(this.#transport)
    this.#conversation = new Conversation({
      ...conversation,
      onCall: (ended) => {
        conversation.onCall(ended)
        if (this.#isDraining) this.#endAfterAnswers()
      },
      onAnswer: ({ method, target }, answer) => {
        if (!('result' in answer)) {
          if (method === 'initialize') setImmediate(() => void this.end('failed')) // once it is written
          return answer
        }
        if (method === 'initialize') {
          const { protocolVersion, capabilities } = answer.result as {
            protocolVersion?: string
            capabilities?: Record<string, { listChanged?: boolean } | undefined>
          }
          this.protocolVersion = protocolVersion
          this.#announces = capabilities ?? {}
        }
        if (
          target.kind === 'resource' &&
          method === 'resources/subscribe' &&
          this.#subscribed.size < subscriptionsAtMost
        )
          this.#subscribed.add(target.uri)
        if (target.kind === 'resource' && method === 'resources/unsubscribe')
          this.#subscribed.delete(target.uri)
        return answer
      },
    })
  }

  get isIdle(): boolean {
    return this.#open === 0
  }

  async answer(exchange: Exchange): Promise<Response> {
    const { request, authInfo, body, calls, web } = exchange
    this.#use(exchange)
    const taken = calls.find(({ id }) => this.#conversation.runs(id))
    if (taken)
      return refusal(400, -32600, `The id ${JSON.stringify(taken.id)} is that of a call that still runs`)
    this.#conversation.begin(calls)
    const ids = calls.map(({ id }) => id)
    try {
      const answer = await this.#transport.handleRequest(web, {
        ...(authInfo && { authInfo }),
        ...(body !== undefined && { parsedBody: body }),
      })
      if (answer.status !== 200) this.#conversation.end(ids, 'error') // the SDK's transport refused them
      if (request.method === 'DELETE' && answer.status === 200) await this.end('deleted')
      if (isInitializeRequest(body) && this.protocolVersion === undefined && answer.status !== 200)
        await this.end('failed')
      return answer
    } catch (error) {
      this.#conversation.end(ids, 'error')
      throw error
    }
  }

  notify(notification: JSONRPCNotification): void {
    const [, kind = '', change] = notification.method.split('/')
    const isWanted =
      change === 'updated'
        ? this.#subscribed.has(String(notification.params?.uri))
        : this.#announces[kind]?.listChanged === true
    if (isWanted) this.#send(notification).catch(() => {}) // its stream has just ended
  }

  drain(): void {
    this.#isDraining = true
    this.#transport.closeStandaloneSSEStream()
    this.#endAfterAnswers()
  }

  /** An answer is seen before it is written. */
  #endAfterAnswers(): void {
    setImmediate(() => {
      if (this.#conversation.running === 0) void this.end('drain')
    })
  }

  /** Its server is closed, its streams end, and calls that run are aborted. */
  async end(reason: SessionEnd): Promise<void> {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#onEnd(reason)
    await closeServer(this.#server)
    await this.#transport.close()
    this.#conversation.endAll('aborted')
    this.#events.close()
  }

  #use({ response, standing, web }: Exchange): void {
    this.standing = standing
    if (web.signal.aborted) return // its client has gone already
    this.#open++
    response.once('close', () => {
      this.#open--
      this.idleSince = Date.now()
    })
  }
}
