import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import {
  type FetchLike,
  type JSONRPCMessage,
  type JSONRPCRequest,
  type RequestId,
  SdkHttpError,
} from '@modelcontextprotocol/client'
import type { Transport } from '@modelcontextprotocol/server'
import { isPlain, kindOf } from '../client/answers.js'
import { bounded } from '../client/bounded.js'
import { Answer, type TextRequest } from '../client/exchange.js'
import { explainFailure, isUnsent } from '../client/failure.js'
import type { Exchanging } from '../client/fetch.js'
import { saysSessionIsLost } from '../client/lost-session.js'
import { withRetries } from '../client/retry.js'
import { ShortWayTransport } from '../client/transport.js'
import { hostPortOf } from '../config/index.js'
import { modernRevision } from '../relay/exchanges.js'
import { Fault, faultAnswer, sessionIsLost } from '../relay/fault.js'
import type { FarServer } from './far-server.js'
import type { HeadersOf } from './repeated-arguments.js'
import { answerIn, faultOf, withoutMethod } from './words.js'

export interface FarOptions extends Pick<FarServer, 'url' | 'retryAttempts' | 'maxAnswerBytes'> {
  readonly fetch: FetchLike & Exchanging
  /** Whether the revision has no sessions (2026-07-28): a request is given up by ending its stream. */
  readonly isModern: boolean
  readonly headersOf?: HeadersOf
}

/** A request that has no answer yet. */
interface Call {
  readonly id: RequestId
  readonly method: string
  /** Sent with it, beside those of all requests. */
  readonly headers: Readonly<Record<string, string>>
  readonly giveUp: AbortController
  /** The head of its answer is here. */
  hasHead: boolean
  /** The answer is a stream, whose end is told. */
  isStream: boolean
  /** Why its stream broke. */
  failure?: unknown
  /** The server does not know the session: it has not run. */
  hasNotRun?: boolean
}

/** How long a server may take to end a session that we leave; milliseconds. */
const farewell = 700
/** How long the verdicts on other requests are waited for once the session is lost; milliseconds. */
const verdicts = 1000
/** How often it is tried to take up the stream of a call where it broke. The stream of the session is for as long as there is one. */
const resumptions = 1
/** Milliseconds. */
const reconnection = {
  initialReconnectionDelay: 100,
  maxReconnectionDelay: 5000,
  reconnectionDelayGrowFactor: 1.5,
}

/**
 * A remote server over Streamable HTTP, for a relay: every request has exactly one answer, one of its own making where the server
 * gives none. Closes when the server does not know its session any more; the requests that this concerns have not run.
 */
export class FarTransport implements Transport {
  onclose?: () => void
  onerror?: (error: Error) => void
  onmessage?: (message: JSONRPCMessage) => void
  readonly #options: FarOptions
  readonly #http: ShortWayTransport<Call>
  readonly #calls = new Map<RequestId, Call>()
  /** The request that is made at this moment, wherever the SDK makes it. */
  readonly #making = new AsyncLocalStorage<Call | undefined>()
  readonly #timers = new Set<NodeJS.Timeout>()
  #initialize: RequestId | undefined
  /** Resolves when the server has taken `initialized`: before that some refuse everything else. */
  #taken: Promise<void> | undefined
  /** The server has had a stream for what it says by itself. */
  #hasStream = false
  #isLost = false
  #isClosed = false

