import type { Problem } from '../pki/index.js'

// What the monitor knows, in the form in which page, scripts and commands read it. Every text in it that comes
// from a certificate or a peer is as it was written there: whoever shows it has to mind that.

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

export interface ServerHealth {
  readonly status: 'ok' | 'degraded' | 'draining'
  readonly server: string
  readonly version: string
  readonly mode: 'strict' | 'demo' | 'plaintext'
  readonly uptime_seconds: number
  readonly connections: number
}

export interface ServerStatus {
  readonly name: string
  readonly url: string
  readonly state: ServerState
  readonly level: Level
  /** Since when it has this state. */
  readonly since: string
  /** What is wrong; null when nothing is. */
  readonly problem: { readonly code: string; readonly message: string; readonly hint: string } | null
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
  /** Null where the server is none of ours. */
  readonly health: ServerHealth | null
  /** Peers it has refused since it started, by reason; null where it does not tell. */
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
  /** Files it is in, and servers that show it. */
  readonly places: readonly string[]
  readonly problems: readonly Problem[]
}

export interface MonitorEvent {
  readonly id: number
  readonly at: string
  readonly kind: 'server' | 'certificate' | 'refused'
  /** Of the server, or the subject of the certificate. */
  readonly name: string
  /** States of a server, levels of a certificate; null for what is no change of state. */
  readonly from: string | null
  readonly to: string | null
  readonly level: Level
  readonly text: string
}

export interface Snapshot {
  readonly at: string
  readonly level: Level
  readonly servers: readonly ServerStatus[]
  /** What ends first comes first. */
  readonly certificates: readonly CertificateStatus[]
}

export function worst(all: Iterable<Level>): Level {
  return levels[Math.max(0, ...[...all].map((level) => levels.indexOf(level)))] ?? 'ok'
}
