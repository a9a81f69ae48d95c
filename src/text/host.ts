import { isIPv6 } from 'node:net'

/** A host as sockets and certificates have it: an IPv6 address without the brackets of a URL. */
export function bareHost(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1')
}

/** A host as it stands before a port or in a URL: an IPv6 address in brackets (RFC 3986 section 3.2.2). */
export function bracketedHost(host: string): string {
  return isIPv6(host) ? `[${host}]` : host
}
