import type { Observation } from '../probe/connect/observe.js'
import { type HealthAnswer, readHealth, readRefusals } from './server-answers.js'
import type { Level, ServerState, ServerStatus } from './snapshot.js'

const levelOfState: Readonly<Record<ServerState, Level>> = {
  up: 'ok',
  degraded: 'warning',
  draining: 'warning',
  refusing: 'critical',
  untrusted: 'critical',
  unreachable: 'critical',
  unknown: 'critical',
}

const latenciesKept = 60

/** A server that has not been checked yet. */
export function unseen(name: string, url: string, now: Date): ServerStatus {
  return {
    name,
    url,
    state: 'unknown',
    level: 'ok',
    since: now.toISOString(),
    problem: null,
    latency_ms: null,
    latencies_ms: [],
    tls: null,
    identity: null,
    certificate: null,
    health: null,
    refused: null,
  }
}

/** The state of a server after this observation, given its state before. */
export function afterObservation(before: ServerStatus, observed: Observation, now: Date): ServerStatus {
  const answer = observed.outcome === 'answered' ? readHealth(observed.health.body) : undefined
  const { state, problem } = judged(observed, answer)
  const latency = observed.outcome === 'answered' ? Math.round(observed.latencyMs * 10) / 10 : null
  const { connection } = observed
  const { peer, peerCertificate } = connection ?? {}
  return {
    name: before.name,
    url: before.url,
    state,
    level: levelOfState[state],
    since: state === before.state ? before.since : now.toISOString(),
    problem,
    latency_ms: latency,
    latencies_ms: [...before.latencies_ms, latency].slice(-latenciesKept),
    tls: connection
      ? {
          version: connection.tlsVersion ?? null,
          cipher: connection.cipherSuite ?? null,
          key_exchange: connection.keyExchange ?? null,
        }
      : null,
    identity: peer ? { id: peer.id, verified: peer.verified } : null,
    // The certificate it showed last still needs renewing while the server is away.
    certificate: peerCertificate
      ? {
          fingerprint256: peerCertificate.fingerprint256,
          not_after: peerCertificate.notAfter.toISOString(),
        }
      : before.certificate,
    health: answer?.health ?? null,
    refused:
      (observed.outcome === 'answered' && observed.metrics && readRefusals(observed.metrics.body)) ||
      before.refused,
  }
}

function judged(
  observed: Observation,
  answer: HealthAnswer | undefined,
): Pick<ServerStatus, 'state' | 'problem'> {
  if (observed.outcome !== 'answered') {
    const { code, message, hint } = observed.error
    return {
      state: observed.outcome === 'blind' ? 'unknown' : observed.outcome,
      problem: { code, message, hint },
    }
  }
  if (answer?.health.status === 'draining') return { state: 'draining', problem: null }
  if (answer?.health.status === 'degraded')
    return {
      state: 'degraded',
      problem: {
        code: 'DEGRADED',
        message: answer.complaints.join('; ') || 'it says so itself',
        hint: wayOut(answer.codes),
      },
    }
  return { state: 'up', problem: null }
}

/** By what is wrong: where its policy or its record alone is, its certificates are not worth a look. */
function wayOut(codes: readonly string[]): string {
  const hints = [...new Set(codes)].map((code) => (Object.hasOwn(ways, code) ? ways[code] : undefined))
  return hints.length > 0 && hints.every((hint) => hint !== undefined)
    ? hints.join(' ')
    : 'Look at its log, and at its certificates: `mcp-mtls cert-check`.'
}

const ways: Readonly<Record<string, string>> = {
  POLICY_INVALID: 'Correct its policy: `mcp-mtls policy check FILE`.',
  AUDIT_FAILED: 'Look at its log, and at the disk of its record of calls: room, permissions.',
}
