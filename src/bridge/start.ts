import type { Readable, Writable } from 'node:stream'
import type { ListenPlace } from '../config/index.js'
import type { JoinOptions, Started } from './bridge.js'
import type { FarServer } from './far-server.js'
import { joinClient } from './join.js'
import { StdioNear } from './stdio-near.js'

/** Where the clients of a bridge are: one at these streams, or any number at a loopback address. */
export type Near = { readonly input: Readable; readonly output: Writable } | ListenPlace

/** Joins local clients to remote servers, from now on: until it is closed, its one client has gone, or the signal aborts. */
export async function startBridge(
  near: Near,
  servers: readonly [FarServer, ...FarServer[]],
  options: JoinOptions,
  signal?: AbortSignal,
): Promise<Started> {
  const letGo = () => {
    for (const { fetch } of servers) void fetch.close() // what is still under way was given up
  }
  const started = await open(near, servers, options).catch((error) => {
    letGo()
    throw error
  })
  const close = () => void started.close()
  signal?.addEventListener('abort', close, { once: true })
  if (signal?.aborted) close()
  void started.closed.then(() => {
    signal?.removeEventListener('abort', close)
    letGo()
  })
  return started
}

async function open(
  near: Near,
  servers: readonly [FarServer, ...FarServer[]],
  options: JoinOptions,
): Promise<Started> {
  if (!('input' in near))
    return (await import('./listen/local-server.js')).listenLocally(servers, near, options)
  const joined = await joinClient(new StdioNear(near.input, near.output), servers, options)
  await joined.start()
  return joined
}
