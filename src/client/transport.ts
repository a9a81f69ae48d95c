import { setImmediate as nextTurn } from 'node:timers/promises'
import {
  type AuthProvider,
  isJSONRPCErrorResponse,
  isJSONRPCResultResponse,
  type JSONRPCMessage,
  type JSONRPCRequest,
  type OAuthClientProvider,
  parseJSONRPCMessage,
  StreamableHTTPClientTransport,
  type TransportSendOptions,
} from '@modelcontextprotocol/client'
import type { Reconnection } from '../config/index.js'
import { kindOf, readEvents, textOfAnswer } from './answers.js'
import { tooLarge } from './bounded.js'
import { Answer, type TextRequest } from './exchange.js'

/** What gives tokens: the SDK's two kinds. */
export type AuthProviders = AuthProvider | OAuthClientProvider

/** How a transport of ours makes its requests. */
export interface Requests<Call> {
  /** The call that is made at this moment: the SDK hands a request over before it waits for anything. */
  call(): Call | undefined
  /** As `fetch`. */
  fetch(url: string | URL, init: RequestInit | undefined, call: Call | undefined): Promise<Response>
  /** What a request below `fetch` is answered with; a response when that is not plain. */
  exchange(sent: TextRequest, message: JSONRPCRequest, call: Call | undefined): Promise<Answer | Response>
  /** A response within its limit, that of a request which goes the SDK's way from here. */
  bounded(response: Response, message: JSONRPCRequest, signals: readonly AbortSignal[]): Response
  /** What stands in for the answer to a request, which broke off. */
  broken(message: JSONRPCRequest, error: unknown): JSONRPCMessage
  /** `host:port`, for people. */
  readonly host: string
  readonly maxAnswerBytes: number
  readonly reconnection: Reconnection
  /** When a stream that ended is opened again, if at all; within bounds when the server says, without it. Returns what forgets that. */
  reconnect?(reconnect: () => void, ms: number, attempt: number): () => void
  /** Its tokens are for the SDK's way alone: nothing goes the short one. */
  readonly authProvider: AuthProviders | undefined
}

/** A request that the SDK's transport makes for one of ours: it is named in a header, for there is no other way through. */
interface Handed<Call> {
  readonly call: Call | undefined
  /** What it was answered with, where that is known. */
  readonly response?: Response | undefined
}

/** The same as the interface has it, but for `undefined`. */
type SendOptions = Parameters<StreamableHTTPClientTransport['send']>[1]

const handedHeader = 'mcp-mtls-request'

/** What a server may say of the time before its stream is opened again; milliseconds. */
const shortestDelay = 100

/**
 * The SDK's transport, with a short way for what calls are made of: a request whose answer is JSON or a plain stream of events.
 * All else is the SDK's: what has to do with sessions and their beginning, resumption, listening, notifications, and answers that
 * are not plain. The short way costs a quarter of the long one.
 */
export class ShortWayTransport<Call> extends StreamableHTTPClientTransport {
  readonly #requests: Requests<Call>
  readonly #closing = new AbortController()
  readonly #handed = new Map<string, Handed<Call>>()
  readonly #timers = new Set<NodeJS.Timeout>()
  #handedCount = 0

  constructor(url: URL, requests: Requests<Call>) {
    super(url, {
      fetch: (to, init) => {
        const { call, response } = this.#taken(init) ?? { call: requests.call() }
        return response ? Promise.resolve(response) : requests.fetch(to, init, call)
      },
      redirectPolicy: 'follow', // our fetch follows within the origin alone, and says so
      reconnectionOptions: requests.reconnection,
      ...(requests.authProvider && { authProvider: requests.authProvider }),
      reconnectionScheduler: (reconnect, ms, attempt) =>
        requests.reconnect?.(reconnect, ms, attempt) ?? this.#reconnect(reconnect, ms),
    })
    this.#requests = requests
  }

