import type { IncomingMessage, ServerResponse } from 'node:http'
import { isAllowedOrigin } from './guard.js'

// CORS (https://fetch.spec.whatwg.org/#http-cors-protocol): which pages of a browser may read our answers.

/** What MCP clients read of an answer beyond what browsers show to every page. */
const exposedHeaders = 'Mcp-Session-Id, Mcp-Protocol-Version, Retry-After, WWW-Authenticate'

/** What MCP clients send beyond what browsers let every page send; `Mcp-Param-…` beside them. */
const requestHeaders: ReadonlySet<string> = new Set([
  'content-type',
  'accept',
  'authorization',
  'last-event-id',
  'mcp-session-id',
  'mcp-protocol-version',
  'mcp-method',
  'mcp-name',
])

/** Seconds for which a browser need not ask again. */
const maxAge = '600'

/**
 * Lets pages of the allowed origins read the answer, whatever it will be, and tells caches that answers differ. Whether
 * the request comes from such a page. Nobody else gets a header: the own origin needs none.
 */
export function allowCors(
  { headers: { origin } }: IncomingMessage,
  response: ServerResponse,
  allowedOrigins: readonly string[],
): boolean {
  if (allowedOrigins.length === 0) return false
  response.setHeader('vary', 'Origin')
  if (!origin || !isAllowedOrigin(origin, allowedOrigins)) return false
  response.setHeader('access-control-allow-origin', origin)
  // A client certificate is a credential, and without this no answer to one can be read.
  response.setHeader('access-control-allow-credentials', 'true')
  response.setHeader('access-control-expose-headers', exposedHeaders)
  return true
}

/** Whether a browser asks what a page may send, before it sends it. */
export function isPreflight({ method, headers }: IncomingMessage): boolean {
  return method === 'OPTIONS' && headers['access-control-request-method'] !== undefined
}

/** Answers a preflight of an allowed origin: the methods of the path, and of the headers asked for those of MCP. */
export function answerPreflight(
  { headers }: IncomingMessage,
  response: ServerResponse,
  methods: readonly string[],
): void {
  const allowed = askedHeaders(headers['access-control-request-headers']).filter(isRequestHeader)
  response.setHeader('access-control-allow-methods', methods.join(', '))
  if (allowed.length > 0) response.setHeader('access-control-allow-headers', allowed.join(', '))
  response.setHeader('access-control-max-age', maxAge)
  response.writeHead(204).end()
}

function askedHeaders(list: string | string[] | undefined): string[] {
  return [
    ...new Set(
      String(list ?? '')
        .split(',')
        .map((name) => name.trim().toLowerCase()),
    ),
  ]
}

function isRequestHeader(name: string): boolean {
  return requestHeaders.has(name) || /^mcp-param-[\w!#$%&'*+.^`|~-]+$/.test(name)
}
