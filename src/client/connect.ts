import type { ClientOptions, Implementation } from '@modelcontextprotocol/client'
import {
  checkLiveOptions,
  isOptions,
  type McpClientOptions,
  parseClientConfig,
  requireCall,
} from '../config/index.js'
import type { Subscriber } from '../tls/events.js'
import type { LogOptions } from '../tls/log/log.js'
import type { FreshnessOptions } from '../tls/material/reloadable.js'
import type { MtlsClient } from './mtls-client.js'

/** The options of `connect`. */
export interface ConnectOptions extends McpClientOptions, FreshnessOptions {
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
  const { watch, expiryWarningDays, ...rest } = others
  checkLiveOptions('connect', {
    clientInfo,
    clientOptions,
    log: logOptions,
    onSecurityEvent,
    signal,
    watch,
    expiryWarningDays,
  })
  const config = parseClientConfig(rest)
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
  })
  try {
    await client.open(signal)
    return client
  } catch (error) {
    await client.close()
    throw error
  }
}
