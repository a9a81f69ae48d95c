import { setTimeout as delay } from 'node:timers/promises'
import {
  type InitializeResult,
  isSpecType,
  type JSONRPCMessage,
  type JSONRPCNotification,
  type JSONRPCRequest,
  ProtocolError,
  type RequestId,
  type Result,
  type Transport,
  type TransportSendOptions,
} from '@modelcontextprotocol/client'
import { type Reconnection, reconnectionDelay } from '../config/index.js'
import { isLostSession } from './lost-session.js'
import type { ShortWayTransport } from './transport.js'

interface Parts<Call> {
  /** A connection for one session. `streamLost`: the server has said to its stream that it does not know the session. */
  make(streamLost: () => void): ShortWayTransport<Call>
  /** The call that is made at this moment: the SDK hands a request over before it waits for anything. */
  call(): Call | undefined
  /** Time for a new session; milliseconds. */
  readonly timeoutMs: number
  readonly reconnection: Reconnection
  /** A new session has begun, with this answer of the server. */
  renewed(result: InitializeResult): void
  /** Why there is no new session, for whoever made a call. */
  refused(error: unknown): unknown
}

interface Session<Call> {
  readonly http: ShortWayTransport<Call>
  /** Requests without an answer. */
  readonly pending: Map<RequestId, JSONRPCRequest>
}

type Answer = Extract<JSONRPCMessage, { readonly result: unknown } | { readonly error: unknown }>

/** How long a server may take to end a session that we leave; milliseconds. */
const farewell = 1000
const listsOf = ['tools', 'prompts', 'resources'] as const

/**
 * Goes on in a new session when the server does not know ours any more. What it has not run is sent once more, and never
 * anything else; what was set for the session is set again. In 2026-07-28 there are no sessions, and this adds nothing.
 */
export class SessionTransport<Call> implements Transport {
  onclose?: () => void
  onerror?: (error: Error) => void
  onmessage?: NonNullable<Transport['onmessage']>
  readonly hasPerRequestStream = true
  readonly #parts: Parts<Call>
  readonly #closing = new AbortController()
  #session: Session<Call>
  /** Lost ones, of which requests still have no answer. */
  readonly #lost = new Set<Session<Call>>()
  #initialize: JSONRPCRequest | undefined
  #renewal: Promise<void> | undefined
  /** Requests that wait for the new session. */
  readonly #waiting = new Set<RequestId>()
  /** Who waits for the answers to requests of our own. */
  readonly #asking = new Map<RequestId, (answer: Answer) => void>()
  #asked = 0
  #level: JSONRPCRequest['params']
  readonly #subscribed = new Map<unknown, JSONRPCRequest['params']>()
  /** Sessions that were renewed since a stream said so, without a long pause. */
  #byStream = 0
  #lastByStream = 0
  #timer: NodeJS.Timeout | undefined

  constructor(parts: Parts<Call>) {
    this.#parts = parts
    this.#session = this.#open()
  }

  get sessionId(): string | undefined {
    return this.#session.http.sessionId
  }

  setProtocolVersion(version: string): void {
    this.#session.http.setProtocolVersion(version)
  }

  start(): Promise<void> {
    return this.#session.http.start()
  }

