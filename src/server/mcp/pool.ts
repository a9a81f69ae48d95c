import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type AuthInfo,
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  createMcpHandler,
  type JSONRPCMessage,
  McpServer,
  type MessageExtraInfo,
  PerRequestHTTPServerTransport,
  PROTOCOL_VERSION_META_KEY,
  type Transport,
  type TransportSendOptions,
} from '@modelcontextprotocol/server'
import { callIn } from '../../auth/call.js'
import { callerIn } from '../identity-of.js'
import { type AnyMcpServer, closeServer, type FactoryContext, isOfThisSdk, protocolOf } from './any-server.js'
import { Conversation, type ConversationOptions } from './conversation.js'
import { webRequest } from './exchange.js'
import type { EndedCall } from './outcome.js'
import { modernRevision, type PlainRequest, plainRequest } from './plain-request.js'
import { oneWayWords } from './stateless.js'

type Era = PlainRequest['era']

export interface PoolOptions {
  readonly make: (context: FactoryContext) => Promise<AnyMcpServer>
  readonly conversation: Pick<ConversationOptions, 'onCall' | 'onLate' | 'watch'>
  /** Requests of older revisions belong to sessions. */
  readonly sessions: unknown
  /** Name of the server. */
  readonly name: string
  readonly onError: (error: Error) => void
}

/** So many calls of a tool are answered by servers of their own, to see what it does with them. */
const calmCalls = 2
/** Tools that are watched; more than that are always answered by servers of their own. */
const watchedAtMost = 10_000

/**
 * One long-lived server for many requests at once, in place of one for each: most of what a call costs is to make and
 * connect a server (measured: 0.17 of the CPU time). It is used for requests of the usual form, as long as neither the
 * factory nor a tool makes a difference between requests by their server: the factory asks who calls, or a tool changes its server, asks it about the
 * client, or closes it. From the first time on each request has a server of its own again, for good.
 */
export class Pool {
  readonly #options: PoolOptions
  readonly #shared = new Map<Era, Shared | 'opening'>()
  /** How many calls of each tool, prompt, or list have done nothing of the kind. */
  readonly #calm = new Map<string, number>()
  #isOver = false

  constructor(options: PoolOptions) {
    this.#options = options
  }

