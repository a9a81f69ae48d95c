import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AuthInfo } from '@modelcontextprotocol/server'
import type { Call } from '../../auth/call.js'
import type { Standing } from '../../tls/peer/standing.js'
import { refusalBody } from '../../tls/rejection.js'

/** One HTTP request to `/mcp`, with all that is known of it once its body is parsed. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly authInfo: AuthInfo | undefined
  /** How the client's certificate stands, now and later; undefined without TLS. */
  readonly standing: Standing | undefined
  /** Undefined for requests without one. */
  readonly body: unknown
  readonly calls: readonly Call[]
  /** Of a revision before 2026-07-28. */
  readonly isLegacy: boolean
  /** For the SDK; without its body, which it gets parsed. Aborted when the client goes away. */
  readonly web: Request
}

/** For the SDK: without its body. */
export function webRequest(request: IncomingMessage, signal: AbortSignal): Request {
  const headers = new Headers()
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value)
  }
  const secure = 'encrypted' in request.socket
  const url = `${secure ? 'https' : 'http'}://${request.headers.host ?? 'localhost'}${request.url ?? '/'}`
  return new Request(url, { method: request.method ?? 'GET', headers, signal })
}

/** An answer in the format of MCP to a request that is not a call of its own. */
export function refusal(
  status: number,
  code: number,
  message: string,
  headers: Record<string, string> = {},
): Response {
  const error = { jsonrpc: '2.0', error: { code, message }, id: null }
  return Response.json(error, { status, headers })
}

/** An answer to one who has as much as it may. */
export function tooMany(message: string): Response {
  const headers = { 'content-type': 'application/json', 'retry-after': '1' }
  return new Response(refusalBody('RATE_LIMITED', message), { status: 429, headers })
}
