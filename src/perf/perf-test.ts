import type { SecureContext } from 'node:tls'
import { parseTlsConfig, type TlsOptions } from '../config/index.js'
import { isSelfSigned } from '../judge/path.js'
import { makeCertificateSet } from '../pki/index.js'
import { secureContext } from '../tls/material/context.js'
import { materialSource } from '../tls/material/source.js'
import { pemOf } from '../x509/certificate.js'
import { type Environment, environmentOf } from './environment.js'
import { type Expectation, expectations, type Figures, type Ratios, ratios } from './expectations.js'
import { measureCalls } from './load/calls.js'
import { measureHandshakes } from './load/handshakes.js'
import { memoryPerConnection } from './load/memory.js'
import {
  type GivenServers,
  type OwnServers,
  openTargets,
  type Progress,
  type Targets,
} from './load/target.js'
import { machineTime, shareOfOthers } from './machine-load.js'
import { round } from './statistics.js'

export interface PerfTestOptions {
  /** Of this package. */
  readonly version: string
  readonly servers: OwnServers | GivenServers
  /** For connections and calls together; starting servers and measuring memory takes extra time. */
  readonly durationMs: number
  /** Calls in flight; each number is measured separately. */
  readonly concurrencies: readonly number[]
  /** How many idle connections are opened to measure the memory of one. */
  readonly idleConnections: number
  readonly signal: AbortSignal
  readonly progress: Progress
}

export interface PerfResult extends Figures {
  readonly environment: Environment
  readonly ratios: Ratios
  readonly expected: readonly Expectation[]
}

/** The share of the time for connections; the rest is for calls. */
const connectionShare = 0.25
/** The share of the progress reserved for memory. */
const memoryShare = 0.15

/**
 * The cost of mTLS relative to plain HTTP: the same call over both, alternating, in one run. Always in strict mode.
 * Throws `CONFIG_INVALID`, what loading certificates and connecting throw, and `TOOL_FAILED`.
 */
export async function perfTest(options: PerfTestOptions): Promise<PerfResult> {
  const { servers, progress } = options
  progress(0, 'starting')
  if (servers.kind === 'own') await makeCertificateSet({ certDir: servers.certDir })
  const tls = servers.kind === 'own' ? { certDir: servers.certDir } : servers.tls
  const context = await clientContext(tls)
  const loaded = await measureUnderLoad(options, tls, context, part(progress, 0, 1 - memoryShare))
  const memory = await measureMemory(options, context, part(progress, 1 - memoryShare, 1))
  const figures: Figures = { handshakes: loaded.handshakes, calls: loaded.calls, memory }
  return {
    environment: loaded.environment,
    ...figures,
    ratios: ratios(figures),
    expected: expectations(figures),
  }
}

/**
 * Node's own client calls here, and its walk from a certificate to its issuers may never end unless it ends in a root.
 */
async function clientContext(tls: TlsOptions): Promise<SecureContext> {
  const material = await materialSource(parseTlsConfig(tls, 'client'), 'client').load(undefined)
  return secureContext(material, { ca: pemOf(material.anchors.filter(isSelfSigned)) })
}

/** Connections and calls, on the same servers. */
async function measureUnderLoad(
  options: PerfTestOptions,
  tls: TlsOptions,
  context: SecureContext,
  progress: Progress,
) {
  const { servers, durationMs, concurrencies, signal } = options
  await using targets = await openTargets(servers, tls, context, signal)
  const environment = environmentOf(options, targets.mtls)
  const used = async () => ({ machine: machineTime(), own: await cpuOf(targets) })
  const before = await used()
  const handshakes = await measureHandshakes(
    targets.all,
    durationMs * connectionShare,
    signal,
    part(progress, 0, connectionShare),
  )
  const calls = await measureCalls(
    targets.all,
    concurrencies,
    durationMs * (1 - connectionShare),
    signal,
    part(progress, connectionShare, 1),
  )
  const after = await used()
  const others = round(shareOfOthers(before.machine, after.machine, after.own - before.own), 2)
  const load_by_others = servers.kind === 'own' ? others : null
  return { environment: { ...environment, load_by_others }, handshakes, calls }
}

/** CPU of this process and of the servers it started, in microseconds. */
async function cpuOf({ all }: Targets): Promise<number> {
  const { user, system } = process.cpuUsage()
  const usages = await Promise.all(all.map(({ server }) => server?.usage()))
  return user + system + usages.reduce((sum, usage) => sum + (usage?.cpu ?? 0), 0)
}

/** Bytes per idle connection, each transport on a server that does nothing else; not measured for given servers. */
async function measureMemory(
  { servers, idleConnections, signal }: PerfTestOptions,
  context: SecureContext,
  progress: Progress,
): Promise<Figures['memory']> {
  if (servers.kind === 'given') return {}
  // A connection without TLS is so small that a few would be lost in the noise of the process, and opening more takes
  // little time.
  const plainConnections = Math.max(idleConnections, 1000)
  const [first, second] = [part(progress, 0, 0.5), part(progress, 0.5, 1)]
  const http = await memoryPerConnection('http', servers, undefined, plainConnections, signal, first)
  const mtls = await memoryPerConnection('mtls', servers, context, idleConnections, signal, second)
  return { http, mtls }
}

/** Converts the progress of one part to overall progress. */
function part(progress: Progress, from: number, to: number): Progress {
  return (done, what) => progress(from + (to - from) * Math.min(1, done), what)
}