  send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    const call = this.#parts.call()
    const isRequest = 'method' in message && 'id' in message
    if (isRequest && message.method === 'initialize') this.#initialize = message
    const { http } = this.#session
    if (http.sessionId === undefined || !('method' in message)) return http.sendFor(call, message, options)
    if (isRequest) return this.#request(message, options, call)
    if (message.method === 'notifications/cancelled') return this.#cancel(message, options, call)
    return http.sendFor(call, message, options)
  }

  /** Leaves the session: a server keeps one that nobody ends, and each identity may have so many. */
  async leave(): Promise<void> {
    await leave(this.#session.http)
  }

  async close(): Promise<void> {
    this.#closing.abort()
    clearTimeout(this.#timer)
    for (const session of this.#lost) this.#end(session)
    await this.#session.http.close()
  }

  #open(): Session<Call> {
    const session: Session<Call> = {
      http: this.#parts.make(() => this.#streamLost(session)),
      pending: new Map(),
    }
    const { http } = session
    http.onclose = () => this.onclose?.()
    http.onerror = (error) => {
      if (!isLostSession(error)) this.onerror?.(error)
    }
    http.onmessage = (message: JSONRPCMessage) => {
      if (!('method' in message) && this.#isOwn(session, message)) return
      this.onmessage?.(message)
    }
    return session
  }

  /** Whether an answer is to a request of our own; remembers what was set for the session. */
  #isOwn(session: Session<Call>, answer: Answer): boolean {
    const { id } = answer
    if (id === undefined) return false
    const asking = this.#asking.size > 0 ? this.#asking.get(id) : undefined
    asking?.(answer)
    if (asking) return true
    const request = session.pending.get(id)
    if (!request) return false
    if ('result' in answer) this.#remember(request)
    this.#settled(session, id)
    return false
  }

  #remember({ method, params }: JSONRPCRequest): void {
    if (method === 'logging/setLevel') this.#level = params
    if (method === 'resources/subscribe') this.#subscribed.set(params?.uri, params)
    if (method === 'resources/unsubscribe') this.#subscribed.delete(params?.uri)
  }

  async #request(
    message: JSONRPCRequest,
    options: TransportSendOptions | undefined,
    call: Call | undefined,
  ): Promise<void> {
    if (this.#renewal && !(await this.#isStillWanted(message, this.#renewal))) return
    const session = this.#session
    try {
      await this.#sent(session, message, options, call)
    } catch (error) {
      if (!isLostSession(error) || options?.resumptionToken) throw error
      if (await this.#isStillWanted(message, this.#renewed(session)))
        await this.#sent(this.#session, message, options, call)
    }
  }

  async #sent(
    session: Session<Call>,
    message: JSONRPCRequest,
    options: TransportSendOptions | undefined,
    call: Call | undefined,
  ): Promise<void> {
    session.pending.set(message.id, message)
    try {
      await session.http.sendFor(call, message, options)
    } catch (error) {
      this.#settled(session, message.id)
      throw error
    }
  }

  /** Whether a request has not been given up while the new session was opened. */
  async #isStillWanted({ id }: JSONRPCRequest, renewal: Promise<void>): Promise<boolean> {
    this.#waiting.add(id)
    try {
      await renewal
      return this.#waiting.has(id)
    } finally {
      this.#waiting.delete(id)
    }
  }

  async #cancel(
    message: JSONRPCNotification,
    options: TransportSendOptions | undefined,
    call: Call | undefined,
  ): Promise<void> {
    const id = message.params?.requestId as RequestId
    if (this.#waiting.delete(id)) return
    const session = [...this.#lost].find(({ pending }) => pending.has(id)) ?? this.#session
    try {
      await session.http.sendFor(call, message, options)
    } catch (error) {
      if (!isLostSession(error)) throw error
    } finally {
      this.#settled(session, id)
    }
  }

  #settled(session: Session<Call>, id: RequestId): void {
    session.pending.delete(id)
    if (this.#lost.has(session) && session.pending.size === 0) this.#end(session)
  }

  /** Nobody hears of it any more. */
  #end(session: Session<Call>): void {
    this.#lost.delete(session)
    const { http } = session
    http.onclose = http.onerror = http.onmessage = () => {}
    void http.close()
  }

  /** One new session in the place of this one, for all who ask. */
  #renewed(session: Session<Call>): Promise<void> {
    if (session !== this.#session && !this.#renewal) return Promise.resolve()
    this.#renewal ??= this.#renew().finally(() => {
      this.#renewal = undefined
    })
    return this.#renewal
  }

  async #renew(): Promise<void> {
    const before = this.#session
    const next = this.#open()
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(this.#parts.timeoutMs)])
    try {
      signal.throwIfAborted()
      const result = await this.#begin(next, signal)
      this.#lost.add(before)
      if (before.pending.size === 0) this.#end(before)
      this.#parts.renewed(result)
      await this.#restore(next, signal)
      this.#missed(result)
    } catch (error) {
      if (!this.#closing.signal.aborted) this.#session = before
      void leave(next.http).finally(() => this.#end(next))
      throw this.#parts.refused(error)
    }
  }

  async #begin(next: Session<Call>, signal: AbortSignal): Promise<InitializeResult> {
    await next.http.start()
    const { method = '', params } = this.#initialize ?? {}
    const result: unknown = await this.#ask(next, { method, params }, signal)
    if (!isSpecType.InitializeResult(result) || result.protocolVersion >= '2026')
      throw new Error('it answered `initialize` with no result of a revision that has sessions')
    next.http.setProtocolVersion(result.protocolVersion)
    // Before the server hears that we are there: what it asks then is answered there.
    this.#session = next
    await next.http.sendFor(
      undefined,
      { jsonrpc: '2.0', method: 'notifications/initialized' },
      { requestSignal: signal },
    )
    return result
  }

  /** What the program had set. What cannot be set any more is told, and does not end the session. */
  async #restore(next: Session<Call>, signal: AbortSignal): Promise<void> {
    const requests = [...this.#subscribed.values()].map((params) => ({
      method: 'resources/subscribe',
      params,
    }))
    if (this.#level) requests.push({ method: 'logging/setLevel', params: this.#level })
    const asking = requests.map((request) =>
      this.#ask(next, request, signal).catch((error) => this.onerror?.(error)),
    )
    await Promise.all(asking)
  }

  /** Whatever may have changed since the old session. */
  #missed({ capabilities }: InitializeResult): void {
    for (const kind of listsOf)
      if (capabilities[kind])
        this.onmessage?.({ jsonrpc: '2.0', method: `notifications/${kind}/list_changed` })
    for (const uri of this.#subscribed.keys())
      this.onmessage?.({ jsonrpc: '2.0', method: 'notifications/resources/updated', params: { uri } })
  }

  #ask(
    { http }: Session<Call>,
    { method, params }: Pick<JSONRPCRequest, 'method' | 'params'>,
    signal: AbortSignal,
  ): Promise<Result> {
    const id = `session:${this.#asked++}`
    const request: JSONRPCRequest = { jsonrpc: '2.0', id, method, ...(params && { params }) }
    const { promise, resolve, reject } = withResolvers<Result>()
    const aborted = () => reject(signal.reason)
    signal.addEventListener('abort', aborted, { once: true })
    this.#asking.set(id, (answer) => {
      if ('result' in answer) resolve(answer.result)
      else {
        const { code, message, data } = answer.error
        reject(ProtocolError.fromError(code, message, data))
      }
    })
    http.sendFor(undefined, request, { requestSignal: signal }).catch(reject)
    return promise.finally(() => {
      this.#asking.delete(id)
      signal.removeEventListener('abort', aborted)
    })
  }

  /** Who only listens makes no call that would find out. A server may say so again and again: it is believed ever more slowly. */
  #streamLost(session: Session<Call>): void {
    if (session !== this.#session || this.#renewal || this.#timer || this.#closing.signal.aborted) return
    const { reconnection } = this.#parts
    const now = performance.now()
    if (now - this.#lastByStream > 2 * reconnection.maxReconnectionDelay) this.#byStream = 0
    const wait = this.#byStream === 0 ? 0 : reconnectionDelay(this.#byStream - 1, reconnection)
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      if (session !== this.#session) return
      this.#byStream++
      this.#lastByStream = performance.now()
      this.#renewed(session).catch((error) => this.onerror?.(error))
    }, wait)
  }
}

async function leave(http: ShortWayTransport<never> | ShortWayTransport<unknown>): Promise<void> {
  if (http.sessionId === undefined) return
  await Promise.race([
    http.terminateSession().catch(() => undefined),
    delay(farewell, undefined, { ref: false }),
  ])
}

/** `Promise.withResolvers`, which Node 20 does not have. */
function withResolvers<T>() {
  let resolve: (value: T) => void = () => {}
  let reject: (reason: unknown) => void = () => {}
  const promise = new Promise<T>((resolved, rejected) => {
    resolve = resolved
    reject = rejected
  })
  return { promise, resolve, reject }
}
