import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type AuthInfo,
  type JSONRPCMessage,
  type JSONRPCRequest,
  McpServer,
  type MessageExtraInfo,
  ProtocolErrorCode,
  type TransportSendOptions,
} from '@modelcontextprotocol/server'
import { type Call, callIn } from '../../auth/call.js'
import { callerIn } from '../identity-of.js'
import { type AnyMcpServer, closeServer } from './any-server.js'
import { Conversation, type ConversationOptions } from './conversation.js'
import { convertOnce } from './convert-once.js'
import { LazyRequest } from './lazy-request.js'
import { noticeRegistered } from './notice-changes.js'
import { modernRevision, type PlainRequest } from './plain-request.js'
import { registered } from './registered.js'
import { type Ends, LegacyTransport, ModernTransport } from './shared-transports.js'
import { oneWayWords } from './stateless.js'
import { endIfUnread, keepsUp, type Unread } from './write.js'

type Era = PlainRequest['era']

export interface SharedOptions {
  readonly conversation: ConversationOptions
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
  isAnswered: boolean
  /** What the last look for unread bytes has seen. */
  unread: Unread | undefined
}

/** The server, and the requests that it answers at the moment: each has an id of ours, and its own context. */
export class Shared {
  readonly era: Era
  readonly #server: AnyMcpServer
  readonly #conversation: Conversation
  readonly #transport: ModernTransport | LegacyTransport
  readonly #options: SharedOptions
  readonly #name: string
  readonly #waiting = new Map<number, Waiting>()
  readonly #classification: MessageExtraInfo['classification']
  #timers: NodeJS.Timeout[] = []
  readonly #onOver: () => void
  /** What wants scopes, which only the usual way asks for. */
  #scoped: ReadonlySet<string> | 'unknown' = 'unknown'
  /** An error that comes while a message is handed over was found before anything ran. */
  #isHandingOver = false
  #wasRefused = false
  #isOver = false
  isClosing = false
  /** Answers that go out at the end of this turn. */
  #ready: { readonly waiting: Waiting; readonly status: number; readonly body: string }[] = []

