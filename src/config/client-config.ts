import { z } from 'zod'
import { serverUrlProblem, withMcpPath } from './endpoint.js'
import { headers } from './headers.js'
import type { ShapeOf } from './option-shape.js'
import { deepFreeze, parse, report } from './problems.js'
import { type ReconnectionOptions, reconnection } from './reconnection.js'
import { serverId } from './server-id.js'
import { defaultOf } from './settings/setting-values.js'
import { locate } from './tls-config.js'
import { type TlsConfig, type TlsOptions, tlsSchema } from './tls-options.js'
import { count, duration, flag, text } from './values.js'

const retriesMessage = 'allowed are whole numbers from 0'

/** Which server is called, and how long for. Times are milliseconds, or text with a unit: `500ms`, `30s`, `5m`. */
export interface McpClientOptions {
  /** Where MCP is: `https://localhost:8443/mcp`; without a path `/mcp` is meant. */
  readonly serverUrl: string | URL
  /** `false` calls an `http://` URL on loopback; default `true`. */
  readonly useTls?: boolean | undefined
  /** Certificates and how the server is judged; default the files in `./certs`. */
  readonly tls?: TlsOptions | undefined
  /** Time for one call, and for connecting; default 30000. */
  readonly timeoutMs?: number | string | undefined
  /** How often a call is tried again where that does no harm; default 2. */
  readonly retryAttempts?: number | undefined
  /** Bytes of one answer, or of one event of a stream, after decompression; default 10485760 (10 MiB). */
  readonly maxAnswerBytes?: number | undefined
  /** The name the server's certificate must have; default the host of the URL. */
  readonly serverName?: string | undefined
  /**
   * The identities of which the server must have one, instead of having that name: its SPIFFE ID, or `sha256/…` (base64) or
   * `sha256:…` (hex) of its public key. The chain is verified as ever. Default none.
   */
  readonly serverId?: string | readonly string[] | undefined
  /** Further headers of every request, such as `Authorization`; none that the connection or MCP itself sets. Default none. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** How a stream of the server that broke off is opened again. */
  readonly reconnection?: ReconnectionOptions | undefined
}

const clientSchema = z
  .strictObject({
    serverUrl: z
      .union([text, z.instanceof(URL)], { error: 'a URL is wanted' })
      .transform((url) => withMcpPath(String(url))),
    useTls: flag.default(true),
    tls: tlsSchema.prefault({}),
    timeoutMs: duration.default(defaultOf('timeout')),
    retryAttempts: z.number({ error: retriesMessage }).int(retriesMessage).min(0, retriesMessage).default(2),
    maxAnswerBytes: count.default(defaultOf('maxAnswerBytes')),
    serverName: text.optional(),
    serverId: serverId.optional(),
    headers: headers.optional(),
    reconnection,
  } satisfies ShapeOf<McpClientOptions>)
  .superRefine(rules, { when: ({ value }) => typeof value === 'object' && value !== null })

type ParsedClient = z.output<typeof clientSchema>

/** One server to call. With TLS it has `tls`; without, the URL is plain HTTP on loopback. */
export type McpClientConfig = Readonly<
  Omit<ParsedClient, 'tls' | 'useTls'> &
    (
      | { readonly useTls: true; readonly tls: TlsConfig }
      | { readonly useTls: false; readonly tls?: undefined }
    )
>

/** Options → frozen config. Throws `CONFIG_INVALID`, and what `parseTlsConfig` throws. */
export function parseClientConfig(input: unknown): McpClientConfig {
  const { tls, useTls, ...options } = parse(clientSchema, 'client options', input)
  return deepFreeze(useTls ? { ...options, useTls, tls: locate(tls, 'client') } : { ...options, useTls })
}

/**
 * Rules that involve several options. They run beside the checks of the single options, so their values may be
 * anything.
 */
function rules(options: Partial<ParsedClient>, context: z.RefinementCtx): void {
  const { serverUrl, useTls, tls } = options
  if (useTls === false && options.serverId !== undefined)
    report(context, ['serverId'], 'plain HTTP proves no identity: leave it out, or use TLS')
  if (typeof serverUrl !== 'string' || serverUrl === '') return
  const problem = serverUrlProblem(serverUrl, {
    tls: useTls !== false,
    demoMode: tls?.demoMode === true,
    demoAllowRemote: tls?.demoAllowRemote === true,
  })
  if (problem) report(context, ['serverUrl'], problem)
}
