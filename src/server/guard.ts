import type { IncomingMessage } from 'node:http'
import { validateHostHeader, validateOriginHeader } from '@modelcontextprotocol/server'
import { bracketed } from '../text/host.js'

export interface GuardRules {
  /** Host names a request may be addressed to, without port; IPv6 in brackets. */
  readonly allowedHosts: readonly string[]
  /** Whether the server's own certificate contains a name. */
  readonly coversHost: (host: string) => boolean
  /** Origins (`https://app.example`) or their host names; without an `Origin` header there is nothing to check. */
  readonly allowedOrigins: readonly string[]
}

export const loopbackNames: readonly string[] = ['localhost', '127.0.0.1', '[::1]']

export const loopbackOnly: GuardRules = {
  allowedHosts: loopbackNames,
  coversHost: () => false,
  allowedOrigins: [],
}

/** Host names as people write them, in the spelling a `Host` header is read in. */
export function hostNames(names: readonly string[]): string[] {
  return names.map((name) => bracketed(name).toLowerCase())
}

/**
 * Why this request must be refused, or undefined. Host and Origin keep out a browser that was lured here (DNS
 * rebinding), the only kind that could reach loopback without TLS.
 */
export function guardProblem(
  { headers, rawHeaders }: Pick<IncomingMessage, 'headers' | 'rawHeaders'>,
  rules: GuardRules,
): string | undefined {
  if (hasTwoHosts(rawHeaders)) return 'the request has more than one Host header'
  const host = validateHostHeader(headers.host, [...rules.allowedHosts])
  if (!host.ok && !(host.hostname && rules.coversHost(host.hostname))) return host.message
  if (headers.origin !== undefined && rules.allowedOrigins.includes(headers.origin)) return undefined
  const origin = validateOriginHeader(headers.origin, [...rules.allowedOrigins])
  return origin.ok ? undefined : origin.message
}

/** RFC 9112 section 3.2 has such a request refused; Node takes the first of them. */
function hasTwoHosts(rawHeaders: readonly string[]): boolean {
  let hosts = 0
  for (let at = 0; at < rawHeaders.length; at += 2) if (rawHeaders[at]?.toLowerCase() === 'host') hosts++
  return hosts > 1
}
