import { isIPv6 } from 'node:net'
import { bare, bracketed, hostPort } from '../text/host.js'
import { withoutSecrets } from '../text/secrets.js'
import { urlIn } from '../text/url.js'
import { isLoopback } from './localhost.js'

// Parses a server address as people write it, and checks whether it may be used.

/** How hosts and URLs are judged. */
export interface Exposure {
  /** Is TLS on? */
  readonly tls: boolean
  readonly demoMode: boolean
  readonly demoAllowRemote: boolean
}

/**
 * Why this host may not be listened on or connected to; undefined when it may. Plain HTTP is limited to loopback on
 * purpose.
 */
export function exposureProblem(
  host: string,
  { tls, demoMode, demoAllowRemote }: Exposure,
): string | undefined {
  if (isLoopback(host)) return undefined
  if (!tls) return `${host}: without TLS only loopback is allowed (127.0.0.1, ::1, localhost)`
  if (demoMode && !demoAllowRemote)
    return `${host}: demo mode allows only loopback (127.0.0.1, ::1, localhost) unless demoAllowRemote (TLS_DEMO_ALLOW_REMOTE) is true`
  return undefined
}

/** The URL of an MCP server; one typed without a path means `/mcp`. Text that is not a URL is returned unchanged. */
export function withMcpPath(text: string): string {
  const url = /^https?:/i.test(text) ? urlIn(text) : undefined
  if (!url) return text
  const hasPath = url.pathname !== '/' || /[/\\]$/.test(text.replace(/[?#][\s\S]*$/, ''))
  if (hasPath) return text
  url.pathname = '/mcp'
  return url.href
}

/** Why a client may not call this URL; undefined when it may. */
export function serverUrlProblem(text: string, exposure: Exposure): string | undefined {
  const { tls } = exposure
  const url = urlIn(text)
  if (url === undefined && /^https?:\/\//i.test(text))
    return `${JSON.stringify(shownUrl(text))}: this is no URL: look at its host and its port (1 to 65535; IPv6 in brackets)`
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    const meant = urlMeant(text, tls)
    return meant === undefined
      ? `${JSON.stringify(shownUrl(text))}: allowed are https:// URLs${tls ? '' : ' with TLS on, http:// URLs with TLS off'}`
      : `${JSON.stringify(text)}: did you mean ${meant}?`
  }
  if (hasUser(url)) return `${shownUrl(text)}: a URL may hold no user and no password`
  if (tls && url.protocol === 'http:')
    return `${shownUrl(text)}: use https://, TLS is on and never falls back to plaintext`
  if (!tls && url.protocol === 'https:') return `${shownUrl(text)}: an https:// URL needs TLS, which is off`
  return exposureProblem(url.hostname, exposure)
}

/** Why calls may not be passed on to this URL; undefined when they may: plain HTTP does not leave this machine. */
export function upstreamProblem(text: string): string | undefined {
  const url = urlIn(text)
  const shown = shownUrl(text)
  if (!url || !/^https?:\/\//i.test(text))
    return `${JSON.stringify(shown)}: expected a URL, such as http://127.0.0.1:9000/mcp`
  if (hasUser(url)) return `${shown}: a URL may hold no user and no password`
  if (text.includes('#')) return `${shown}: a URL to call may hold no fragment (#)`
  if (url.protocol !== 'http:') return `${shown}: must start with http://, since this machine alone is called`
  if (!isLoopback(url.hostname)) return `${shown}: must be on loopback (127.0.0.1, ::1, localhost)`
  if (url.port === '0') return `${shown}: nothing can be called at port 0`
  return undefined
}

/** Why a third-party API may not be called at this URL; undefined when it may. */
export function serviceUrlProblem(text: string): string | undefined {
  const { protocol, hostname } = new URL(text)
  if (protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname))) return undefined
  return `${JSON.stringify(text)}: allowed are https:// URLs, and http:// on loopback`
}

/** The URL schemes that sockets accept. */
export function endpointOf({ protocol, hostname, port }: URL): {
  readonly host: string
  readonly port: number
} {
  return { host: bare(hostname), port: Number(port || (protocol === 'http:' ? 80 : 443)) }
}

/** `host:port` of a URL, for people; the port is always included. */
export function hostPortOf(url: URL): string {
  return hostPort(endpointOf(url))
}

/** `localhost:8443`, `10.0.0.1/mcp` → the URL that was meant; undefined when it is not a host with a port or a path. */
function urlMeant(text: string, tls: boolean): string | undefined {
  const full = `${tls ? 'https' : 'http'}://${bracketed(text)}`
  if (isIPv6(text)) return withMcpPath(full)
  if (!/^(\[[\da-f:.]+\]|[\w.-]+)(:\d+)?(\/[^\s]*)?$/i.test(text) || !/[.:/]|^localhost$/i.test(text))
    return undefined
  return urlIn(full) && withMcpPath(full)
}

const hasUser = ({ username, password }: URL) => username !== '' || password !== ''

/** A URL as messages show it: without user and password, even where its scheme is missing. */
function shownUrl(text: string): string {
  return withoutSecrets(text).replace(/^([a-z][a-z\d+.-]*:\/\/)?[^/?#]*@/i, '$1…@')
}
