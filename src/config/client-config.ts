import { z } from 'zod'
import { serverUrlProblem, withMcpPath } from './endpoint.js'
import { deepFreeze, parse, report } from './problems.js'
import { defaultOf } from './setting-table.js'
import { locate } from './tls-config.js'
import { type TlsConfig, tlsSchema } from './tls-options.js'
import { count, duration, flag, text } from './values.js'

const retriesMessage = 'allowed are whole numbers from 0'

const clientSchema = z
  .strictObject({
    /** Without a path `/mcp` is meant. */
    serverUrl: z
      .union([text, z.instanceof(URL)], { error: 'a URL is wanted' })
      .transform((url) => withMcpPath(String(url))),
    useTls: flag.default(true),
    tls: tlsSchema.prefault({}),
    timeoutMs: duration.default(defaultOf('timeout')),
    retryAttempts: z.number({ error: retriesMessage }).int(retriesMessage).min(0, retriesMessage).default(2),
    /** Of one answer, or one event of a stream, after decompression. */
    maxAnswerBytes: count.default(defaultOf('maxAnswerBytes')),
    /** The name the server's certificate must have, where it is not the host of the URL. */
    serverName: text.optional(),
  })
  .superRefine(rules, { when: ({ value }) => typeof value === 'object' && value !== null })

export type McpClientOptions = z.input<typeof clientSchema>
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

/** What no single option shows. Runs beside the checks of the single options, so their values may be anything. */
function rules({ serverUrl, useTls, tls }: Partial<ParsedClient>, context: z.RefinementCtx): void {
  if (typeof serverUrl !== 'string' || serverUrl === '') return
  const problem = serverUrlProblem(serverUrl, {
    tls: useTls !== false,
    demoMode: tls?.demoMode === true,
    demoAllowRemote: tls?.demoAllowRemote === true,
  })
  if (problem) report(context, ['serverUrl'], problem)
}