  constructor(options: FarOptions) {
    this.#options = options
    const { url, maxAnswerBytes, isModern } = options
    this.#http = new ShortWayTransport<Call>(url, {
      call: () => this.#making.getStore(),
      fetch: async (to, init, call) => this.#bounded(await this.#fetch(to, init, call), call),
      exchange: (sent, _message, call) => this.#exchange(sent, call),
      bounded: (response, { id }) => this.#bounded(response, this.#calls.get(id)),
      broken: ({ id }, error) => faultAnswer(id, this.#broken(error)),
      host: hostPortOf(url),
      maxAnswerBytes,
      reconnection: { ...reconnection, maxRetries: Number.POSITIVE_INFINITY },
      reconnect: (reconnect, ms, attempt) => this.#reconnect(reconnect, ms, attempt),
      authProvider: undefined,
    })
    if (isModern) this.#http.setProtocolVersion(modernRevision)
    this.#http.onmessage = (message) => this.#received(message as JSONRPCMessage)
    this.#http.onerror = (error) => {
      // Of a request it is said in its answer.
      if (!this.#making.getStore()) this.onerror?.(this.#fault(error))
    }
  }

  start(): Promise<void> {
    return this.#http.start()
  }

  /** Of a request, resolves when there is or will be an answer. Rejects with a `Fault` for anything else that was not sent. */
  async send(message: JSONRPCMessage): Promise<void> {
    if ('method' in message && message.method === 'notifications/cancelled')
      return this.#cancel(message.params?.requestId as RequestId, message)
    if ('method' in message && 'id' in message) return this.#request(message as JSONRPCRequest)
    const isInitialized = 'method' in message && message.method === 'notifications/initialized'
    if (!isInitialized) await this.#taken
    const sent = this.#making
      .run(undefined, () => this.#http.send(message))
      .catch((error) => {
        throw this.#fault(error)
      })
    if (isInitialized) this.#taken = sent.catch(() => {})
    return sent
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const { giveUp } of this.#calls.values()) giveUp.abort()
    this.#calls.clear()
    if (!this.#isLost && this.#http.sessionId !== undefined) {
      const left = this.#making.run(undefined, () => this.#http.terminateSession())
      await Promise.race([left.catch(() => {}), delay(farewell, undefined, { ref: false })])
    }
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
    await this.#http.close()
    this.onclose?.()
  }

  async #request(message: JSONRPCRequest): Promise<void> {
    const { id, method } = message
    const { headersOf, url } = this.#options
    const call: Call = {
      id,
      method,
      headers: headersOf?.(message) ?? {},
      giveUp: new AbortController(),
      hasHead: false,
      isStream: false,
    }
    this.#calls.set(id, call)
    if (method === 'initialize') this.#initialize = id
    await this.#taken
    if (this.#isLost) return this.#hasNotRun(call)
    try {
      await this.#making.run(call, () =>
        this.#http.send(message, {
          requestSignal: call.giveUp.signal,
          onRequestStreamEnd: () => this.#unanswered(call),
        }),
      )
      if (!call.isStream) this.#unanswered(call)
    } catch (error) {
      if (call.hasNotRun) return this.#hasNotRun(call)
      const answer =
        error instanceof SdkHttpError
          ? (answerIn(error, id) ?? withoutMethod(error, message, url))
          : undefined
      this.#answer(call, answer ?? faultAnswer(id, this.#fault(error)))
    }
  }

  /** In the older revisions the server is told; nobody waits for what it says of the request afterwards. */
  async #cancel(id: RequestId, message: JSONRPCMessage): Promise<void> {
    const call = this.#calls.get(id)
    if (!call) return
    if (!this.#options.isModern)
      await this.#making
        .run(undefined, () => this.#http.send(message))
        .catch((error) => this.onerror?.(error))
    this.#calls.delete(id)
    call.giveUp.abort()
  }

  async #fetch(url: string | URL, init: RequestInit | undefined, call: Call | undefined): Promise<Response> {
    const { fetch } = this.#options
    const signals = init?.signal ? [init.signal] : []
    const response = await this.#tried(signals, () => fetch(url, withMore(init, call?.headers)))
    const isOfStream = init?.method === 'GET'
    // Some servers answer 404 to a stream that they do not have.
    const maySayLost = isOfStream ? this.#hasStream : init?.method !== 'DELETE'
    if (isOfStream && response.ok) this.#hasStream = true
    if (maySayLost && new Headers(init?.headers).has('mcp-session-id')) await this.#noteLost(response, call)
    return headed(response, call)
  }

  /** Below `fetch`. */
  async #exchange(sent: TextRequest, call: Call | undefined): Promise<Answer | Response> {
    const { fetch, url } = this.#options
    const request = { ...sent, headers: { ...sent.headers, ...call?.headers } }
    const answer = await this.#tried(sent.signals, () => fetch.exchange(url, request, isPlain))
    if (answer instanceof Answer) {
      if (call)
        Object.assign(call, { hasHead: true, isStream: kindOf(answer.headers['content-type']) === 'events' })
      return answer
    }
    if (sent.headers['mcp-session-id'] !== undefined) await this.#noteLost(answer, call)
    return headed(answer, call)
  }

  #tried<T>(signals: readonly AbortSignal[], act: () => Promise<T>): Promise<T> {
    return withRetries(act, { attempts: this.#options.retryAttempts, signals, mayRetry: isUnsent })
  }

  async #noteLost(response: Response, call: Call | undefined): Promise<void> {
    if (response.ok || !(await saysSessionIsLost(response))) return
    if (call) call.hasNotRun = true
    this.#lost()
  }

  #bounded(response: Response, call: Call | undefined): Response {
    const { maxAnswerBytes: limit, url } = this.#options
    return bounded(response, { limit, host: hostPortOf(url) }, (error) => {
      if (call) call.failure = error
    })
  }

  #received(message: JSONRPCMessage): void {
    if ('method' in message) return this.onmessage?.(message)
    const call = message.id === undefined ? undefined : this.#calls.get(message.id)
    if (!call) return
    const { protocolVersion } = ('result' in message ? message.result : {}) as { protocolVersion?: unknown }
    if (call.id === this.#initialize && typeof protocolVersion === 'string')
      this.#http.setProtocolVersion(protocolVersion)
    this.#answer(call, message)
  }

  #answer(call: Call, message: JSONRPCMessage): void {
    if (this.#calls.get(call.id) !== call) return
    this.#calls.delete(call.id)
    this.onmessage?.(message)
    if (this.#isLost) this.#closeWhenJudged()
  }

  /** Whatever was to come has come, and no answer with it. */
  #unanswered(call: Call): void {
    if (this.#calls.get(call.id) !== call) return
    const { url } = this.#options
    const fault =
      call.failure === undefined
        ? new Fault(`the server at ${hostPortOf(url)} ended the request without an answer`, 'maybe')
        : this.#broken(call.failure)
    this.#answer(call, faultAnswer(call.id, fault))
  }

  #broken(error: unknown): Fault {
    return this.#fault(explainFailure(new TypeError('terminated', { cause: error }), this.#options.url))
  }

  #fault(error: unknown): Fault {
    return faultOf(error, this.#options.url)
  }

  /** The session has gone. What has no answer yet is judged by the answer that is under way to it. */
  #lost(): void {
    if (this.#isLost || this.#isClosed) return
    this.#isLost = true
    const timer = setTimeout(() => void this.#closeLost(), verdicts).unref()
    this.#timers.add(timer)
    setImmediate(() => this.#closeWhenJudged())
  }

  #closeWhenJudged(): void {
    if ([...this.#calls.values()].every(({ hasHead, hasNotRun }) => hasHead || hasNotRun))
      void this.#closeLost()
  }

  #hasNotRun(call: Call): void {
    call.hasNotRun = true
    if (this.#isClosed) this.#answerLost(call)
    else this.#closeWhenJudged()
  }

  #answerLost({ id }: Call): void {
    const { url } = this.#options
    this.onmessage?.(faultAnswer(id, new Fault(`the server at ${hostPortOf(url)} ${sessionIsLost}`, 'no')))
  }

  /** First those that have not run, then the end, by which the others may have. */
  async #closeLost(): Promise<void> {
    if (this.#isClosed) return
    const judged = [...this.#calls.values()].filter(({ hasNotRun }) => hasNotRun)
    for (const call of judged) {
      this.#calls.delete(call.id)
      this.#answerLost(call)
    }
    await this.close()
  }

  #reconnect(reconnect: () => void, ms: number, attempt: number): () => void {
    const call = this.#making.getStore()
    if (call && attempt >= resumptions) {
      this.#unanswered(call)
      call.giveUp.abort()
      return () => {}
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      reconnect()
    }, ms).unref()
    this.#timers.add(timer)
    return () => clearTimeout(timer)
  }
}

/** The same response, which its call knows of. */
function headed(response: Response, call: Call | undefined): Response {
  const { ok, headers } = response
  const isStream = ok && kindOf(headers.get('content-type') ?? undefined) === 'events'
  if (call) Object.assign(call, { hasHead: true, isStream })
  return response
}

function withMore(init: RequestInit | undefined, more: Call['headers'] = {}): RequestInit | undefined {
  const names = Object.keys(more)
  if (names.length === 0) return init
  const headers = new Headers(init?.headers)
  for (const name of names) headers.set(name, more[name] ?? '')
  return { ...init, headers }
}