  /** Answers this request, or says that it has to go the usual way. */
  answers(
    request: IncomingMessage,
    response: ServerResponse,
    authInfo: AuthInfo | undefined,
    body: unknown,
  ): boolean {
    if (this.#isOver || request.method !== 'POST') return false
    const plain = plainRequest(request.headers, body)
    if (
      !plain ||
      (plain.era === 'legacy' && this.#options.sessions) ||
      (this.#calm.get(keyOf(plain)) ?? 0) < calmCalls
    )
      return false
    const shared = this.#shared.get(plain.era)
    if (shared instanceof Shared) return shared.answers(plain, request, response, authInfo, body as object)
    if (!shared) void this.#open(plain.era)
    return false
  }

  /** A call was answered by a server of its own. */
  noteCalm({ call: { method, target, protocolVersion }, outcome }: EndedCall): void {
    if (this.#isOver || (outcome !== 'ok' && outcome !== 'tool_error')) return
    const name = 'name' in target ? target.name : 'uri' in target ? target.uri : undefined
    const key = keyOf({ era: protocolVersion === modernRevision ? 'modern' : 'legacy', method, name })
    const calm = this.#calm.get(key) ?? 0
    if (calm < calmCalls && (calm > 0 || this.#calm.size < watchedAtMost)) this.#calm.set(key, calm + 1)
  }

  /** Notes what a server is used for beyond answering. */
  watch(server: AnyMcpServer): void {
    if (this.#isOver) return
    const protocol = protocolOf(server)
    for (const [of, names] of [
      [server, changing],
      [protocol, telling],
    ] as const)
      for (const name of names) this.#watchMethod(of as Record<string, unknown>, name)
  }

  /** A context for the factory that notes whether it is looked at. */
  watchContext({ era, authInfo, requestInfo }: FactoryContext): FactoryContext {
    const seen = <Value>(value: Value) => ({
      get: () => {
        this.end()
        return value
      },
      enumerable: true,
    })
    return Object.defineProperties(
      { era },
      {
        ...(authInfo !== undefined && { authInfo: seen(authInfo) }),
        ...(requestInfo !== undefined && { requestInfo: seen(requestInfo) }),
      },
    ) as FactoryContext
  }

  /** From now on each request has a server of its own. Requests that run get their answer. */
  end(): void {
    this.#isOver = true
    this.#calm.clear()
    for (const shared of this.#shared.values()) if (shared instanceof Shared) shared.endAfterAnswers()
    this.#shared.clear()
  }

  async close(): Promise<void> {
    const open = [...this.#shared.values()]
    this.end()
    await Promise.all(open.map((shared) => (shared instanceof Shared ? shared.close() : undefined)))
  }

  #watchMethod(of: Record<string, unknown>, name: string): void {
    const method = of[name]
    if (typeof method !== 'function') return
    of[name] = (...given: unknown[]) => {
      this.end()
      return Reflect.apply(method, of, given)
    }
  }

  async #open(era: Era): Promise<void> {
    this.#shared.set(era, 'opening')
    try {
      const server = await this.#options.make(this.watchContext({ era }))
      const isPossible = era === 'legacy' || isOfThisSdk(server)
      if (this.#isOver || !isPossible) return void (await closeServer(server))
      if (era === 'modern') await bindToNewest(server as McpServer)
      const shared = new Shared(era, server, this.#options, () => this.end())
      await shared.connect()
      if (this.#isOver) await shared.close()
      else this.#shared.set(era, shared)
    } catch (error) {
      this.#isOver = true
      this.#options.onError(error instanceof Error ? error : new Error(String(error)))
    }
  }
}

/** Lets the SDK answer one request by this server: which revision it speaks is set by that alone. */
async function bindToNewest(server: McpServer): Promise<void> {
  const protocol = protocolOf(server) as { onclose?: unknown }
  const { onclose } = protocol
  protocol.onclose = undefined // it has served nobody
  const method = 'server/discover'
  const _meta = {
    [PROTOCOL_VERSION_META_KEY]: modernRevision,
    [CLIENT_INFO_META_KEY]: { name: 'nobody', version: '0' },
    [CLIENT_CAPABILITIES_META_KEY]: {},
  }
  const request = new Request('http://localhost/', {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': modernRevision,
      'mcp-method': method,
    },
  })
  const parsedBody = { jsonrpc: '2.0', id: 0, method, params: { _meta } }
  const answer = await createMcpHandler(() => server, { legacy: 'reject' }).fetch(request, { parsedBody })
  await answer.text()
  await server.close()
  protocol.onclose = onclose
}

/** Methods by which a server is changed. */
const changing = ['registerTool', 'registerPrompt', 'registerResource', 'tool', 'prompt', 'resource']
/** Those of its part that speaks the protocol, and those that tell of the client. */
const telling = [
  'setRequestHandler',
  'removeRequestHandler',
  'setNotificationHandler',
  'removeNotificationHandler',
  'registerCapabilities',
  'getClientCapabilities',
  'getClientVersion',
  'getNegotiatedProtocolVersion',
]

function keyOf({ era, method, name }: Pick<PlainRequest, 'era' | 'method' | 'name'>): string {
  return method === 'resources/read' ? `${era} ${method}` : `${era} ${method} ${name ?? ''}`
}

/** A request that waits for its answer. */
interface Waiting {
  readonly id: string | number
  readonly response: ServerResponse
  /** Messages came before the answer: it is a stream. */
  isStream: boolean
}

/** The server, and the requests that it answers at the moment: each has an id of ours, and its own context. */
class Shared {
  readonly #era: Era
  readonly #server: AnyMcpServer
  readonly #conversation: Conversation
  readonly #transport: Transport
  readonly #onOver: () => void
  readonly #name: string
  readonly #waiting = new Map<number, Waiting>()
  readonly #classification: MessageExtraInfo['classification']
  #timer: NodeJS.Timeout | undefined
  #next = 0
  /** An error that comes while a message is handed over was found before anything ran. */
  #isHandingOver = false
  #wasRefused = false
  #isOver = false

  constructor(era: Era, server: AnyMcpServer, { conversation, name }: PoolOptions, onOver: () => void) {
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
    this.#waiting.set(own, { id, response, isStream: false })
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
    if (isStream) return void response.end(eventOf(text))
    if (this.#era === 'legacy') {
      const event = eventOf(text)
      response.writeHead(200, { ...streamHeaders, 'content-length': Buffer.byteLength(event) }).end(event)
      return
    }
    response
      .writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
      .end(text)
  }

  /** A message before the answer. */
  #spoke(message: JSONRPCMessage, related: string | number | undefined): void {
    // Whose it is cannot be known: such servers are not to be shared.
    if (related === undefined) return this.#onOver()
    const waiting = this.#waiting.get(related as number)
    if (!waiting || waiting.response.destroyed) return
    if (!waiting.isStream) waiting.response.writeHead(200, streamHeaders)
    waiting.isStream = true
    waiting.response.write(eventOf(JSON.stringify(message)))
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
