import type {
  AuthProvider,
  ClientOptions,
  FetchLike,
  Implementation,
  OAuthClientProvider,
} from '@modelcontextprotocol/client'
import {
  checkLiveOptions,
  isOptions,
  type McpClientOptions,
  parseClientConfig,
  requireCall,
} from '../config/index.js'
import { MtlsError } from '../errors.js'
import type { Subscriber } from '../tls/events.js'
import type { LogOptions } from '../tls/log/log.js'
import type { FreshnessOptions } from '../tls/material/reloadable.js'
import type { Handlers } from './handlers.js'
import type { MtlsClient } from './mtls-client.js'
import type { MoreHeaders } from './with-headers.js'

/** The options of `connect`. */
export interface ConnectOptions extends Omit<McpClientOptions, 'headers'>, FreshnessOptions {
  /**
   * Further headers of every request, such as `Authorization`; none that the connection or MCP itself sets. A function is called
   * for each request, and may take its time: for tokens that change. They go to this server alone. Default none.
   */
  readonly headers?: MoreHeaders | undefined
  /**
   * The SDK's provider of OAuth tokens, beside the certificate: its token is the `Authorization` of each request. A 401 lets it get a
   * new one, once for a request. Without one that it can get by itself, `connect` throws the SDK's `UnauthorizedError`. Default none.
   */
  readonly authProvider?: AuthProvider | OAuthClientProvider | undefined
  /**
   * How `authProvider` reaches authorization servers of another origin. By default as this server: with our certificate, and theirs must be of
   * our CA. The global `fetch` is for public ones.
   */
  readonly authFetch?: FetchLike | undefined
  /** What answers the server's questions and hears what it tells, set before it can; default none. */
  readonly handlers?: Handlers | undefined
  /** How this client calls itself in MCP; default `mcp-mtls` and its version. */
  readonly clientInfo?: Implementation | undefined
  /** Further options of the SDK's client; by default it speaks 2026-07-28 and falls back to older revisions. */
  readonly clientOptions?: ClientOptions | undefined
  /** Where the log goes; `false` for none. Default: level `warn` on stderr, which is the application's. */
  readonly log?: LogOptions | false | undefined
  /** Gets every security event, beside the log; default nobody. */
  readonly onSecurityEvent?: Subscriber | undefined
  /** Ends the attempt to connect; default none. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Connects to an MCP server over mutual TLS. Throws `MtlsError`: `CONFIG_INVALID` and `CERT_…` for our own
 * side, `CONNECTION_…` and `TLS_…` when there is no connection, `SERVER_…` when we refuse the server, and the
 * server's own reason (`CLIENT_CERT_REQUIRED`, `CERT_EXPIRED` …) when it refuses us.
 */
export async function connect(options: ConnectOptions): Promise<MtlsClient> {
  requireCall(isOptions(options), "connect({ serverUrl: 'https://localhost:8443/mcp' })")
  const { clientInfo, clientOptions, log: logOptions, onSecurityEvent, signal, ...others } = options
  const { watch, expiryWarningDays, authProvider, authFetch, handlers, headers, ...rest } = others
  const isLive = typeof headers === 'function'
  checkLiveOptions('connect', {
    clientInfo,
    clientOptions,
    log: logOptions,
    onSecurityEvent,
    signal,
    watch,
    expiryWarningDays,
    authProvider,
    authFetch,
    handlers,
    headers: isLive ? headers : undefined,
  })
  const config = parseClientConfig(isLive ? rest : { ...rest, headers })
  if (authProvider && Object.keys(config.headers ?? {}).some((name) => /^authorization$/i.test(name)))
    throw new MtlsError(
      'CONFIG_INVALID',
      'client options: headers.Authorization and authProvider are two tokens',
      {
        hint: 'Leave one of them out.',
      },
    )
  // What a client needs takes a while to load: whoever imports this package may only be a server.
  const { MtlsClient } = await import('./mtls-client.js')
  const log =
    logOptions === false
      ? undefined
      : (await import('../tls/log/log.js')).openLog({ ...logOptions, level: logOptions?.level ?? 'warn' })
  const client = new MtlsClient(config, {
    clientInfo,
    clientOptions,
    watch,
    expiryWarningDays,
    onSecurityEvent: (event) => {
      log?.onSecurityEvent(event)
      onSecurityEvent?.(event)
    },
    log,
    headers: isLive ? headers : undefined,
    authProvider,
    authFetch,
    handlers: handlers ?? {},
  })
  try {
    await client.open(signal)
    return client
  } catch (error) {
    await client.close()
    throw error
  }
}