  override send(message: JSONRPCMessage | JSONRPCMessage[], options?: TransportSendOptions): Promise<void> {
    return this.sendFor(this.#requests.call(), message, options)
  }

  /** Sends what is for this call. */
  async sendFor(
    call: Call | undefined,
    message: JSONRPCMessage | JSONRPCMessage[],
    options?: TransportSendOptions,
  ): Promise<void> {
    const headers = this.#shortWay(message, options)
    if (headers === undefined) return this.#handOver(message, options, { call })
    const request = message as JSONRPCRequest
    try {
      await this.#post(request, headers, options, call)
    } catch (error) {
      if (options?.requestSignal?.aborted !== true) this.onerror?.(error as Error)
      throw error
    }
  }

  override async close(): Promise<void> {
    this.#closing.abort()
    for (const timer of this.#timers) clearTimeout(timer)
    await super.close()
  }

  /** When the server says, within bounds: 0 would be an attack on both, and timers end at once beyond theirs. */
  #reconnect(reconnect: () => void, ms: number): () => void {
    const { initialReconnectionDelay, maxReconnectionDelay } = this.#requests.reconnection
    const least = Math.min(shortestDelay, initialReconnectionDelay)
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer)
        reconnect()
      },
      Math.min(Math.max(ms, least), maxReconnectionDelay),
    )
    this.#timers.add(timer)
    return () => clearTimeout(timer)
  }

  /** The headers of a request that may go the short way. */
  #shortWay(
    message: JSONRPCMessage | JSONRPCMessage[],
    options: TransportSendOptions | undefined,
  ): Record<string, string> | undefined {
    if (this.#requests.authProvider) return undefined
    const version = this.protocolVersion // known once both sides have agreed on one
    if (version === undefined || this.#closing.signal.aborted || !isRequest(message)) return undefined
    if (options?.resumptionToken || options?.onresumptiontoken || hasOwn(options?.headers)) return undefined
    return headersOf(message, version, this.sessionId)
  }

  async #post(
    message: JSONRPCRequest,
    headers: Record<string, string>,
    options: TransportSendOptions | undefined,
    call: Call | undefined,
  ): Promise<void> {
    const { signal } = this.#closing
    const { requestSignal } = options ?? {}
    const signals = requestSignal ? [signal, requestSignal] : [signal]
    const sent: TextRequest = { method: 'POST', headers, body: JSON.stringify(message), signals }
    const answer = await this.#requests.exchange(sent, message, call)
    const continued = (rest: Response) =>
      this.#handOver(message, options, { call, response: this.#requests.bounded(rest, message, signals) })
    if (!(answer instanceof Answer)) return continued(answer)
    const { maxAnswerBytes, host } = this.#requests
    const tooMuch = () => tooLarge(host, maxAnswerBytes)
    if (kindOf(answer.headers['content-type']) === 'json') {
      const text = await textOfAnswer(answer, maxAnswerBytes, tooMuch).catch((error: unknown) => {
        this.#broken(message, options, error)
        throw error
      })
      for (const one of [JSON.parse(text)].flat()) this.onmessage?.(checked(one))
      return
    }
    let hasTold = false
    let held: Promise<void> | undefined
    const ended = (error: unknown) => {
      if (error !== undefined) this.#broken(message, options, error)
      options?.onRequestStreamEnd?.()
    }
    readEvents(answer, maxAnswerBytes, tooMuch, {
      message: (data) => {
        const said = this.#read(data)
        if (!said) return false
        const isAnswer = !('method' in said)
        // The SDK hands on a notification in a later turn than an answer, which would end the call before it.
        if (isAnswer && hasTold) held = nextTurn().then(() => this.#hand(said))
        else this.#hand(said)
        hasTold ||= !isAnswer
        return isAnswer
      },
      end: (error) => {
        if (held) void held.then(() => ended(error))
        else ended(error)
      },
      other: (rest) => {
        if (!signals.some(({ aborted }) => aborted)) continued(rest).catch(() => {}) // `onerror` has it
      },
    })
  }

  #hand(message: JSONRPCMessage): void {
    try {
      this.onmessage?.(message)
    } catch (error) {
      this.onerror?.(error as Error)
    }
  }

  #read(data: string): JSONRPCMessage | undefined {
    try {
      return checked(JSON.parse(data))
    } catch (error) {
      this.onerror?.(error as Error)
      return undefined
    }
  }

  /** The SDK would wait for the time limit. */
  #broken(message: JSONRPCRequest, options: TransportSendOptions | undefined, error: unknown): void {
    if (options?.requestSignal?.aborted || this.#closing.signal.aborted) return
    this.onmessage?.(this.#requests.broken(message, error))
  }

  async #handOver(
    message: JSONRPCMessage | JSONRPCMessage[],
    options: TransportSendOptions | undefined,
    handed: Handed<Call>,
  ): Promise<void> {
    const { resumptionToken } = options ?? {}
    if (resumptionToken) {
      // It asks by a GET, later, in which no header of ours is.
      this.#handed.set(eventName(resumptionToken), handed)
      return super.send(message, options as SendOptions)
    }
    const name = String(this.#handedCount++)
    this.#handed.set(name, handed)
    try {
      const headers = { ...options?.headers, [handedHeader]: name }
      await super.send(message, { ...options, headers } as SendOptions)
    } finally {
      this.#handed.delete(name)
    }
  }

  #taken(init: RequestInit | undefined): Handed<Call> | undefined {
    const { headers } = init ?? {}
    if (!(headers instanceof Headers)) return undefined
    const event = headers.get('last-event-id')
    const name = headers.get(handedHeader) ?? (event === null ? '' : eventName(event))
    headers.delete(handedHeader)
    const handed = this.#handed.get(name)
    if (event !== null) this.#handed.delete(name)
    // With a new token the SDK asks once more.
    else if (handed?.response) this.#handed.set(name, { call: handed.call })
    return handed
  }
}

