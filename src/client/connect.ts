import {
  type CallToolRequestOptions,
  Client,
  type ClientOptions,
  type FetchLike,
  type Implementation,
  type ListToolsRequest,
  SdkError,
  SdkErrorCode,
  StreamableHTTPClientTransport,
  type Tool,
} from '@modelcontextprotocol/client'
import { type McpClientConfig, type McpClientOptions, parseClientConfig } from '../config/index.js'
import { MtlsError } from '../errors.js'
import type { TlsConnection } from '../tls/connection.js'
import type { Subscriber } from '../tls/events.js'
import { type LogOptions, openLog } from '../tls/log.js'
import { fileSource } from '../tls/material.js'
import { isPassing, mayHaveBeenExecuted, mtlsErrorIn } from './failure.js'
import { fetchOver, type MtlsFetch, type PoolFigures } from './fetch.js'
import { withRetries } from './retry.js'

export interface ConnectOptions extends McpClientOptions {
  /** How this client calls itself in MCP. */
  readonly clientInfo?: Implementation
  /** Further options of the SDK's client; by default it speaks 2026-07-28 and falls back to older revisions. */
  readonly clientOptions?: ClientOptions
  /** Where the log goes; `false` for none. Default: level `info` on stderr. */
  readonly log?: LogOptions | false
  /** Gets every security event, beside the log. */
  readonly onSecurityEvent?: Subscriber
  /** Ends the attempt to connect. */
  readonly signal?: AbortSignal
}

/**
 * Connects to an MCP server over mutual TLS. Throws `MtlsError`: `CONFIG_INVALID` and `CERT_…` for our own
 * side, `CONNECTION_…` and `TLS_…` when there is no connection, `SERVER_…` when we refuse the server, and the
 * server's own reason (`CLIENT_CERT_REQUIRED`, `CERT_EXPIRED` …) when it refuses us.
 */
export async function connect(options: ConnectOptions): Promise<MtlsClient> {
  const { clientInfo, clientOptions, log: logOptions, onSecurityEvent, signal, ...rest } = options
  const config = parseClientConfig(rest)
  const log = logOptions === false ? undefined : openLog(logOptions)
  const client = new MtlsClient(config, {
    clientInfo,
    clientOptions,
    onSecurityEvent: (event) => {
      log?.onSecurityEvent(event)
      onSecurityEvent?.(event)
    },
  })
  try {
    await client.open(signal)
    return client
  } catch (error) {
    await client.close()
    throw error
  }
}

interface Parts {
  readonly clientInfo: Implementation | undefined
  readonly clientOptions: ClientOptions | undefined
  readonly onSecurityEvent: Subscriber
}

/** The SDK's own client, whose transport is mutual TLS. */
export class MtlsClient extends Client implements AsyncDisposable {
  readonly #config: McpClientConfig
  readonly #mtls: MtlsFetch | undefined
  readonly #tools = new Map<string, Tool>()

  constructor(config: McpClientConfig, { clientInfo, clientOptions, onSecurityEvent }: Parts) {
    super(clientInfo ?? { name: 'mcp-mtls', version: '0.1.0' }, {
      versionNegotiation: { mode: 'auto' },
      ...clientOptions,
    })
    this.#config = config
    const { timeoutMs, serverName } = config
    this.#mtls = config.useTls
      ? fetchOver(config.tls, fileSource(config.tls, 'client'), {
          serverName,
          connectTimeout: timeoutMs,
          handshakeTimeout: Math.min(5000, timeoutMs),
          onSecurityEvent,
        })
      : undefined
  }

  /** What was negotiated on the newest connection, and with whom; undefined without TLS. */
  connection(): TlsConnection | undefined {
    return this.#mtls?.connection(this.#config.serverUrl)
  }

  /** The connections that are kept open; undefined without TLS. */
  pool(): PoolFigures | undefined {
    return this.#mtls?.pool()
  }

  /** Opens the transport and agrees on a protocol revision. `connect()` has done this. */
  async open(signal?: AbortSignal): Promise<void> {
    const transport = new StreamableHTTPClientTransport(new URL(this.#config.serverUrl), {
      fetch: this.#retryingFetch(),
    })
    await this.#explained(() =>
      this.connect(transport, { timeout: this.#config.timeoutMs, ...(signal && { signal }) }),
    )
  }

  /**
   * Calls a tool. A call whose connection was lost is repeated only when the tool is declared read-only or
   * idempotent: it may have been executed.
   */
  override callTool(
    params: Parameters<Client['callTool']>[0],
    options?: CallToolRequestOptions,
  ): ReturnType<Client['callTool']> {
    const call = () => super.callTool(params, { timeout: this.#config.timeoutMs, ...options })
    return withRetries(() => this.#explained(call), {
      attempts: this.#config.retryAttempts,
      signal: options?.signal,
      mayRetry: (error) => mayHaveBeenExecuted(error) && this.#isRepeatable(params.name),
    })
  }

  override async listTools(
    params?: ListToolsRequest['params'],
    options?: Parameters<Client['listTools']>[1],
  ): ReturnType<Client['listTools']> {
    const listed = await this.#explained(() =>
      super.listTools(params, { timeout: this.#config.timeoutMs, ...options }),
    )
    for (const tool of listed.tools) this.#tools.set(tool.name, tool)
    return listed
  }

  override async close(): Promise<void> {
    await super.close()
    await this.#mtls?.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #isRepeatable(name: string): Promise<boolean> {
    if (!this.#tools.has(name)) await this.listTools().catch(() => undefined)
    const annotations = this.#tools.get(name)?.annotations
    return annotations?.readOnlyHint === true || annotations?.idempotentHint === true
  }

  /** A request that never left may always be tried again; after a refused certificate it never is. */
  #retryingFetch(): FetchLike {
    const once: FetchLike = this.#mtls ?? fetch
    return (url, init) =>
      withRetries(() => once(url, init), {
        attempts: this.#config.retryAttempts,
        mayRetry: isPassing,
        signal: init?.signal ?? undefined,
      })
  }

  async #explained<T>(act: () => Promise<T>): Promise<T> {
    try {
      return await act()
    } catch (error) {
      const known = mtlsErrorIn(error)
      if (known) throw known
      if (error instanceof SdkError && error.code === SdkErrorCode.RequestTimeout) {
        const { serverUrl, timeoutMs } = this.#config
        throw new MtlsError('CONNECTION_TIMEOUT', `${serverUrl} did not answer within ${timeoutMs} ms`, {
          cause: error,
        })
      }
      throw error
    }
  }
}
