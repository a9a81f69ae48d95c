import type { FetchLike } from '@modelcontextprotocol/client'
import { type Exchanging, fetchOver, plainFetch } from '../client/fetch.js'
import { withHeaders } from '../client/with-headers.js'
import { hostPortOf, type McpClientConfig } from '../config/index.js'
import { bare } from '../text/host.js'
import type { BridgeEvent, Tell } from './event.js'

/** A remote server, and how it is reached. Several clients may share it: each has its own session there. */
export interface FarServer {
  /** What people call it: the name of its entry, or its host. */
  readonly name: string
  readonly url: URL
  readonly fetch: FetchLike & Exchanging & { close(): Promise<void> }
  /** How often what was not sent is tried again. */
  readonly retryAttempts: number
  readonly maxAnswerBytes: number
  /** Time for the server to take a new session; milliseconds. */
  readonly startTimeout: number
}

/** Nothing is connected before it is used. Throws as reading certificates does. */
export function farServer(name: string, config: McpClientConfig, tell: Tell): FarServer {
  const { headers, serverUrl, timeoutMs, serverName, serverId, retryAttempts, maxAnswerBytes } = config
  const url = new URL(serverUrl)
  const relaxed = (message: string): BridgeEvent => ({ event: 'relaxed', message })
  const fetch = config.useTls
    ? fetchOver(config.tls, {
        serverName,
        serverId,
        connectTimeout: timeoutMs,
        handshakeTimeout: Math.min(5000, timeoutMs / 2),
        onSecurityEvent: (event) => {
          if (event.event === 'verification-relaxed')
            tell(relaxed(`demo mode: not verified (${event.relaxed.join(', ')})`))
        },
      })
    : plainFetch()
  return {
    name,
    url,
    fetch: withHeaders(fetch, headers),
    retryAttempts,
    maxAnswerBytes,
    startTimeout: timeoutMs,
  }
}

/** What a server is called whose name nobody has given: by its host; where another is called so, with its port, and a number. */
export function freeName(url: URL, isTaken: (name: string) => boolean): string {
  const names = [bare(url.hostname), hostPortOf(url)]
  for (let number = 2; names.every(isTaken); number++) names.push(`${hostPortOf(url)}-${number}`)
  return names.find((name) => !isTaken(name)) ?? url.host
}
