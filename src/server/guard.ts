import type { IncomingMessage } from 'node:http'
import { validateHostHeader, validateOriginHeader } from '@modelcontextprotocol/server'
import { bracketed } from '../text/host.js'
import { urlIn } from '../text/url.js'
import { BoundedMap } from '../tls/bounded-map.js'

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

export type GuardedRequest = Pick<IncomingMessage, 'headers' | 'rawHeaders' | 'socket'> & {
  readonly url?: string | undefined
}

/** RFC 3986 section 3.2.2 and 3.2.3, as far as they have to do with hosts: nothing but a name or an address, and a port. */
const hostForm = /^(\[[\da-f:.]+\]|[^\s/?#@\\[\]:]+)(:\d*)?$/i

/**
 * Why this request must be refused, or undefined. Host and Origin keep out a browser that was lured here (DNS
 * rebinding), the only kind that could reach loopback without TLS.
 */
export function guardProblem(request: GuardedRequest, rules: GuardRules): string | undefined {
  const { headers, rawHeaders } = request
  if (hasTwoHosts(rawHeaders)) return 'the request has more than one Host header'
  if (headers.host !== undefined && !hostForm.test(headers.host)) return 'the Host header is no host'
  if (isForAnother(request)) return 'the request is for another host than its Host header'
  const problem = hostProblem(headers.host, rules)
  if (problem !== undefined) return problem
  const { origin } = headers
  if (!origin || isOwnOrigin(origin, request, rules) || isAllowedOrigin(origin, rules.allowedOrigins))
    return undefined
  const refused = validateOriginHeader(origin, [])
  return refused.ok ? undefined : refused.message
}

/** The name in a Host header, for headers that are a host: what is asked for is nearly always the same. */
const names = new BoundedMap<string, string>(100)

function hostProblem(
  header: string | undefined,
  { allowedHosts, coversHost }: GuardRules,
): string | undefined {
  const isOurs = (name: string) => allowedHosts.includes(name) || coversHost(name)
  const known = header === undefined ? undefined : names.get(header)
  if (known !== undefined && isOurs(known)) return undefined
  const host = validateHostHeader(header, [...allowedHosts])
  if (!host.ok && !(host.hostname && coversHost(host.hostname))) return host.message
  // `2130706433` is 127.0.0.1 to those who read it as a URL.
  if (host.hostname && !host.hostname.startsWith('[') && nameIn(header) !== host.hostname)
    return 'the Host header is no host'
  if (header !== undefined && host.hostname) names.set(header, host.hostname)
  return undefined
}

/** Whether pages of this origin may call the server: it is in the list, or its host name is. */
export function isAllowedOrigin(origin: string, allowedOrigins: readonly string[]): boolean {
  if (allowedOrigins.includes(origin)) return true
  const isSpelledRight = /^https?:/i.test(origin)
    ? browserOrigin(origin) !== undefined
    : /^[a-z][a-z\d+.-]*:\/\/[^\s/?#@,\\]+$/.test(origin)
  return isSpelledRight && validateOriginHeader(origin, [...allowedOrigins]).ok
}

/**
 * Whether it is the origin of this server: our scheme, a name we answer to, and the port we listen on, or the one in the
 * Host header: a balancer may listen on another. A page cannot choose the Host header, and what it says was accepted.
 */
function isOwnOrigin(origin: string, { headers, socket }: GuardedRequest, rules: GuardRules): boolean {
  const isTls = 'encrypted' in socket
  const url = browserOrigin(origin)
  if (url?.protocol !== (isTls ? 'https:' : 'http:') || url.hostname.endsWith('.')) return false
  if (!rules.allowedHosts.includes(url.hostname) && !rules.coversHost(url.hostname)) return false
  if (Number(url.port || (isTls ? 443 : 80)) === socket.localPort) return true
  return url.host === new URL(`${url.protocol}//${headers.host}`).host
}

/** An origin of the web in the one spelling that browsers send; its default port may be there. */
function browserOrigin(text: string): URL | undefined {
  const url = urlIn(text)
  if (!url) return undefined
  const standard = url.protocol === 'https:' ? ':443' : ':80'
  return text === url.origin || (url.port === '' && text === `${url.origin}${standard}`) ? url : undefined
}

function nameIn(host = ''): string {
  return host.replace(/:\d*$/, '').toLowerCase()
}

/** RFC 9112 section 3.2.2: the target may be a whole URL, whose host counts; applications look at the header. */
function isForAnother({ url = '/', headers }: GuardedRequest): boolean {
  const target = url.startsWith('/') ? undefined : urlIn(url)
  if (!target) return false
  const { protocol, host } = target
  return /^https?:$/.test(protocol) && host !== new URL(`${protocol}//${headers.host}`).host
}

/** RFC 9112 section 3.2 has such a request refused; Node takes the first of them. */
function hasTwoHosts(rawHeaders: readonly string[]): boolean {
  let hosts = 0
  for (let at = 0; at < rawHeaders.length; at += 2)
    if (rawHeaders[at]?.length === 4 && rawHeaders[at]?.toLowerCase() === 'host') hosts++
  return hosts > 1
}
