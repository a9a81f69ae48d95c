import type { Readable, Writable } from 'node:stream'
import type { BridgeOptions } from './bridge.js'
import type { FarServer } from './far-server.js'
import { joinClient } from './join.js'
import { StdioNear } from './stdio-near.js'

/** Joins the client on stdin and stdout to remote servers. Resolves when the client has gone, or the signal aborts. */
export async function bridgeStdio(
  input: Readable,
  output: Writable,
  servers: readonly [FarServer, ...FarServer[]],
  options: Omit<BridgeOptions, 'server'>,
  signal?: AbortSignal,
): Promise<void> {
  const joined = await joinClient(new StdioNear(input, output), servers, options)
  const close = () => void joined.close()
  signal?.addEventListener('abort', close, { once: true })
  await joined.start()
  if (signal?.aborted) close()
  await joined.closed
  signal?.removeEventListener('abort', close)
  for (const { fetch } of servers) void fetch.close() // what is still under way was given up
}
