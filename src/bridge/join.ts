import type { Transport } from '@modelcontextprotocol/server'
import { Bridge, type Joined, type JoinOptions } from './bridge.js'
import type { FarServer } from './far-server.js'

/** Joins one client to remote servers, which it sees as one. */
export async function joinClient(
  client: Transport,
  servers: readonly [FarServer, ...FarServer[]],
  options: JoinOptions,
): Promise<Joined> {
  const [server, ...others] = servers
  if (others.length === 0) return new Bridge(client, server, options)
  const { Many } = await import('./many/many.js')
  return new Many(client, servers, options)
}
