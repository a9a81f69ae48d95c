import type { IncomingHttpHeaders } from 'node:http'

// Which headers pass. What clients send passes, their own `X-…`, `Authorization` and `Cookie` too, so that a server
// behaves as when it is called directly; not what follows.

/** RFC 9110 section 7.6.1: they are about one connection, and so are those that `Connection` names. */
const ofConnection = /^(connection|keep-alive|te|trailer|transfer-encoding|upgrade|http2-settings|proxy-.*)$/

/**
 * About the message, which is written anew: its length, coding and digests. `Accept-Encoding`: answers are read on the way.
 * `Host`: the server behind gets its own, by which it tells lured browsers (DNS rebinding).
 */
const ofMessage = /^(content-.*|expect|host|accept-encoding)$/

/**
 * By which a browser tells of its page. The gate has judged the page; the server behind knows only its own address, and
 * would refuse all.
 */
const ofBrowser = /^(origin|referer|sec-.*|access-control-.*)$/

/** By which proxies say who calls: ours, and those of others, which a server on loopback may believe. */
const ofProxy =
  /^((x-)?client-.*|(x-)?forwarded.*|x-real-ip|x-cluster-client-ip|true-client-ip|(x-)?remote-.*|(x-)?ssl-.*|x-http-method|x-user(-.*)?|x-(auth-request|authenticated|authentik|webauth|arr|amzn|apigee|appengine|azure|cert|consumer|credential|envoy|goog|http-method|jwt|method|ms-client|ms-token|original|pomerium|rewrite|spiffe|tls|token)-.*|(x-)?teleport-.*|(cf|tailscale|fastly)-.*)$/

/**
 * Letters, digits and `-`, as nginx has it too: many servers take `X_Client_Identity` and `Mcp_Session_Id` for the names
 * with `-`. Names of parameters (2026-07-28) may hold all that a header may, and cannot be taken for others.
 */
const plainName = /^([a-z\d-]+|mcp-param-.+)$/

/** As a header may hold it, in bytes. */
const headerValue = /^[\t\x20-\x7e\x80-\xff]*$/

/** Who calls, as the gate has it. */
export interface Told {
  readonly id: string
  /** The verified leaf, DER; undefined for what demo mode let pass. */
  readonly leaf: Buffer | undefined
}

/** The headers of a request for the server behind: those of the client that may pass, and who calls. */
export function requestHeaders(headers: IncomingHttpHeaders, told: Told | undefined): Record<string, string> {
  const isDropped = droppedBy(headers.connection)
  const passed = Object.entries(headers).filter(
    ([name, value]) =>
      typeof value === 'string' &&
      plainName.test(name) &&
      !isDropped(name) &&
      ![ofMessage, ofBrowser, ofProxy].some((names) => names.test(name)),
  ) as [string, string][]
  return { ...Object.fromEntries(passed), 'accept-encoding': 'identity', ...(told && identityHeaders(told)) }
}

/** `Client-Cert` as RFC 9440 section 2.2 has it. */
export function identityHeaders({ id, leaf }: Told): Record<string, string> {
  return {
    'x-client-identity': percentEncoded(id),
    ...(leaf && { 'client-cert': `:${leaf.toString('base64')}:` }),
  }
}

function percentEncoded(id: string): string {
  return Array.from(Buffer.from(id), (byte) =>
    byte >= 0x21 && byte <= 0x7e && byte !== 0x25
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
  ).join('')
}

/**
 * Set by the gate, or only true of the server behind: what browsers may read, and which other ways lead to this host.
 */
const ofHost = /^(access-control-.*|vary|alt-svc|strict-transport-security|content-length)$/

/** The headers of an answer for the client. `Mcp-Session-Id` among them: whose session it is has to be judged. */
export function answerHeaders(headers: Readonly<Record<string, string | string[] | undefined>>): Headers {
  const isDropped = droppedBy(headers.connection)
  const passed = new Headers()
  for (const [name, values = []] of Object.entries(headers)) {
    if (isDropped(name) || ofHost.test(name)) continue
    for (const value of [values].flat()) if (headerValue.test(value)) passed.append(name, value)
  }
  return passed
}

function droppedBy(connection: string | string[] | undefined): (name: string) => boolean {
  const named = [connection ?? []].flat().flatMap((list) => list.toLowerCase().split(','))
  const names = new Set(named.map((name) => name.trim()))
  return (name) => ofConnection.test(name) || names.has(name)
}