  constructor(era: Era, server: AnyMcpServer, options: SharedOptions, onOver: () => void) {
    const { conversation, name } = options
    this.#options = options
    this.era = era
    this.#server = server
    this.#name = name
    this.#onOver = () => {
      if (!this.isClosing) onOver()
    }
    this.#classification = era === 'modern' ? { era: 'modern', revision: modernRevision } : undefined
    const ends: Ends = {
      send: (message, options) => this.#sent(message, options),
      onClose: () => this.#onOver(),
    }
    this.#transport = this.#classification
      ? new ModernTransport(this.#classification, ends)
      : new LegacyTransport(ends)
    this.#conversation = new Conversation({
      ...conversation,
      isShared: true,
      ...(era === 'legacy' && { oneWay: oneWayWords }),
    })
  }

  async connect(): Promise<void> {
    await this.#conversation.connect(this.#server, this.#transport)
    if (this.#server instanceof McpServer) await convertOnce(this.#server)
    this.#scoped = scopedIn(this.#server)
    noticeRegistered(this.#server, this.#onOver)
    this.#timers = [
      setInterval(() => this.#keepAlive(), aliveEvery).unref(),
      setInterval(() => this.#endUnread(), this.#options.idleTimeout).unref(),
    ]
  }

  answers(
    { id, name, method, protocolVersion }: PlainRequest,
    request: IncomingMessage,
    response: ServerResponse,
    authInfo: AuthInfo | undefined,
    body: object,
    known?: Call,
  ): boolean {
    if (this.#isOver || !this.#mayAnswer(method, name)) return false
    const own = this.#freeId()
    const call = known ?? callIn(body, { caller: callerIn(authInfo), server: this.#name, protocolVersion })[0]
    if (!call) return false
    const waiting: Waiting = {
      id,
      response,
      authInfo,
      isStream: false,
      isAnswered: false,
      unread: undefined,
    }
    this.#waiting.set(own, waiting)
    response.on('close', () => {
      if (!this.#waiting.delete(own)) return
      if (!waiting.isAnswered) this.#cancel(own)
      if (this.#isOver && this.#waiting.size === 0) void this.close()
    })
    if (this.#handsOver(own, method, body as JSONRPCRequest, request, waiting)) {
      this.#conversation.begin([call], own) // a tool runs in a later microtask
      return true
    }
    this.#waiting.delete(own)
    return false
  }

  /** Gives a message to the SDK. What it refuses at once, or cannot take, has run nothing, and goes the usual way. */
  #handsOver(
    id: number,
    method: string,
    { jsonrpc, params }: JSONRPCRequest,
    request: IncomingMessage,
    { authInfo, response }: Waiting,
  ): boolean {
    this.#wasRefused = false
    this.#isHandingOver = true
    try {
      this.#transport.onmessage?.({ jsonrpc, id, method, ...(params && { params }) }, {
        classification: this.#classification,
        authInfo,
        request: new LazyRequest(request, response) as unknown,
      } as MessageExtraInfo)
      return !this.#wasRefused
    } catch {
      return false
    } finally {
      this.#isHandingOver = false
    }
  }

  /** Calls that run are answered with an error: what they do is not for their callers. */
  failRunning(message: string): void {
    for (const [own, waiting] of this.#waiting) {
      if (waiting.isAnswered) continue
      this.#conversation.end([own], 'error')
      this.#cancel(own)
      this.#answer(waiting, { jsonrpc: '2.0', id: waiting.id, error: { code: -32603, message } })
    }
  }

  endAfterAnswers(): void {
    this.#isOver = true
    if (this.#waiting.size === 0) void this.close()
  }

  async close(): Promise<void> {
    if (this.isClosing) return
    this.#isOver = true
    this.isClosing = true
    for (const timer of this.#timers) clearInterval(timer)
    for (const { isAnswered, response } of this.#waiting.values()) if (!isAnswered) response.destroy()
    await closeServer(this.#server)
    try {
      await this.#transport.end()
    } catch {} // the server's own `onclose`: it is over all the same
  }

  /** Tools see it: it must not tell how many calls there were. */
  #freeId(): number {
    const id = Math.floor(Math.random() * Number.MAX_SAFE_INTEGER)
    return this.#waiting.has(id) ? this.#freeId() : id
  }

  /** Neither headers for its arguments (`x-mcp-header`) nor scopes are wanted for this: the SDK knows what to do then. */
  #mayAnswer(method: string, name: string | undefined): boolean {
    const server = this.#server
    if (!(server instanceof McpServer) || name === undefined) return true
    if (
      this.#scoped === 'unknown' ||
      this.#scoped.has(method === 'resources/read' ? method : `${method} ${name}`)
    )
      return false
    if (this.era === 'legacy' || method !== 'tools/call') return true
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
      if (waiting.isAnswered) continue
      if (waiting.isStream) waiting.response.write(': keepalive\n\n')
      else if (this.era === 'legacy') {
        waiting.isStream = true
        waiting.response.writeHead(200, streamHeaders).flushHeaders()
      }
    }
  }

  /** Ends what waits for clients that have read nothing since the last look. */
  #endUnread(): void {
    for (const waiting of this.#waiting.values())
      waiting.unread = endIfUnread(waiting.response, waiting.unread)
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
    if (!waiting || waiting.isAnswered) return
    if (this.#isHandingOver && 'error' in message) {
      this.#wasRefused = true
      return
    }
    this.#answer(waiting, { ...message, id: waiting.id } as JSONRPCMessage)
  }

  /** Throws for what JSON cannot hold. */
  #answer(waiting: Waiting, message: JSONRPCMessage): void {
    const text = JSON.stringify(message)
    waiting.isAnswered = true
    const isMissing = 'error' in message && message.error.code === missingCapability
    const status = this.era === 'modern' && isMissing ? 400 : 200
    const body = waiting.isStream || this.era === 'legacy' ? eventOf(text) : text
    this.#ready.push({ waiting, status, body })
    if (this.#waiting.size === 1) this.#writeReady()
    // Together: each write alone would wake the process of its client, which costs as much as the write (a fifth of all).
    else if (this.#ready.length === 1) setImmediate(() => this.#writeReady())
  }

  #writeReady(): void {
    for (const { waiting, status, body } of this.#ready.splice(0)) {
      const { response, isStream } = waiting
      if (response.destroyed) continue
      if (!isStream) {
        const length = Buffer.byteLength(body)
        if (this.era === 'legacy') response.writeHead(status, { ...streamHeaders, 'content-length': length })
        else response.writeHead(status, { 'content-type': 'application/json', 'content-length': length })
      }
      response.end(body)
      this.#watchReader(waiting)
    }
  }

  #watchReader({ response, authInfo }: Waiting): void {
    keepsUp(response, () => this.#options.onSlow(response, authInfo))
  }

  /** A message before the answer. */
  #spoke(message: JSONRPCMessage, related: string | number | undefined): void {
    const waiting = this.#waiting.get(related as number)
    if (!waiting || waiting.isAnswered || waiting.response.destroyed) return
    if (!waiting.isStream) waiting.response.writeHead(200, streamHeaders)
    waiting.isStream = true
    waiting.response.write(eventOf(JSON.stringify(message)))
    this.#watchReader(waiting)
  }
}

/** The calls that some `scopeChallenge` is for; all resources where one of them has it. */
function scopedIn(server: AnyMcpServer): ReadonlySet<string> | 'unknown' {
  const { tools, prompts, resources, templates } = registered(server) ?? {}
  if (!tools || !prompts || !resources || !templates) return 'unknown'
  const isScoped = ([, { scopeChallenge }]: [string, { scopeChallenge?: unknown }]) =>
    scopeChallenge !== undefined
  return new Set([
    ...Object.entries(tools)
      .filter(isScoped)
      .map(([name]) => `tools/call ${name}`),
    ...Object.entries(prompts)
      .filter(isScoped)
      .map(([name]) => `prompts/get ${name}`),
    ...(Object.entries({ ...resources, ...templates }).some(isScoped) ? ['resources/read'] : []),
  ])
}

/** The one error of a call that runs that has a status of its own (2026-07-28, "Streamable HTTP"). */
const missingCapability = ProtocolErrorCode.MissingRequiredClientCapability

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
