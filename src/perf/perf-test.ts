import { cpus, loadavg } from 'node:os'
import { parseTlsConfig } from '../config/index.js'
import { isSelfSigned } from '../judge/path.js'
import { makeCertificateSet } from '../pki/index.js'
import { secureContext } from '../tls/material/context.js'
import { loadMaterial } from '../tls/material/material.js'
import { pemOf } from '../x509/certificate.js'
import { type Expectation, expectations, type Figures, type Ratios, ratios } from './expectations.js'
import { measureCalls } from './load/calls.js'
import { measureHandshakes } from './load/handshakes.js'
import { memoryPerConnection } from './load/memory.js'
import type { Transport } from './load/server-under-test.js'
import {
  type GivenServers,
  type OwnServers,
  openTargets,
  type Progress,
  type Targets,
} from './load/target.js'
import { round } from './statistics.js'

export interface PerfTestOptions {
  /** Of this package. */
  readonly version: string
  readonly servers: OwnServers | GivenServers
  /** For connections and calls together; starting servers and measuring memory comes on top. */
  readonly durationMs: number
  /** Calls in flight, each number measured for itself. */
  readonly concurrencies: readonly number[]
  /** From so many idle connections it is told what one takes in memory. */
  readonly idleConnections: number
  readonly signal: AbortSignal
  readonly progress: Progress
}

/** What was measured, where, and of what. */
export interface Environment {
  readonly version: string
  readonly node: string
  readonly openssl: string
  readonly platform: string
  readonly cpu: string
  readonly cores: number
  /** What waited for a core in the minute before. */
  readonly load_average: number
  readonly date: string
  readonly duration_seconds: number
  /** `own`: started for this, on this machine. */
  readonly servers: 'own' | { readonly http: string | null; readonly mtls: string }
  readonly call: string
  readonly tls: { readonly version: string; readonly cipher: string; readonly key_exchange: string | null }
  /** The key of the server's certificate. */
  readonly key: string
}

export interface PerfResult extends Figures {
  readonly environment: Environment
  readonly ratios: Ratios
  readonly expected: readonly Expectation[]
}

/** How much of the time goes to connections, the rest to calls. */
const connectionShare = 0.25
/** How much of the progress is left for memory. */
const memoryShare = 0.15

/**
 * What mTLS costs beside plain HTTP: the same call over both, in turns, in one run. Strict mode always. Throws
 * `CONFIG_INVALID`, what loading certificates and connecting throw, and `TOOL_FAILED`.
 */
export async function perfTest(options: PerfTestOptions): Promise<PerfResult> {
  const { servers, durationMs, concurrencies, idleConnections, signal, progress } = options
  progress(0, 'starting')
  if (servers.kind === 'own') await makeCertificateSet({ certDir: servers.certDir })
  const tls = servers.kind === 'own' ? { certDir: servers.certDir } : servers.tls
  const material = await loadMaterial(parseTlsConfig(tls, 'client'), 'client')
  // Node's own client calls here, whose walk from a certificate to its issuers may never end with others than roots.
  const context = secureContext(material, { ca: pemOf(material.anchors.filter(isSelfSigned)) })

  const measured = 1 - memoryShare
  const connectionsEnd = measured * connectionShare
  const first = part(progress, 0, connectionsEnd)
  const second = part(progress, connectionsEnd, measured)
  const measureTargets = async () => {
    await using targets = await openTargets(servers, tls, context, signal)
    return {
      environment: environmentOf(options, targets),
      handshakes: await measureHandshakes(targets.all, durationMs * connectionShare, signal, first),
      calls: await measureCalls(
        targets.all,
        concurrencies,
        durationMs * (1 - connectionShare),
        signal,
        second,
      ),
    }
  }
  const { environment, handshakes, calls } = await measureTargets()
  const memory = async (transport: Transport, from: number) => {
    if (servers.kind === 'given') return undefined
    const secured = transport === 'mtls' ? context : undefined
    const told = part(progress, from, from + memoryShare / 2)
    // One without TLS is so small that few are lost in what a process does of its own accord, and it costs little time.
    const count = secured ? idleConnections : Math.max(idleConnections, 1000)
    return memoryPerConnection(transport, servers, secured, count, signal, told)
  }
  const figures: Figures = {
    handshakes,
    calls,
    memory: { http: await memory('http', measured), mtls: await memory('mtls', measured + memoryShare / 2) },
  }
  return { environment, ...figures, ratios: ratios(figures), expected: expectations(figures) }
}

/** Progress of one part as progress of all. */
function part(progress: Progress, from: number, to: number): Progress {
  return (done, what) => progress(from + (to - from) * Math.min(1, done), what)
}

function environmentOf({ version, servers, durationMs }: PerfTestOptions, { mtls }: Targets): Environment {
  const { connection, title } = mtls.call
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
