import { randomBytes } from 'node:crypto'
import {
  isInitializeRequest,
  type JSONRPCMessage,
  type JSONRPCNotification,
  type TransportSendOptions,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server'
import type { Call } from '../../auth/call.js'
import type { Standing } from '../../tls/peer/standing.js'
import { type AnyMcpServer, closeServer, type FactoryContext } from './any-server.js'
import { Conversation, type ConversationOptions } from './conversation.js'
import { type Kept, RecentEvents } from './event-store.js'
import { type Exchange, listenerOf } from './exchange.js'
import type { Listener, Oversight } from './oversight.js'

export interface SessionParts {
  readonly make: (context: FactoryContext) => Promise<AnyMcpServer>
  readonly conversation: Pick<ConversationOptions, 'oversight' | 'onCall' | 'onLate' | 'watch'>
}

/** Why a session ended, for metrics. */
export type SessionEnd = 'deleted' | 'idle' | 'evicted' | 'certificate' | 'failed' | 'drain'

/** How soon a client whose stream ended may come back; milliseconds. */
const retryInterval = 1000
/** Characters of all URIs that one session may subscribe to. */
const subscribedAtMost = 64 * 1024
/** Messages that wait for a client to open its stream; and their characters together. */
const heldAtMost = { messages: 100, characters: 256 * 1024 }

/** One client and the SDK server that is its own. */
export class Session {
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
  readonly #oversight: Oversight | undefined
  /** Its client, as it called last. */
  #listener: Listener | undefined
  /** For messages of ours: around the conversation, which is the server's. */
  readonly #send: (message: JSONRPCMessage) => Promise<void>
  /** Messages for the stream that the client has not opened yet; undefined once it has. */
  #held: JSONRPCMessage[] | undefined = []
  #heldCharacters = 0
  #server: AnyMcpServer | undefined
  readonly #subscribed = new Set<string>()
  /** What its server says of changes. */
  #announces: Readonly<Record<string, { readonly listChanged?: boolean } | undefined>> = {}
  /** Requests and streams that are open; calls run on while their stream is broken. */
  #open = 0
  #isDraining = false
  #hasEnded = false

  static async open(
    exchange: Exchange,
    { make, conversation }: SessionParts,
    kept: Kept,
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
    conversation: SessionParts['conversation'],
    kept: Kept,
    onEnd: (reason: SessionEnd) => void,
  ) {
    this.owner = owner
    this.#onEnd = onEnd
    this.#oversight = conversation.oversight
    this.#events = new RecentEvents(kept, {
      callOf: (message) => this.#conversation.answeredBy(message),
      replayed: (message, call) => this.#replayed(message, call),
    })
    this.#transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => this.id,
      eventStore: this.#events,
      retryInterval,
    })
    const send = this.#transport.send.bind(this.#transport)
    this.#transport.send = (message, options) =>
      this.#isKeptFrom(message) || this.#holds(message, options) ? Promise.resolve() : send(message, options)
    this.#send = this.#transport.send
    this.#conversation = new Conversation({
      ...conversation,
      onCall: (ended, server) => {
        conversation.onCall(ended, server)
        this.idleSince = Date.now()
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
        if (target.kind === 'resource') this.#noteSubscription(method, target.uri)
        return answer
      },
    })
  }

  /** The call among these whose id is that of a call that still runs. */
  runningAmong(calls: readonly Call[]): Call | undefined {
    return calls.find(({ id }) => this.#conversation.runs(id))
  }

  get isIdle(): boolean {
    return this.#open === 0 && this.#conversation.running === 0
  }

  /** Whether nobody has been here for so long, while a call runs that nobody may ever come back for. */
  isAbandoned(now: number, idle: number): boolean {
    return this.#open === 0 && now - this.idleSince >= idle
  }

  async answer(exchange: Exchange): Promise<Response> {
    const { request, authInfo, body, calls, web } = exchange
    this.#use(exchange)
    this.#conversation.begin(calls)
    const ids = calls.map(({ id }) => id)
    try {
      const answer = await this.#transport.handleRequest(this.#resumable(web), {
        ...(authInfo && { authInfo }),
        ...(body !== undefined && { parsedBody: body }),
      })
      if (answer.status !== 200) this.#conversation.end(ids, 'error') // the SDK's transport refused them
      if (request.method === 'GET' && answer.status === 200) this.#sendHeld()
      if (request.method === 'DELETE' && answer.status === 200) await this.end('deleted')
      if (isInitializeRequest(body) && this.protocolVersion === undefined && answer.status !== 200)
        await this.end('failed')
      return answer
    } catch (error) {
      this.#conversation.end(ids, 'error')
      throw error
    }
  }

  /** What was kept for its client, by the policy as it is when that comes back. */
  #replayed(message: JSONRPCMessage, call: Call | undefined): JSONRPCMessage | undefined {
    if (this.#isKeptFrom(message)) return undefined
    if (!call || !this.#listener || !this.#oversight || !('result' in message)) return message
    return this.#oversight.late(this.#listener, call, message)
  }

  /** A change of a resource that its client may not use, or no more. */
  #isKeptFrom(message: JSONRPCMessage): boolean {
    if (!('method' in message) || message.method !== 'notifications/resources/updated') return false
    return (
      this.#listener !== undefined &&
      this.#oversight?.mayHear(this.#listener, String(message.params?.uri)) === false
    )
  }

  /** Servers speak as soon as they are initialized, and clients open their stream a moment later: the SDK would lose it. */
  #holds(message: JSONRPCMessage, options: TransportSendOptions | undefined): boolean {
    const held = this.#held
    if (!held || !('method' in message) || options?.relatedRequestId !== undefined) return false
    if (held.length === heldAtMost.messages) {
      if ('id' in message) this.#failHeld(message.id)
      return true
    }
    const { length } = JSON.stringify(message)
    if (this.#heldCharacters + length <= heldAtMost.characters) {
      this.#heldCharacters += length
      held.push(message)
    } else if ('id' in message) this.#failHeld(message.id)
    return true
  }

  /** Its server would wait for ever. */
  #failHeld(id: string | number): void {
    const error = { code: -32603, message: 'the client has not opened its stream, and too much waits for it' }
    queueMicrotask(() => this.#transport.onmessage?.({ jsonrpc: '2.0', id, error }))
  }

  #sendHeld(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const message of held) this.#send(message).catch(() => {}) // its stream has just ended
  }

  /** A client that was away for too long gets a new stream in place of an old one: it lives on what comes now. */
  #resumable(web: Request): Request {
    const id = web.headers.get('last-event-id')
    if (id !== null && this.#events.isForgottenNews(id)) web.headers.delete('last-event-id')
    return web
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

  #noteSubscription(method: string, uri: string): void {
    if (method === 'resources/unsubscribe') this.#subscribed.delete(uri)
    if (method !== 'resources/subscribe') return
    const characters = [...this.#subscribed].reduce((sum, { length }) => sum + length, uri.length)
    if (characters <= subscribedAtMost) this.#subscribed.add(uri)
  }

  #use(exchange: Exchange): void {
    const { response, standing, signal } = exchange
    this.standing = standing
    this.#listener = listenerOf(exchange)
    if (signal.aborted) return // its client has gone already
    this.#open++
    response.once('close', () => {
      this.#open--
      this.idleSince = Date.now()
    })
  }
}
