// The monitor's state, in the form that page, scripts and commands read. Text from certificates and peers is unchanged:
// whoever displays it must escape it. It imports nothing: the page is type-checked against it, with the browser types
// only.

export const serverStates = [
  'up',
  'degraded',
  'draining',
  'refusing',
  'untrusted',
  'unreachable',
  'unknown',
] as const
/**
 * `refusing`: it refuses our certificate; `untrusted`: we refuse its; `unknown`: not looked at yet, or our own files
 * do not let us look.
 */
export type ServerState = (typeof serverStates)[number]

export const levels = ['ok', 'warning', 'critical'] as const
export type Level = (typeof levels)[number]

/** What is wrong, and what to do about it. */
export interface Problem {
  readonly code: string
  readonly message: string
  readonly hint: string
}

export interface ServerHealth {
  readonly status: 'ok' | 'degraded' | 'draining'
  readonly server: string
  readonly version: string
  readonly mode: 'strict' | 'demo' | 'plaintext'
  readonly uptime_seconds: number
  readonly connections: number
  /** `mode`: whether its policy is enforced, or only reports what it would deny. Absent where there is none. */
  readonly policy?: { readonly rules: number; readonly mode: 'enforce' | 'report'; readonly ok: boolean }
  /** Of the record of calls: whether it can be written, and how many lines it has lost. Absent where there is none. */
  readonly audit?: { readonly ok: boolean; readonly lost: number }
}

export interface ServerStatus {
  readonly name: string
  readonly url: string
  readonly state: ServerState
  readonly level: Level
  /** Since when it has this state. */
  readonly since: string
  readonly problem: Problem | null
  /** Handshake and one answer. */
  readonly latency_ms: number | null
  /** The newest last; null where there was no answer. */
  readonly latencies_ms: readonly (number | null)[]
  /** Of the newest connection. */
  readonly tls: {
    readonly version: string | null
    readonly cipher: string | null
    readonly key_exchange: string | null
  } | null
  readonly identity: { readonly id: string; readonly verified: boolean } | null
  /** End of the certificate it shows. */
  readonly certificate: { readonly fingerprint256: string; readonly not_after: string } | null
  /** Null if it is not one of our servers. */
  readonly health: ServerHealth | null
  /** Peers it has refused since it started, by reason; null if it does not report them. */
  readonly refused: Readonly<Record<string, number>> | null
}

export interface CertificateStatus {
  readonly key: string
  readonly type: string
  readonly subject: string
  readonly issuer: string | null
  readonly serial: string | null
  readonly names: readonly string[]
  readonly not_before: string | null
  readonly not_after: string | null
  readonly days_left: number | null
  readonly level: Level
  /** Files that contain it, and servers that show it. */
  readonly places: readonly string[]
  readonly problems: readonly Problem[]
}

export interface MonitorEvent {
  readonly id: number
  readonly at: string
  readonly kind: 'server' | 'certificate' | 'refused'
  /** Of the server, or the subject of the certificate. */
  readonly name: string
  /** States of a server, levels of a certificate; null when the state did not change. */
  readonly from: string | null
  readonly to: string | null
  readonly level: Level
  readonly text: string
}

export interface Snapshot {
  readonly at: string
  readonly level: Level
  readonly servers: readonly ServerStatus[]
  /** Soonest to expire first. */
  readonly certificates: readonly CertificateStatus[]
}

/** What a page gets: only as much as it shows. */
export interface Update {
  /** Of this package. */
  readonly version: string
  readonly snapshot: Snapshot
  /** Newest last. */
  readonly events: readonly MonitorEvent[]
}

export function worst(all: Iterable<Level>): Level {
  return levels[Math.max(0, ...[...all].map((level) => levels.indexOf(level)))] ?? 'ok'
}
