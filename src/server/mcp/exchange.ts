import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AuthInfo } from '@modelcontextprotocol/server'
import type { Call } from '../../auth/call.js'
import type { Standing } from '../../tls/peer/standing.js'
import { refusalBody } from '../../tls/rejection.js'
import { callerIn } from '../identity-of.js'
import type { Listener } from './oversight.js'
import type { PlainRequest } from './plain-request.js'

/** One HTTP request to `/mcp`, with all that is known of it once its body is parsed. */
export interface Inbound {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly authInfo: AuthInfo | undefined
  /** How the client's certificate stands, now and later; undefined without TLS. */
  readonly standing: Standing | undefined
  /** Undefined for requests without one. */
  readonly body: unknown
  /** Size of the body; 0 without one. */
  readonly bytesIn: number
  readonly calls: readonly Call[]
  /** Of a revision before 2026-07-28. */
  readonly isLegacy: boolean
  /** Where it is of the usual form. */
  readonly plain?: PlainRequest | undefined
}

/** A request on its way to what answers it. */
export interface Exchange extends Inbound {
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal
  /** For the SDK; without its body, which it gets parsed. Made when it is asked for: it costs as much as to parse a call. */
  readonly web: Request
}

export function exchangeOf(inbound: Inbound): Exchange {
  const { request, response } = inbound
  const signal = abortedWith(response)
  let web: Request | undefined
  return {
    ...inbound,
    signal,
    get web(): Request {
      web ??= webRequest(request, signal)
      return web
    },
  }
}

/** Aborted when the client goes away. */
export function abortedWith(response: ServerResponse): AbortSignal {
  const gone = new AbortController()
  if (response.destroyed) gone.abort()
  else response.once('close', () => gone.abort())
  return gone.signal
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

export function listenerOf({ authInfo, request }: Inbound): Listener {
  return { caller: callerIn(authInfo), address: request.socket.remoteAddress }
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
