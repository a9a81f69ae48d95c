import { SUPPORTED_PROTOCOL_VERSIONS } from '@modelcontextprotocol/server'
import type { MtlsErrorCode } from '../../errors.js'
import { daysLeft } from '../../text/duration.js'
import type { LogProblem } from '../../tls/log/destination.js'
import { endingNames, endingsOf } from '../../tls/material/expiry-watch.js'
import type { Material } from '../../tls/material/material.js'
import type { LastReload } from '../../tls/material/reloadable.js'
import { expiringFrom } from '../../x509/life.js'

export interface CertificateHealth {
  readonly role: 'server' | 'ca' | 'crl'
  readonly subject: string
  readonly serial: string | null
  readonly not_after: string
  readonly days_left: number
  readonly state: 'ok' | 'expiring' | 'expired'
}

/** The policy that is in use. */
export interface PolicyHealth {
  readonly rules: number
  readonly mode: 'enforce' | 'report'
  readonly loaded_at: string
  /** False while its file holds another that cannot be taken up; `error` says why. */
  readonly ok: boolean
  readonly error: string | null
}

/** Policy and record of a server; nothing where there is none. */
export interface AuthorizationHealth {
  readonly policy?: PolicyHealth
  /** `ok`: false while lines cannot be written; `lost`: those that never will be, since the start. */
  readonly audit?: { readonly ok: boolean; readonly lost: number }
}

/** What stands behind a server that passes calls on; nothing for others. */
export interface BehindHealth {
  readonly children?: { readonly alive: number; readonly starts: number; readonly deaths: number }
  readonly upstream?: { readonly reachable: boolean }
  readonly calls_in_flight?: number
}

/** The body of `/health`. */
export interface Health extends AuthorizationHealth, BehindHealth {
  readonly status: 'ok' | 'degraded' | 'draining'
  readonly server: string
  readonly version: string
  readonly protocol_versions: readonly string[]
  readonly mode: 'strict' | 'demo' | 'plaintext'
  readonly uptime_seconds: number
  readonly connections: number
  readonly certificates: readonly CertificateHealth[]
  readonly last_reload: { readonly at: string; readonly ok: boolean; readonly error: string | null } | null
  /** Why it is degraded. */
  readonly problems: readonly HealthProblem[]
}

export interface HealthProblem {
  readonly code: MtlsErrorCode
  readonly message: string
  readonly since: string
}

/** The revisions with sessions: all that the SDK's list names. */
export const earlierVersions: readonly string[] = SUPPORTED_PROTOCOL_VERSIONS
export const protocolVersions: readonly string[] = ['2026-07-28', ...earlierVersions]

const roles = { own: 'server', ca: 'ca', crl: 'crl', peer: 'server' } as const

/** The certificates a server depends on, and the time they have left. Whole days, negative once expired. */
export function certificateHealth(material: Material, now: Date): CertificateHealth[] {
  return endingsOf(material, now).map((ending) => {
    const { what, subject, serial = null, begins, ends } = ending
    const isExpiring = now >= expiringFrom(begins, ends)
    return {
      role: roles[what],
      subject,
      serial,
      not_after: ends.toISOString(),
      days_left: daysLeft(ends, now),
      state: now > ends ? 'expired' : isExpiring ? 'expiring' : 'ok',
    }
  })
}

/** Expired certificates that peers are served with. An expired root matters only when no other is left. */
export function ended<Part extends Pick<CertificateHealth, 'role' | 'state'>>(
  parts: readonly Part[],
): Part[] {
  const isRootLeft = parts.some(({ role, state }) => role === 'ca' && state !== 'expired')
  return parts.filter(({ role, state }) => state === 'expired' && !(role === 'ca' && isRootLeft))
}

/** All reasons for which a server reports itself degraded. */
export function healthProblems(
  certificates: readonly CertificateHealth[],
  last: LastReload | undefined,
): HealthProblem[] {
  return [
    ...ended(certificates).map(({ role, subject, not_after: since }): HealthProblem => {
      const message = `${names[role]} ${subject} has expired`
      return { code: 'CERT_EXPIRED', message, since }
    }),
    ...(last?.error
      ? [
          {
            code: last.error.code,
            message: last.error.message,
            since: (last.failingSince ?? last.at).toISOString(),
          },
        ]
      : []),
  ]
}

/** A log that cannot be written makes a server degraded, but never takes it out of service. */
export function logProblems(problems: readonly LogProblem[]): HealthProblem[] {
  return problems.map(({ message, since }) => ({
    code: 'LOG_WRITE_FAILED',
    message,
    since: since.toISOString(),
  }))
}

const names = { server: endingNames.own, ca: endingNames.ca, crl: endingNames.crl } as const

/** Whether the server should get requests, and why. */
export function readiness({ status, certificates, last_reload }: Health): {
  readonly ready: boolean
  readonly checks: Readonly<Record<'certificates' | 'crl' | 'last_reload' | 'accepting', boolean>>
} {
  const fresh = (crl: boolean) =>
    ended(certificates.filter(({ role }) => (role === 'crl') === crl)).length === 0
  const checks = {
    certificates: fresh(false),
    crl: fresh(true),
    last_reload: last_reload?.ok !== false,
    accepting: status !== 'draining',
  }
  // A failed reload leaves the last good certificates in use. Every replica reads the same files: if it took servers
  // out of service, all would go at once.
  return { ready: checks.certificates && checks.crl && checks.accepting, checks }
}
