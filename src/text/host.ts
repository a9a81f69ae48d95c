import { isIP } from 'node:net'

/** A host as sockets and certificates name it: an IPv6 address without the brackets of a URL. */
export function bare(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1')
}

/** A host as URLs name it: an IPv6 address in brackets. */
export function bracketed(host: string): string {
  return isIP(host) === 6 ? `[${host}]` : host
}

/** `host:port`, for people. */
export function hostPort({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${bracketed(host)}:${port}`
}
