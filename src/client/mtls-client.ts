import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import {
  type CallToolRequestOptions,
  Client,
  type ClientOptions,
  type FetchLike,
  type Implementation,
  type ListToolsRequest,
  type Request as McpRequest,
  type RequestOptions,
  SdkError,
  SdkErrorCode,
  StreamableHTTPClientTransport,
  type Tool,
  type Transport,
} from '@modelcontextprotocol/client'
import { hostPortOf, type McpClientConfig, packageVersion } from '../config/index.js'
import { MtlsError } from '../errors.js'
import type { Subscriber } from '../tls/events.js'
import type { Log } from '../tls/log/log.js'
import type { FreshnessOptions } from '../tls/material/reloadable.js'
import type { TlsConnection } from '../tls/peer/connection.js'
import { bounded } from './bounded.js'
import { explainFailure, isLost, isUnsent, ownFailure, withSent } from './failure.js'
import { fetchOver, type MtlsFetch, plainFetch } from './fetch.js'
import { outputSchemas } from './output-schemas.js'
import type { PoolFigures } from './pool-figures.js'
import { withRetries } from './retry.js'

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

/** The SDK makes requests at its own time, several for one call: this tells which call a request is for. */
const calls = new AsyncLocalStorage<Call>()

/** How long a server may take to end a session that we leave; milliseconds. */
const farewell = 1000

/** The SDK's own client, whose transport is mutual TLS. */
export class MtlsClient extends Client implements AsyncDisposable {
  readonly #config: McpClientConfig
  readonly #mtls: MtlsFetch | undefined
  readonly #fetch: FetchLike & { close(): Promise<void> }
  readonly #tools = new Map<string, Tool>()
  readonly #log: Log | undefined
  /** Our own. A client of the SDK may be connected over another, too. */
  #transport: Transport | undefined
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
    const { timeoutMs, serverName } = config
    this.#mtls = config.useTls
      ? fetchOver(config.tls, {
          serverName,
          connectTimeout: timeoutMs,
          // Shorter than a call may take, so that a call can tell what it was waiting for.
          handshakeTimeout: Math.min(5000, timeoutMs / 2),
          ...live,
        })
      : undefined
    this.#fetch = this.#mtls ?? plainFetch()
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
    const transport = new StreamableHTTPClientTransport(new URL(this.#config.serverUrl), {
      fetch: (url, init) => this.#request(transport, url, init),
      redirectPolicy: 'follow', // our fetch follows within the origin alone, and says so
    })
    this.#transport = transport
    // The SDK's first question, which revisions the server speaks, does not listen to the signal.
    const abort = () => void transport.close()
    signal?.addEventListener('abort', abort, { once: true })
    try {
      await this.#explained({ ...(signal && { signal }), timeout: this.#config.timeoutMs }, (options) =>
        this.connect(transport, options),
      )
    } finally {
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
    return await this.#explained(options, () =>
      withRetries(() => super.callTool(params, options), {
        attempts: this.#config.retryAttempts,
        signal: options?.signal,
        mayRetry: (error) => isLost(error) && this.#isRepeatable(params.name),
      }),
    )
  }

  override async listTools(
    params?: ListToolsRequest['params'],
    options?: Parameters<Client['listTools']>[1],
  ): ReturnType<Client['listTools']> {
    const listed = await this.#explained(options, () => super.listTools(params, options))
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
      ? this.#explained(options, (all) => ask(request, schemaOrOptions, all))
      : this.#explained(schemaOrOptions, (all) => ask(request, all))
  }

  override discover(options?: RequestOptions): ReturnType<Client['discover']> {
    return this.#explained(options, (all) => super.discover(all))
  }

  override listen(
    filter: Parameters<Client['listen']>[0],
    options?: RequestOptions,
  ): ReturnType<Client['listen']> {
    return this.#explained(options, (all) => super.listen(filter, all))
  }

  override async close(): Promise<void> {
    await this.#endSession()
    await super.close()
    await this.#fetch.close()
    this.#log?.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** A server keeps a session that nobody ends, and each identity may have so many. Whatever it says, we leave. */
  async #endSession(): Promise<void> {
    const transport = this.#transport
    if (!(transport instanceof StreamableHTTPClientTransport) || transport.sessionId === undefined) return
    await Promise.race([
      transport.terminateSession().catch(() => undefined),
      delay(farewell, undefined, { ref: false }),
    ])
  }

  async #isRepeatable(name: string): Promise<boolean> {
    if (!this.#tools.has(name)) await this.listTools().catch(() => undefined)
    const annotations = this.#tools.get(name)?.annotations
    return annotations?.readOnlyHint === true || annotations?.idempotentHint === true
  }

  /** A request that never left may always be tried again; after a refused certificate it never is. */
  async #request(transport: Transport, url: string | URL, init?: RequestInit): Promise<Response> {
    const call = calls.getStore()
    count(call, goesOn(init?.body) ? 2 : 1)
    const response = await withRetries(() => this.#fetch(url, init), {
      attempts: this.#config.retryAttempts,
      signal: init?.signal ?? undefined,
      mayRetry: (error) => {
        this.#unreachable = isUnsent(error) ? error : undefined
        return isUnsent(error)
      },
    }).catch((error: unknown) => {
      if (error instanceof MtlsError && error.sent === 'no') count(call, -1)
      throw error
    })
    this.#unreachable = undefined
    const host = hostPortOf(new URL(url))
    // When the body breaks, the SDK would wait for the time limit.
    return bounded(response, { limit: this.#config.maxAnswerBytes, host }, (error) => {
      const { id } = JSON.parse(String(init?.body ?? '{}'))
      if (id === undefined || init?.signal?.aborted) return
      const failure = explainFailure(error, new URL(url))
      const message = failure instanceof Error ? failure.message : String(failure)
      transport.onmessage?.({ jsonrpc: '2.0', id, error: { code: -32000, message, data: failure } })
    })
  }

  /** Makes a call within its time. What it rejects with is in our words, and says whether anything was sent for it. */
  async #explained<Options extends RequestOptions, T>(
    options: Options | undefined,
    act: (options: Options & { timeout: number }) => Promise<T>,
  ): Promise<T> {
    const { serverUrl, timeoutMs } = this.#config
    const all = { ...options, timeout: options?.timeout ?? timeoutMs } as Options & { timeout: number }
    const call: Call = { requests: 0, outer: calls.getStore() }
    // What goes over another transport is not counted here.
    const isCounted = this.transport === undefined || this.transport === this.#transport
    try {
      return await calls.run(call, act, all)
    } catch (error) {
      const sent = call.requests === 0 && isCounted ? 'no' : 'maybe'
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
function goesOn(body: unknown): boolean {
  const { params } = JSON.parse(String(body ?? '{}'))
  return params?.requestState !== undefined || params?.inputResponses !== undefined
}
