import type { AskFailure, CallOutcome, Reply } from '../../../coordinator/index.js'
import { table } from '../../terminal/table.js'

/** What `ask --json` prints. */
export function replyJson({ answer, planner, calls, notices }: Reply): unknown {
  return {
    answer,
    planner,
    calls: calls.map(({ server, tool, arguments: given, outcome, durationMs, tls }) => ({
      server,
      tool,
      arguments: given,
      ok: outcome.ok,
      ...(outcome.ok ? { result: outcome.result } : { error: errorJson(outcome.failure) }),
      duration_ms: durationMs,
      tls: tls
        ? {
            version: tls.tlsVersion,
            cipher: tls.cipherSuite,
            key_exchange: tls.keyExchange ?? null,
            resumed: tls.resumed,
            verified: tls.verified,
            peer: tls.peer?.id,
          }
        : null,
    })),
    notices,
  }
}

export function errorJson({ code, message, hint }: AskFailure): Omit<AskFailure, 'kind'> {
  return { code, message, hint }
}

/** The plan, the timing and the TLS facts of each call, for people. */
export function planLines({ planner, calls }: Reply): string[] {
  const rows = calls.map((call) => [
    `  ${call.server}`,
    `${call.tool} ${JSON.stringify(call.arguments)}`,
    `${call.durationMs} ms`,
    call.outcome.ok ? 'ok' : call.outcome.failure.code,
    connectionText(call),
  ])
  return [
    `plan (${planner}): ${calls.map(({ purpose }) => purpose).join(', ') || 'nothing to call'}`,
    ...table(rows),
  ]
}

function connectionText({ tls }: CallOutcome): string {
  if (!tls) return 'no TLS connection'
  const { tlsVersion, cipherSuite, keyExchange, resumed, peer, verified } = tls
  const negotiated = [tlsVersion, cipherSuite, keyExchange, resumed ? 'resumed' : 'full handshake']
  return `${negotiated.filter(Boolean).join(' ')}, ${peer?.id ?? 'nobody'} ${verified ? 'verified' : 'NOT verified'}`
}
