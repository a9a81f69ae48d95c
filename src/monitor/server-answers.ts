import { z } from 'zod'
import { errorCodes } from '../errors.js'
import { shortened } from '../text/shortened.js'
import type { ServerHealth } from './snapshot.js'

// A server's answers are untrusted: only these forms and lengths are accepted.

const text = z.string().max(200)
const reason = z.string().transform((given) => shortened(given, 1000))
const healthSchema = z.object({
  status: z.enum(['ok', 'degraded', 'draining']),
  server: text,
  version: text,
  mode: z.enum(['strict', 'demo', 'plaintext']),
  uptime_seconds: z.number(),
  connections: z.number(),
  certificates: z
    .array(z.object({ role: z.enum(['server', 'ca', 'crl']), state: z.enum(['ok', 'expiring', 'expired']) }))
    .max(100),
  last_reload: z.object({ ok: z.boolean(), error: reason.nullable() }).nullable(),
  policy: z
    .object({ rules: z.number(), mode: z.enum(['enforce', 'report']), ok: z.boolean() })
    .exactOptional(),
  audit: z.object({ ok: z.boolean(), lost: z.number() }).exactOptional(),
  problems: z
    .array(z.object({ code: text, message: reason }))
    .max(100)
    .default([]),
})

export interface HealthAnswer {
  readonly health: ServerHealth
  /** Why it is degraded, in our words and the server's. */
  readonly complaints: readonly string[]
  /** The codes of its problems, in its words. */
  readonly codes: readonly string[]
}

/** The body of `/health` of one of our servers, undefined when it is something else. */
export function readHealth(body: string): HealthAnswer | undefined {
  const parsed = healthSchema.safeParse(jsonIn(body))
  if (!parsed.success) return undefined
  const { certificates, last_reload, problems, ...health } = parsed.data
  const expired = certificates.filter(({ state }) => state === 'expired').map(({ role }) => role)
  const others = problems.filter(
    ({ code, message }) => code !== 'CERT_EXPIRED' && message !== last_reload?.error,
  )
  return {
    health,
    complaints: [
      ...[...new Set(expired)].map((role) => `its ${roleNames[role]} has expired`),
      ...(last_reload?.ok === false ? [`it could not take up new files: ${last_reload.error}`] : []),
      ...others.map(({ message }) => message),
    ],
    codes: problems.map(({ code }) => code),
  }
}

const roleNames = { server: 'certificate', ca: 'CA certificate', crl: 'revocation list' } as const

function jsonIn(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

const refusal = /^mcp_mtls_handshakes_total\{([^}\n]{0,400})\} (\d{1,15})$/gm
const label = (name: string, labels: string) =>
  new RegExp(`(?:^|,)${name}="([A-Z_a-z]{1,40})"`).exec(labels)?.[1]

/** From `/metrics`: how many peers were refused, by reason. Undefined when it has no such counter. */
export function readRefusals(metrics: string): Readonly<Record<string, number>> | undefined {
  if (!/^# TYPE mcp_mtls_handshakes_total counter$/m.test(metrics)) return undefined
  const found: Record<string, number> = {}
  for (const [, labels = '', count] of metrics.matchAll(refusal)) {
    const reason = label('reason', labels)
    if (label('result', labels) !== 'refused' || reason === undefined) continue
    if (Object.hasOwn(errorCodes, reason)) found[reason] = (found[reason] ?? 0) + Number(count)
  }
  return found
}
