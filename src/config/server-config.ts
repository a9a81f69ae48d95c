import { z } from 'zod'
import {
  type AuditConfig,
  type AuditLogOptions,
  type AuditReceiver,
  auditConfig,
  auditLogSchema,
  auditOptionsSchema,
} from './audit-options.js'
import { exposureProblem } from './endpoint.js'
import { type Limits, limitsSchema } from './limits.js'
import type { ShapeOf } from './option-shape.js'
import { originProblem } from './origin.js'
import { policySchema } from './policy-option.js'
import { deepFreeze, parse, report } from './problems.js'
import { type SessionOptions, sessionsSchema } from './sessions.js'
import { locate } from './tls-config.js'
import { type TlsConfig, type TlsOptions, tlsSchema } from './tls-options.js'
import { flag, listenPort, text } from './values.js'

/** Name, address and settings of one server. */
export interface McpServerOptions {
  /** Its name in logs, metrics and `/health`; unique among the servers of one process. */
  readonly name: string
  /** Address or host name to listen on; default `127.0.0.1`. */
  readonly host?: string | undefined
  /** Port without TLS, 0 for any free one; default 0. */
  readonly httpPort?: number | undefined
  /** Port with TLS, 0 for any free one; default 0. */
  readonly tlsPort?: number | undefined
  /** `false` serves plain HTTP, on loopback only; default `true`. */
  readonly tlsEnabled?: boolean | undefined
  /** Certificates and how clients are judged; default the files in `./certs`. */
  readonly tls?: TlsOptions | undefined
  /** Names a `Host` header may have; default those of loopback and of the server's certificate. */
  readonly allowedHosts?: readonly string[] | undefined
  /**
   * Origins that browsers may call from, such as `https://app.example`, or their host names; default the server's own
   * alone.
   */
  readonly allowedOrigins?: readonly string[] | undefined
  /** Port on loopback for `/health` and `/metrics` without a certificate, 0 for any free one; default none. */
  readonly healthPort?: number | undefined
  /**
   * Sessions, for the revisions of MCP that have them (up to 2025-11-25): servers can then ask their client, and tell it
   * of changes. Default none: any request can be answered by any replica.
   */
  readonly sessions?: boolean | SessionOptions | undefined
  /**
   * A server for each request, always. Default `false`: one server answers many requests, until the factory or a tool makes
   * a difference between requests by it; what a factory keeps in variables of its own is then shared by requests.
   */
  readonly perRequest?: boolean | undefined
  /** What peers may use at most; each has a default of its own. */
  readonly limits?: Limits | undefined
  /**
   * Who may call what: the path of a policy, which is taken up anew when it changes, or what it would hold. Default none: every
   * verified peer may call everything.
   */
  readonly policy?: string | object | undefined
  /**
   * Where calls are recorded: the path of a file, which servers of one process may share, `-` for standard output, or a function that
   * gets each line. Default none.
   */
  readonly auditLog?: string | AuditReceiver | undefined
  /** How calls are recorded in `auditLog`; each option has a default of its own. */
  readonly audit?: AuditLogOptions | undefined
}

const origin = text.superRefine((value, context) => {
  const problem = originProblem(value)
  if (problem) report(context, [], problem)
})

const listMessage = "lists are wanted: ['a.example']"

export const serverSchema = z
  .strictObject({
    name: text,
    host: text.default('127.0.0.1'),
    httpPort: listenPort.optional(),
    tlsPort: listenPort.optional(),
    tlsEnabled: flag.default(true),
    tls: tlsSchema.prefault({}),
    allowedHosts: z.array(text, { error: listMessage }).optional(),
    allowedOrigins: z.array(origin, { error: listMessage }).default([]),
    healthPort: listenPort.optional(),
    sessions: sessionsSchema,
    perRequest: flag.default(false),
    limits: limitsSchema.prefault({}),
    policy: policySchema.optional(),
    auditLog: auditLogSchema.optional(),
    audit: auditOptionsSchema.optional(),
  } satisfies ShapeOf<McpServerOptions>)
  .superRefine(rules, { when: ({ value }) => typeof value === 'object' && value !== null })

export type ParsedServer = z.output<typeof serverSchema>

/** One server. With TLS it has `tls`; without, it serves plain HTTP on loopback. */
export type McpServerConfig = Readonly<
  Omit<ParsedServer, 'tls' | 'tlsEnabled' | 'auditLog' | 'audit'> & {
    /** Undefined: calls are not recorded. */
    readonly audit?: AuditConfig
  } & (
      | { readonly tlsEnabled: true; readonly tls: TlsConfig }
      | { readonly tlsEnabled: false; readonly tls?: undefined }
    )
>

/** Options → frozen config. Throws `CONFIG_INVALID`, `PORT_CONFLICT`, and what `parseTlsConfig` throws. */
export function parseServerConfig(input: unknown): McpServerConfig {
  const {
    tls,
    tlsEnabled,
    tlsPort = tls.port,
    auditLog,
    audit: how,
    ...rest
  } = parse(serverSchema, 'server options', input)
  const audit = auditConfig(auditLog, how)
  const options = { ...rest, ...(tlsPort !== undefined && { tlsPort }), ...(audit && { audit }) }
  return deepFreeze(
    tlsEnabled ? { ...options, tlsEnabled, tls: locate(tls, 'server') } : { ...options, tlsEnabled },
  )
}

/**
 * Rules that involve several options. They run beside the checks of the single options, so their values may be
 * anything.
 */
function rules(options: Partial<ParsedServer>, context: z.RefinementCtx): void {
  const { host, httpPort, tlsPort, tlsEnabled, tls, healthPort, auditLog, audit } = options
  if (tlsPort !== undefined && tls?.port !== undefined && tlsPort !== tls.port)
    report(context, ['tlsPort'], `${tlsPort} does not agree with tls.port ${tls.port}`)

  const ports: readonly (readonly [string, unknown])[] = [
    ['httpPort', httpPort],
    ['tlsPort', tlsPort ?? tls?.port],
    ['healthPort', healthPort],
  ]
  for (const [index, [name, port]] of ports.entries()) {
    const other = ports.slice(0, index).find(([, earlier]) => earlier === port)
    if (port && other) report(context, [name], `${port} is also ${other[0]}`, 'PORT_CONFLICT')
  }

  if (audit !== undefined && auditLog === undefined)
    report(context, ['audit'], 'says how calls are recorded, and auditLog, which says where, is missing')

  const problem = exposureProblem(String(host), {
    tls: tlsEnabled !== false,
    demoMode: tls?.demoMode === true,
    demoAllowRemote: tls?.demoAllowRemote === true,
  })
  if (typeof host === 'string' && problem) report(context, ['host'], problem)
}
