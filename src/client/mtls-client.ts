import {
  type CallToolRequestOptions,
  Client,
  type ClientOptions,
  type FetchLike,
  type Implementation,
  type InitializeResult,
  type JSONRPCRequest,
  type ListToolsRequest,
  type Request as McpRequest,
  type RequestOptions,
  SdkError,
  SdkErrorCode,
  type Tool,
  type Transport,
} from '@modelcontextprotocol/client'
import { hostPortOf, type McpClientConfig, packageVersion } from '../config/index.js'
import { MtlsError } from '../errors.js'
import { ofPeer } from '../text/of-peer.js'
import type { Subscriber } from '../tls/events.js'
import type { Log } from '../tls/log/log.js'
import type { FreshnessOptions } from '../tls/material/reloadable.js'
import type { TlsConnection } from '../tls/peer/connection.js'
import { isPlain } from './answers.js'
import { bounded } from './bounded.js'
import { Answer } from './exchange.js'
import { explainFailure, isLost, isNotPassedOn, isUnsent, ownFailure, withSent } from './failure.js'
import { type Exchanging, fetchOver, type MtlsFetch, plainFetch } from './fetch.js'
import { isLostSession, lostSession, saysSessionIsLost } from './lost-session.js'
import { outputSchemas } from './output-schemas.js'
import type { PoolFigures } from './pool-figures.js'
import { withRetries } from './retry.js'
import { SessionTransport } from './session-transport.js'
import { ShortWayTransport } from './transport.js'
import { withHeaders } from './with-headers.js'

interface Parts extends FreshnessOptions {
  readonly clientInfo: Implementation | undefined
  readonly clientOptions: ClientOptions | undefined
  readonly onSecurityEvent: Subscriber
  readonly log: Log | undefined
}

/** What was sent for a call so far. */
interface Call {
  /** Requests that the server may have got. */
  requests: number
  /** The call that this one is made for. */
  readonly outer: Call | undefined
}

/** Under which the options of a call carry it through the SDK: it copies options, but keeps what it does not know. */
const callOf = Symbol('call')

type Tagged = { readonly [callOf]?: Call }

/** The SDK's own client, whose transport is mutual TLS. */
export class MtlsClient extends Client implements AsyncDisposable {
  readonly #config: McpClientConfig
  readonly #mtls: (MtlsFetch & Exchanging) | undefined
  readonly #fetch: FetchLike & Exchanging & { close(): Promise<void> }
  readonly #tools = new Map<string, Tool>()
  readonly #log: Log | undefined
  /** Our own. A client of the SDK may be connected over another, too. */
  #transport: SessionTransport<Call> | undefined
  /** The call whose request the SDK makes now. It hands that to the transport before it waits for anything. */
  #call: Call | undefined
  /** What makes requests of its own while the client connects. */
  #opening: Call | undefined
  /** Why there was no connection at the last try. */
  #unreachable: MtlsError | undefined

  /** @internal `connect` makes it. */
  constructor(config: McpClientConfig, { clientInfo, clientOptions, log, ...live }: Parts) {
    super(clientInfo ?? { name: 'mcp-mtls', version: packageVersion }, {
      versionNegotiation: { mode: 'auto' },
      jsonSchemaValidator: outputSchemas,
      ...clientOptions,
    })
    this.#config = config
    this.#log = log
    const { timeoutMs, serverName, serverId } = config
    this.#mtls = config.useTls
      ? fetchOver(config.tls, {
          serverName,
          serverId,
          connectTimeout: timeoutMs,
          // Shorter than a call may take, so that a call can tell what it was waiting for.
          handshakeTimeout: Math.min(5000, timeoutMs / 2),
          ...live,
        })
      : undefined
    this.#fetch = withHeaders(this.#mtls ?? plainFetch(), config.headers)
  }

  /** What was negotiated on the newest connection, and with whom; undefined without TLS. */
  connection(): TlsConnection | undefined {
    return this.#mtls?.connection(this.#config.serverUrl)
  }

  /** The connections that are kept open; undefined without TLS. */
  pool(): PoolFigures | undefined {
    return this.#mtls?.pool()
  }