function eventName(id: string): string {
  return `event ${id}`
}

function isRequest(message: JSONRPCMessage | JSONRPCMessage[]): message is JSONRPCRequest {
  return 'method' in message && 'id' in message && message.id !== undefined && message.method !== 'initialize'
}

function hasOwn(headers: object | undefined): boolean {
  return headers !== undefined && Object.keys(headers).length > 0
}

/** What a request of the newer eras is named by in its headers; as the SDK has it. */
const namedBy: Readonly<Record<string, string>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
}
const unnamed = new Set([
  'tools/list',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
  'completion/complete',
  'ping',
  'server/discover',
])

/** As the SDK's transport writes them (MCP 2026-07-28, SEP-2243); undefined for what only that knows to write. */
function headersOf(
  { method, params }: JSONRPCRequest,
  version: string,
  session: string | undefined,
): Record<string, string> | undefined {
  const claimed = params?._meta?.['io.modelcontextprotocol/protocolVersion']
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': version,
  }
  if (session !== undefined) headers['mcp-session-id'] = session
  if (typeof claimed !== 'string') return headers
  if (claimed !== version) return undefined
  headers['mcp-method'] = method
  if (unnamed.has(method)) return headers
  const source = namedBy[method]
  const name = source === undefined ? undefined : params?.[source]
  // What needs an encoding is left to the SDK.
  if (typeof name !== 'string' || !/^[!-~]([ -~]*[!-~])?$/.test(name) || name.startsWith('=?'))
    return undefined
  headers['mcp-name'] = name
  return headers
}

/** The same message, once it is one; throws what the SDK throws for another. Most are results, which are tried first. */
function checked(message: unknown): JSONRPCMessage {
  if (isJSONRPCResultResponse(message) || isJSONRPCErrorResponse(message)) return message
  return parseJSONRPCMessage(message)
}
