import {
  type CallToolRequestOptions,
  Client,
  type ClientOptions,
  type FetchLike,
  type Implementation,
  type InitializeResult,
  type ListToolsRequest,
  type Request as McpRequest,
  type RequestOptions,
  SdkError,
  SdkErrorCode,
  type SubscriptionFilter,
  type Tool,
  UnauthorizedError,
} from '@modelcontextprotocol/client'
import { hostPortOf, type McpClientConfig, packageVersion } from '../config/index.js'
import { MtlsError } from '../errors.js'
import { ofPeer } from '../text/of-peer.js'
import type { Subscriber } from '../tls/events.js'
import type { Log } from '../tls/log/log.js'
import type { FreshnessOptions } from '../tls/material/reloadable.js'
import type { TlsConnection } from '../tls/peer/connection.js'
import { authFetch } from './auth-fetch.js'
import { type Call, CountedRequests, count } from './counted-requests.js'
import { explainFailure, isLost, isNotPassedOn, ownFailure, withSent } from './failure.js'
import { type Exchanging, fetchOver, type MtlsFetch, plainFetch } from './fetch.js'
import { capabilitiesOf, type Handlers, setHandlers } from './handlers.js'
import { keptSubscription } from './kept-subscription.js'
import { isLostSession } from './lost-session.js'
import { outputSchemas } from './output-schemas.js'
import type { PoolFigures } from './pool-figures.js'
import { withRetries } from './retry.js'
import { SessionTransport } from './session-transport.js'
import type { AuthProviders } from './transport.js'
import { type MoreHeaders, withHeaders } from './with-headers.js'

interface Parts extends FreshnessOptions {
  readonly clientInfo: Implementation | undefined
  readonly clientOptions: ClientOptions | undefined
  readonly onSecurityEvent: Subscriber
  readonly log: Log | undefined
  /** In the place of those of the config. */
  readonly headers: MoreHeaders | undefined
  readonly authProvider: AuthProviders | undefined
  readonly authFetch: FetchLike | undefined
  readonly handlers: Handlers
}

/** Under which the options of a call carry it through the SDK: it copies options, but keeps what it does not know. */
const callOf = Symbol('call')

type Tagged = { readonly [callOf]?: Call }

/** The SDK's own client, whose transport is mutual TLS. */
export class MtlsClient extends Client implements AsyncDisposable {
  readonly #config: McpClientConfig
  readonly #mtls: (MtlsFetch & Exchanging) | undefined
  readonly #requests: CountedRequests
  /** What is to be closed at the end. */
  readonly #fetches: readonly { close(): Promise<void> }[]
  readonly #closing = new AbortController()
  readonly #tools = new Map<string, Tool>()
  readonly #log: Log | undefined
  /** Our own. A client of the SDK may be connected over another, too. */
  #transport: SessionTransport<Call> | undefined
  /** The call whose request the SDK makes now. It hands that to the transport before it waits for anything. */
  #call: Call | undefined
  /** What makes requests of its own while the client connects. */
  #opening: Call | undefined

  /** @internal `connect` makes it. */
  constructor(config: McpClientConfig, parts: Parts) {
    const { clientInfo, clientOptions, log, headers, authProvider, handlers, ...live } = parts
    super(clientInfo ?? { name: 'mcp-mtls', version: packageVersion }, {
      versionNegotiation: { mode: 'auto' },
      jsonSchemaValidator: outputSchemas,
      ...clientOptions,
      capabilities: capabilitiesOf(handlers, clientOptions?.capabilities),
    })
    setHandlers(this, handlers)
    this.#config = config
    this.#log = log
    const { timeoutMs, serverName, serverId } = config
    const options = {
      connectTimeout: timeoutMs,
      // Shorter than a call may take, so that a call can tell what it was waiting for.
      handshakeTimeout: Math.min(5000, timeoutMs / 2),
      ...live,
    }
    this.#mtls = config.useTls ? fetchOver(config.tls, { serverName, serverId, ...options }) : undefined
    const server = this.#mtls ?? plainFetch()
    // Another host has another name, and is no less to prove it.
    const others = authProvider && !parts.authFetch && config.useTls && fetchOver(config.tls, options)
    this.#fetches = others ? [server, others] : [server]
    this.#requests = new CountedRequests(config, {
      fetch: withHeaders(server, headers ?? config.headers, authProvider !== undefined),
      authFetch: authFetch(config, { server, others: parts.authFetch ?? (others || undefined) }),
      authProvider,
      call: () => this.#call ?? this.#opening,
    })
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
      make: (streamLost) => this.#requests.transport(streamLost),
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

  /** The SDK's, opened again when the server or the network ends it: after a restart it goes on. */
  override async listen(
    filter: Parameters<Client['listen']>[0],
    options?: RequestOptions,
  ): ReturnType<Client['listen']> {
    const open = () => this.#explained(options, (all) => this.#making(all, () => super.listen(filter, all)))
    return keptSubscription(await open(), {
      open,
      reopened: ({ honoredFilter }) => this.#missed(honoredFilter),
      failed: (error) => this.onerror?.(error as Error),
      reconnection: this.#config.reconnection,
      closing: this.#closing.signal,
    })
  }

  /** @internal The server has begun a call and asks for more: it may have run, whatever becomes of its next request. */
  protected override _resolveNonCompleteResult(decoded: object, flow: { readonly options: unknown }) {
    const { [callOf]: call }: Tagged = flow.options ?? {}
    count(call, 1)
    return super._resolveNonCompleteResult(decoded as never, flow as never)
  }

  override async close(): Promise<void> {
    this.#closing.abort()
    await this.#transport?.leave()
    await super.close()
    await Promise.all(this.#fetches.map((fetch) => fetch.close()))
    this.#log?.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** What the SDK knows of a server since `initialize`. It has no other way to update it: `connect` would forget all calls. */
  #renewed({ capabilities, serverInfo, instructions, protocolVersion }: InitializeResult): void {
    this.#tools.clear()
    Object.assign(this, {
      _serverCapabilities: capabilities,
      _serverVersion: serverInfo,
      _instructions: instructions,
      _negotiatedProtocolVersion: protocolVersion,
    })
  }

  /** Whatever may have changed while nobody listened. */
  #missed({
    toolsListChanged,
    promptsListChanged,
    resourcesListChanged,
    resourceSubscriptions = [],
  }: SubscriptionFilter): void {
    const lists = { tools: toolsListChanged, prompts: promptsListChanged, resources: resourcesListChanged }
    for (const [kind, isHonored] of Object.entries(lists))
      if (isHonored) this._onnotification({ jsonrpc: '2.0', method: `notifications/${kind}/list_changed` })
    for (const uri of resourceSubscriptions)
      this._onnotification({ jsonrpc: '2.0', method: 'notifications/resources/updated', params: { uri } })
  }

  #refused(error: unknown): unknown {
    if (error instanceof UnauthorizedError) return error
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
        const unreachable = this.connection()?.state === 'verified' ? undefined : this.#requests.unreachable
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
