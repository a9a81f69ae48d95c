import type { FetchLike, JSONRPCMessage, JSONRPCRequest, RequestId } from '@modelcontextprotocol/client'
import { hostPortOf, type McpClientConfig } from '../config/index.js'
import { MtlsError } from '../errors.js'
import { isPlain } from './answers.js'
import { bounded } from './bounded.js'
import { Answer } from './exchange.js'
import { explainFailure, isUnsent } from './failure.js'
import type { Exchanging } from './fetch.js'
import { isLostSession, lostSession, saysSessionIsLost } from './lost-session.js'
import { withRetries } from './retry.js'
import { type AuthProviders, ShortWayTransport } from './transport.js'

/** What was sent for a call so far. */
export interface Call {
  /** Requests that the server may have got. */
  requests: number
  /** The call that this one is made for. */
  readonly outer: Call | undefined
}

interface Parts {
  readonly fetch: FetchLike & Exchanging
  /** For what an `authProvider` asks: none of it is MCP. */
  readonly authFetch: FetchLike
  readonly authProvider: AuthProviders | undefined
  /** The call whose request the SDK makes now. It hands that to the transport before it waits for anything. */
  readonly call: () => Call | undefined
}

/** Makes the requests of a client: each counts for its call, has a limit, and is tried again where it never left. */
export class CountedRequests {
  readonly #config: McpClientConfig
  readonly #parts: Parts
  readonly #url: URL
  readonly #host: string
  #unreachable: MtlsError | undefined

  constructor(config: McpClientConfig, parts: Parts) {
    this.#config = config
    this.#parts = parts
    this.#url = new URL(config.serverUrl)
    this.#host = hostPortOf(this.#url)
  }

  /** Why there was no connection at the last try. */
  get unreachable(): MtlsError | undefined {
    return this.#unreachable
  }

  /** A connection for one session. `streamLost` hears that the server does not know it any more, where a stream tells so. */
  transport(streamLost: () => void): ShortWayTransport<Call> {
    const { maxAnswerBytes, reconnection } = this.#config
    const { fetch, authFetch, authProvider, call } = this.#parts
    const url = this.#url
    let hasStream = false
    const transport: ShortWayTransport<Call> = new ShortWayTransport<Call>(url, {
      call,
      fetch: async (to, init, of) => {
        if (!isMcp(url, to, init)) return authFetch(to, init)
        const isStream = init?.method === 'GET'
        // Some servers answer 404 to a stream that they do not have.
        const saysLost = isStream ? hasStream : init?.method !== 'DELETE'
        try {
          const response = await this.#request(transport, init, of, saysLost)
          if (isStream && response.ok) hasStream = true
          return response
        } catch (error) {
          if (isStream && isLostSession(error)) streamLost()
          throw error
        }
      },
      exchange: (sent, message, of) =>
        this.#tried(of, message, sent.signals, async () => {
          const answer = await fetch.exchange(url, sent, isPlain)
          return answer instanceof Answer ? answer : this.#inSession(answer, sent.headers)
        }),
      broken: ({ id }, error) =>
        brokenAnswer(id, explainFailure(new TypeError('terminated', { cause: error }), url)),
      bounded: (response, message, signals) => this.#bounded(transport, response, message.id, signals),
      host: this.#host,
      maxAnswerBytes,
      reconnection,
      authProvider,
    })
    return transport
  }

  async #request(
    transport: ShortWayTransport<Call>,
    init: RequestInit | undefined,
    call: Call | undefined,
    saysLost: boolean,
  ): Promise<Response> {
    const message = JSON.parse(String(init?.body ?? '{}'))
    const signals = init?.signal ? [init.signal] : []
    const response = await this.#tried(call, message, signals, async () => {
      const answer = await this.#parts.fetch(this.#url, init)
      return saysLost ? this.#inSession(answer, init?.headers) : answer
    })
    return this.#bounded(transport, response, message.id, signals)
  }

  /** A request that never left may always be tried again; after a refused certificate it never is. */
  async #tried<T>(
    call: Call | undefined,
    message: { readonly params?: JSONRPCRequest['params'] },
    signals: readonly AbortSignal[],
    act: () => Promise<T>,
  ): Promise<T> {
    count(call, goesOn(message) ? 2 : 1)
    try {
      const answer = await withRetries(act, {
        attempts: this.#config.retryAttempts,
        signals,
        mayRetry: (error) => {
          this.#unreachable = isUnsent(error) ? error : undefined
          return isUnsent(error)
        },
      })
      this.#unreachable = undefined
      return answer
    } catch (error) {
      if (error instanceof MtlsError && error.sent === 'no') count(call, -1)
      throw error
    }
  }

  /** Throws that the session is lost, where the answer to a request says so. */
  async #inSession(response: Response, headers: RequestInit['headers']): Promise<Response> {
    if (response.ok || !new Headers(headers).has('mcp-session-id')) return response
    if (!(await saysSessionIsLost(response))) return response
    await response.body?.cancel()
    throw lostSession(this.#host)
  }

  #bounded(
    transport: ShortWayTransport<Call>,
    response: Response,
    id: JSONRPCRequest['id'] | undefined,
    signals: readonly AbortSignal[],
  ): Response {
    // When the body breaks, the SDK would wait for the time limit.
    return bounded(response, { limit: this.#config.maxAnswerBytes, host: this.#host }, (error) => {
      if (id === undefined || signals.some(({ aborted }) => aborted)) return
      transport.onmessage?.(brokenAnswer(id, explainFailure(error, this.#url)))
    })
  }
}

/** With the failure itself in it, for `causesOf`. */
function brokenAnswer(id: RequestId, failure: unknown): JSONRPCMessage {
  const message = failure instanceof Error ? failure.message : String(failure)
  return { jsonrpc: '2.0', id, error: { code: -32000, message, data: failure } }
}

/** Counts requests for a call, and for those that it is made for. */
export function count(call: Call | undefined, requests: number): void {
  for (let one = call; one; one = one.outer) one.requests += requests
}

/** Whether a request goes on with a call that the server has begun: it had asked for more (revision 2026-07-28). */
function goesOn({ params }: { readonly params?: JSONRPCRequest['params'] }): boolean {
  return params !== undefined && (params.requestState !== undefined || params.inputResponses !== undefined)
}

/** Whether a request is one of MCP: others have a URL of their own, or a form. */
function isMcp(url: URL, to: string | URL, init: RequestInit | undefined): boolean {
  const { body = null } = init ?? {}
  return String(to) === url.href && (body === null || typeof body === 'string')
}
