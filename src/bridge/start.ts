import type { Readable, Writable } from 'node:stream'
import { fetchOver, plainFetch } from '../client/fetch.js'
import type { McpClientConfig } from '../config/index.js'
import { Bridge, type BridgeEvent } from './bridge.js'
import { StdioNear } from './stdio-near.js'

export interface StdioBridgeOptions {
  readonly config: McpClientConfig
  readonly headers: Readonly<Record<string, string>>
  /** How long `initialize` waits for the server before it is answered without it; milliseconds. */
  readonly early: number
  readonly tell: (event: BridgeEvent) => void
}

/** Joins the client on stdin and stdout to a remote server. Resolves when the client has gone, or the signal aborts. */
export async function bridgeStdio(
  input: Readable,
  output: Writable,
  { config, headers, early, tell }: StdioBridgeOptions,
  signal?: AbortSignal,
): Promise<void> {
  const { serverUrl, timeoutMs, serverName, serverId, retryAttempts, maxAnswerBytes } = config
  const fetch = config.useTls
    ? fetchOver(config.tls, {
        serverName,
        serverId,
        connectTimeout: timeoutMs,
        handshakeTimeout: Math.min(5000, timeoutMs / 2),
        onSecurityEvent: (event) => {
          if (event.event === 'verification-relaxed')
            tell({ event: 'relaxed', message: `demo mode: not verified (${event.relaxed.join(', ')})` })
        },
      })
    : plainFetch()
  const bridge = new Bridge(new StdioNear(input, output), {
    url: new URL(serverUrl),
    fetch,
    headers,
    retryAttempts,
    maxAnswerBytes,
    startTimeout: timeoutMs,
    early,
    tell,
  })
  const close = () => void bridge.close()
  signal?.addEventListener('abort', close, { once: true })
  await bridge.start()
  if (signal?.aborted) close()
  await bridge.closed
  signal?.removeEventListener('abort', close)
  void fetch.close() // what is still under way was given up
}
