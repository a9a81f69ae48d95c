import { cpus, loadavg } from 'node:os'
import type { GivenServers, OwnServers, Target } from './load/target.js'
import { round } from './statistics.js'

/** What was measured, and on which machine. */
export interface Environment {
  readonly version: string
  readonly node: string
  readonly openssl: string
  readonly platform: string
  readonly cpu: string
  readonly cores: number
  /** The load of the minute before. */
  readonly load_average: number
  /** The share of this machine's CPU time that other processes took meanwhile, 0 to 1; null if the servers are given. */
  readonly load_by_others: number | null
  readonly date: string
  readonly duration_seconds: number
  /** `own`: started for this test, on this machine. */
  readonly servers: 'own' | { readonly http: string | null; readonly mtls: string }
  readonly call: string
  readonly tls: { readonly version: string; readonly cipher: string; readonly key_exchange: string | null }
  /** The key of the server's certificate. */
  readonly key: string
}

interface Measurement {
  readonly version: string
  readonly servers: OwnServers | GivenServers
  readonly durationMs: number
}

/** Describes this machine, and the server's mTLS connection that is measured. */
export function environmentOf(
  { version, servers, durationMs }: Measurement,
  { call: { connection, title } }: Target,
): Omit<Environment, 'load_by_others'> {
  return {
    version,
    node: process.versions.node,
    openssl: process.versions.openssl,
    platform: `${process.platform} ${process.arch}`,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    load_average: round(loadavg()[0] ?? 0, 2),
    date: new Date().toISOString(),
    duration_seconds: durationMs / 1000,
    servers:
      servers.kind === 'own' ? 'own' : { http: servers.httpUrl?.href ?? null, mtls: servers.mtlsUrl.href },
    call: title,
    tls: {
      version: connection?.tlsVersion ?? 'unknown',
      cipher: connection?.cipherSuite ?? 'unknown',
      key_exchange: connection?.keyExchange ?? null,
    },
    key: connection?.peerCertificate?.key.text ?? 'unknown',
  }
}