  /**
   * Takes up the certificate files as they are now; true when they were others than before. Throws `RELOAD_FAILED`;
   * what was in use stays in use. Clients do this by themselves when files change.
   */
  async reload(): Promise<boolean> {
    return (await this.#mtls?.reload()) ?? false
  }

  /** Reopens the file of `log.securityLog` after it was renamed; where that fails, it keeps writing to the old one. */
  reopenLog(): void {
    this.#log?.reopen()
  }

  /** @internal Opens the transport and agrees on a protocol revision. `connect()` has done this. */
  async open(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    const { timeoutMs, reconnection } = this.#config
    const transport = new SessionTransport<Call>({
      make: (streamLost) => this.#http(streamLost),
      call: () => this.#call ?? this.#opening,
      timeoutMs,
      reconnection,
      renewed: (result) => this.#renewed(result),
      refused: (error) => this.#refused(error),
    })
    this.#transport = transport
    // The SDK's first question, which revisions the server speaks, does not listen to the signal.
    const abort = () => void transport.close()
    signal?.addEventListener('abort', abort, { once: true })
    try {
      await this.#explained({ ...(signal && { signal }), timeout: timeoutMs }, (options) => {
        this.#opening = options[callOf]
        return this.connect(transport, options)
      })
    } finally {
      this.#opening = undefined
      signal?.removeEventListener('abort', abort)
    }
  }

  /**
   * Calls a tool. A call whose connection was lost is repeated only when the tool is declared read-only or
   * idempotent: it may have been executed.
   */
  override async callTool(
    params: Parameters<Client['callTool']>[0],
    options?: CallToolRequestOptions,
  ): ReturnType<Client['callTool']> {
    return await this.#explained(options, (all) =>
      withRetries(() => super.callTool(params, all), {
        attempts: this.#config.retryAttempts,
        signals: options?.signal ? [options.signal] : [],
        mayRetry: (error) => isLost(error) && this.#isRepeatable(params.name),
      }),
    )
  }

  override async listTools(
    params?: ListToolsRequest['params'],
    options?: Parameters<Client['listTools']>[1],
  ): ReturnType<Client['listTools']> {
    const listed = await this.#explained(options, (all) => super.listTools(params, all))
    for (const tool of listed.tools) this.#tools.set(tool.name, tool)
    return listed
  }

  /** @internal Every method of the SDK's that asks the server something goes through here, but for the two below. */
  override request(
    request: McpRequest,
    schemaOrOptions?: RequestOptions | object,
    options?: RequestOptions,
  ): Promise<never> {
    const ask = super.request.bind(this) as (...all: unknown[]) => Promise<never>
    const hasSchema = schemaOrOptions !== undefined && '~standard' in schemaOrOptions
    return hasSchema
      ? this.#explained(options, (all) => this.#making(all, () => ask(request, schemaOrOptions, all)))
      : this.#explained(schemaOrOptions, (all) => this.#making(all, () => ask(request, all)))
  }

  override discover(options?: RequestOptions): ReturnType<Client['discover']> {
    return this.#explained(options, (all) => this.#making(all, () => super.discover(all)))
  }

  override listen(
    filter: Parameters<Client['listen']>[0],
    options?: RequestOptions,
  ): ReturnType<Client['listen']> {
    return this.#explained(options, (all) => this.#making(all, () => super.listen(filter, all)))
  }

  /** @internal The server has begun a call and asks for more: it may have run, whatever becomes of its next request. */
  protected override _resolveNonCompleteResult(decoded: object, flow: { readonly options: unknown }) {
    const { [callOf]: call }: Tagged = flow.options ?? {}
    count(call, 1)
    return super._resolveNonCompleteResult(decoded as never, flow as never)
  }

  override async close(): Promise<void> {
    await this.#transport?.leave()
    await super.close()
    await this.#fetch.close()
    this.#log?.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** A connection for one session. */
  #http(streamLost: () => void): ShortWayTransport<Call> {
    const url = new URL(this.#config.serverUrl)
    const { maxAnswerBytes, reconnection } = this.#config
    const host = hostPortOf(url)
    let hasStream = false
    const http: ShortWayTransport<Call> = new ShortWayTransport<Call>(url, {
      call: () => this.#call ?? this.#opening,
      fetch: async (to, init, call) => {
        const isStream = init?.method === 'GET'
        const response = await this.#request(http, to, init, call, isStream ? hasStream : true).catch(
          (error) => {
            if (isStream && isLostSession(error)) streamLost()
            throw error
          },
        )
        // Some servers answer 404 to a stream that they do not have.
        if (isStream && response.ok) hasStream = true
        return response
      },
      exchange: (sent, message, call) =>
        this.#tried(call, message, sent.signals, async () => {
          const answer = await this.#fetch.exchange(url, sent, isPlain)
          return answer instanceof Answer ? answer : this.#inSession(answer, sent.headers)
        }),
      explain: (error) => explainFailure(new TypeError('terminated', { cause: error }), url),
      bounded: (response, message, signals) => this.#bounded(http, response, message.id, signals),
      host,
      maxAnswerBytes,
      reconnection,
    })
    return http
  }

  /** Throws that the session is lost, where the answer to a request says so. */
  async #inSession(response: Response, headers: RequestInit['headers']): Promise<Response> {
    if (response.ok || !new Headers(headers).has('mcp-session-id')) return response
    if (!(await saysSessionIsLost(response))) return response
    await response.body?.cancel()
    throw lostSession(hostPortOf(new URL(this.#config.serverUrl)))
  }

  /** What the SDK knows of a server since `initialize`. It has no other way to say it anew: `connect` would forget all calls. */
  #renewed({ capabilities, serverInfo, instructions, protocolVersion }: InitializeResult): void {
    Object.assign(this, {
      _serverCapabilities: capabilities,
      _serverVersion: serverInfo,
      _instructions: instructions,
      _negotiatedProtocolVersion: protocolVersion,
    })
  }

  #refused(error: unknown): unknown {
    const url = new URL(this.#config.serverUrl)
    const failure = explainFailure(error, url, 'no')
    if (failure instanceof MtlsError && !isLostSession(failure)) return withSent(failure, 'no')
    const why = failure instanceof Error ? `: ${ofPeer(failure.message)}` : ''
    const message = `the server at ${hostPortOf(url)} does not know this session any more, and takes no new one${why}`
    return new MtlsError('CONNECTION_FAILED', message, {
      hint: 'Look at its log. Another program, or another revision of MCP, may be there now: then connect again.',
      cause: error,
      sent: 'no',
    })
  }

  async #isRepeatable(name: string): Promise<boolean> {
    if (!this.#tools.has(name)) await this.listTools().catch(() => undefined)
    const annotations = this.#tools.get(name)?.annotations
    return annotations?.readOnlyHint === true || annotations?.idempotentHint === true
  }

  /** What the SDK hands to the transport meanwhile is for this call. */
  #making<T>(options: Tagged, act: () => T): T {
    const before = this.#call
    this.#call = options[callOf]
    try {
      return act()
    } finally {
      this.#call = before
    }
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

  async #request(
    transport: Transport,
    url: string | URL,
    init: RequestInit | undefined,
    call: Call | undefined,
    maySayLost: boolean,
  ): Promise<Response> {
    const message = JSON.parse(String(init?.body ?? '{}'))
    const signals = init?.signal ? [init.signal] : []
    const response = await this.#tried(call, message, signals, async () => {
      const answer = await this.#fetch(url, init)
      return maySayLost && init?.method !== 'DELETE' ? this.#inSession(answer, init?.headers) : answer
    })
    return this.#bounded(transport, response, message.id, signals)
  }

  #bounded(
    transport: Transport,
    response: Response,
    id: JSONRPCRequest['id'] | undefined,
    signals: readonly AbortSignal[],
  ): Response {
    const { serverUrl, maxAnswerBytes } = this.#config
    const url = new URL(serverUrl)
    // When the body breaks, the SDK would wait for the time limit.
    return bounded(response, { limit: maxAnswerBytes, host: hostPortOf(url) }, (error) => {
      if (id === undefined || signals.some(({ aborted }) => aborted)) return
      const failure = explainFailure(error, url)
      const message = failure instanceof Error ? failure.message : String(failure)
      transport.onmessage?.({ jsonrpc: '2.0', id, error: { code: -32000, message, data: failure } })
    })
  }

  /** Makes a call within its time. What it rejects with is in our words, and says whether anything was sent for it. */
  async #explained<Options extends RequestOptions, T>(
    options: (Options & Tagged) | undefined,
    act: (options: Options & { timeout: number } & Tagged) => Promise<T>,
  ): Promise<T> {
    const { serverUrl, timeoutMs } = this.#config
    const call: Call = { requests: 0, outer: options?.[callOf] ?? this.#opening }
    const all = Object.assign({ ...options } as Options, {
      timeout: options?.timeout ?? timeoutMs,
      [callOf]: call,
    })
    // What goes over another transport is not counted here.
    const isCounted = this.transport === undefined || this.transport === this.#transport
    try {
      return await act(all)
    } catch (error) {
      const reached = call.requests - (isNotPassedOn(error) ? 1 : 0)
      const sent = reached === 0 && isCounted ? 'no' : 'maybe'
      if (options?.signal?.aborted) throw withSent(options.signal.reason, sent)
      if (error instanceof SdkError && error.code === SdkErrorCode.RequestTimeout) {
        // A connection that is open now was waited for in vain, whatever was the matter before it.
        const unreachable = this.connection()?.state === 'verified' ? undefined : this.#unreachable
        const message = `${serverUrl} did not answer within ${all.timeout} ms`
        // `maybe` whatever the last try said: another may have been under way when the time was over.
        throw withSent(unreachable ?? new MtlsError('CONNECTION_TIMEOUT', message, { cause: error }), 'maybe')
      }
      const failure = explainFailure(error, new URL(serverUrl), sent)
      // What the SDK throws before it has made a request was made for this call.
      throw failure instanceof MtlsError || sent === 'maybe' ? failure : ownFailure(failure, sent)
    }
  }
}

/** Counts requests for a call, and for those that it is made for. */
function count(call: Call | undefined, requests: number): void {
  for (let one = call; one; one = one.outer) one.requests += requests
}

/** Whether a request goes on with a call that the server has begun: it had asked for more (revision 2026-07-28). */
function goesOn({ params }: { readonly params?: JSONRPCRequest['params'] }): boolean {
  return params !== undefined && (params.requestState !== undefined || params.inputResponses !== undefined)
}
