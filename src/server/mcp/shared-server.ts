import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type AuthInfo,
  type JSONRPCMessage,
  McpServer,
  type MessageExtraInfo,
  PerRequestHTTPServerTransport,
  type Transport,
  type TransportSendOptions,
} from '@modelcontextprotocol/server'
import { callIn } from '../../auth/call.js'
import { callerIn } from '../identity-of.js'
import { type AnyMcpServer, closeServer } from './any-server.js'
import { Conversation, type ConversationOptions } from './conversation.js'
import { webRequest } from './exchange.js'
import { modernRevision, type PlainRequest } from './plain-request.js'
import { oneWayWords } from './stateless.js'
import { keepsUp } from './write.js'

type Era = PlainRequest['era']

export interface SharedOptions {
  readonly conversation: Pick<ConversationOptions, 'onCall' | 'onLate' | 'watch'>
  /** Name of the server. */
  readonly name: string
  /** How long a client may read nothing of its answer; milliseconds. */
  readonly idleTimeout: number
  /** Told of an answer whose client does not keep up. */
  readonly onSlow: (response: ServerResponse, authInfo: AuthInfo | undefined) => void
}

/** A request that waits for its answer. */
interface Waiting {
  readonly authInfo: AuthInfo | undefined
  readonly id: string | number
  readonly response: ServerResponse
  /** Messages came before the answer: it is a stream. */
  isStream: boolean
}

/** The server, and the requests that it answers at the moment: each has an id of ours, and its own context. */
export class Shared {
  readonly #era: Era
  readonly #server: AnyMcpServer
  readonly #conversation: Conversation
  readonly #transport: Transport
  readonly #onOver: () => void
  readonly #options: SharedOptions
  readonly #name: string
  readonly #waiting = new Map<number, Waiting>()
  readonly #classification: MessageExtraInfo['classification']
  #timer: NodeJS.Timeout | undefined
  #next = 0
  /** An error that comes while a message is handed over was found before anything ran. */
  #isHandingOver = false
  #wasRefused = false
  #isOver = false

  constructor(era: Era, server: AnyMcpServer, options: SharedOptions, onOver: () => void) {
    const { conversation, name } = options
    this.#options = options
    this.#era = era
    this.#server = server
    this.#name = name
    this.#onOver = onOver
    this.#classification = era === 'modern' ? { era: 'modern', revision: modernRevision } : undefined
    this.#transport = this.#classification
      ? new ModernTransport(this.#classification, (message, options) => this.#sent(message, options))
      : new LegacyTransport((message, options) => this.#sent(message, options))
    this.#conversation = new Conversation({
      ...conversation,
      isShared: true,
      ...(era === 'legacy' && { oneWay: oneWayWords }),
    })
  }

  async connect(): Promise<void> {
    await this.#conversation.connect(this.#server, this.#transport)
    const { onclose } = this.#transport
    this.#transport.onclose = () => {
      onclose?.()
      this.#onOver() // a tool has closed it
      clearInterval(this.#timer)
      for (const { response } of this.#waiting.values()) response.destroy()
    }
    this.#timer = setInterval(() => this.#keepAlive(), aliveEvery).unref()
  }

  answers(
    { id, name, method, protocolVersion }: PlainRequest,
    request: IncomingMessage,
    response: ServerResponse,
    authInfo: AuthInfo | undefined,
    body: object,
  ): boolean {
    if (this.#isOver || !this.#mayAnswer(method, name, body, authInfo)) return false
    const own = this.#next++
    const [call] = callIn(body, { caller: callerIn(authInfo), server: this.#name, protocolVersion })
    if (!call) return false
    this.#conversation.begin([call], own)
    this.#waiting.set(own, { id, response, authInfo, isStream: false })
    this.#wasRefused = false
    this.#isHandingOver = true
    this.#transport.onmessage?.({ ...body, id: own } as JSONRPCMessage, {
      ...(this.#classification && { classification: this.#classification }),
      ...(authInfo && { authInfo }),
      request: lazyRequest(request, response),
    })
    this.#isHandingOver = false
    if (this.#wasRefused) {
      this.#waiting.delete(own)
      return false
    }
    response.once('close', () => {
      if (this.#waiting.delete(own)) this.#cancel(own)
      if (this.#isOver && this.#waiting.size === 0) void this.close()
    })
    return true
  }

  endAfterAnswers(): void {
    this.#isOver = true
    if (this.#waiting.size === 0) void this.close()
  }

  async close(): Promise<void> {
    this.#isOver = true
    for (const { response } of this.#waiting.values()) response.destroy()
    await closeServer(this.#server)
    await this.#transport.close()
  }

  /** Neither headers for its arguments (`x-mcp-header`) nor scopes are wanted for this: the SDK knows what to do then. */
  #mayAnswer(
    method: string,
    name: string | undefined,
    body: object,
    authInfo: AuthInfo | undefined,
  ): boolean {
    const server = this.#server
    if (!(server instanceof McpServer) || name === undefined) return true
    if (server.resolveScopeChallenge({ request: body as never, ...(authInfo && { authInfo }) }) !== undefined)
      return false
    if (this.#era === 'legacy' || method !== 'tools/call') return true
    const schema = server.toolInputSchemaJson(name)
    if (!schema) return true
    const known = hasHeaders.get(schema)
    if (known !== undefined) return !known
    const wantsHeaders = JSON.stringify(schema).includes('"x-mcp-header"')
    hasHeaders.set(schema, wantsHeaders)
    return !wantsHeaders
  }

  /** Clients that wait long see that it goes on: the head of a stream in revisions that stream, and comments in streams. */
  #keepAlive(): void {
    for (const waiting of this.#waiting.values()) {
      if (waiting.isStream) waiting.response.write(': keepalive\n\n')
      else if (this.#era === 'legacy') {
        waiting.isStream = true
        waiting.response.writeHead(200, streamHeaders).flushHeaders()
      }
    }
  }

  #cancel(requestId: number): void {
    const params = { requestId, reason: 'the client has gone' }
    this.#transport.onmessage?.(
      { jsonrpc: '2.0', method: 'notifications/cancelled', params },
      this.#classification && { classification: this.#classification },
    )
  }

  #sent(message: JSONRPCMessage, options: TransportSendOptions | undefined): void {
    if ('method' in message) return this.#spoke(message, options?.relatedRequestId)
    const own = message.id as number
    const waiting = this.#waiting.get(own)
    if (!waiting) return
    if (this.#isHandingOver && 'error' in message) {
      this.#wasRefused = true
      return
    }
    this.#waiting.delete(own)
    const { id, response, isStream } = waiting
    if (response.destroyed) return
    const text = JSON.stringify({ ...message, id })
    const body = isStream || this.#era === 'legacy' ? eventOf(text) : text
    if (!isStream) {
      const headers = this.#era === 'legacy' ? streamHeaders : { 'content-type': 'application/json' }
      response.writeHead(200, { ...headers, 'content-length': Buffer.byteLength(body) })
    }
    response.end(body)
    this.#watchReader(waiting)
  }

  #watchReader({ response, authInfo }: Waiting): void {
    const { idleTimeout, onSlow } = this.#options
    keepsUp(response, idleTimeout, () => onSlow(response, authInfo))
  }

  /** A message before the answer. */
  #spoke(message: JSONRPCMessage, related: string | number | undefined): void {
    // Whose it is cannot be known: such servers are not to be shared.
    if (related === undefined) return this.#onOver()
    const waiting = this.#waiting.get(related as number)
    if (!waiting || waiting.response.destroyed) return
    if (!waiting.isStream) waiting.response.writeHead(200, streamHeaders)
    waiting.isStream = true
    if (!waiting.response.write(eventOf(JSON.stringify(message)))) this.#watchReader(waiting)
  }
}

/** As the SDK has it; milliseconds. */
const aliveEvery = 15_000

const hasHeaders = new WeakMap<object, boolean>()

const streamHeaders = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
}

function eventOf(text: string): string {
  return `event: message\ndata: ${text}\n\n`
}

type Send = (message: JSONRPCMessage, options?: TransportSendOptions) => void

/** Binds its server to the revision of its messages. */
class ModernTransport extends PerRequestHTTPServerTransport {
  readonly #send: Send

  constructor(classification: NonNullable<MessageExtraInfo['classification']>, send: Send) {
    super({ classification })
    this.#send = send
  }

  override async send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    this.#send(message, options)
  }
}

class LegacyTransport implements Transport {
  onclose?: () => void
  onerror?: (error: Error) => void
  onmessage?: Transport['onmessage']
  readonly #send: Send

  constructor(send: Send) {
    this.#send = send
  }

  async start(): Promise<void> {}

  async send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    this.#send(message, options)
  }

  async close(): Promise<void> {
    this.onclose?.()
    this.onclose = () => {}
  }
}

/** A `Request` that is made when somebody looks at it. */
function lazyRequest(request: IncomingMessage, response: ServerResponse): Request {
  let made: Request | undefined
  const real = () => {
    if (made) return made
    const gone = new AbortController()
    if (response.destroyed) gone.abort()
    else response.once('close', () => gone.abort())
    made = webRequest(request, gone.signal)
    return made
  }
  return new Proxy(Object.create(Request.prototype) as Request, {
    get: (_target, field) => {
      const value: unknown = Reflect.get(real(), field, real())
      return typeof value === 'function' ? value.bind(real()) : value
    },
    has: (_target, field) => field in Request.prototype,
  })
}
