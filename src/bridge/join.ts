import type { Transport } from '@modelcontextprotocol/server'
import { Bridge, type BridgeOptions, type Joined } from './bridge.js'
import type { FarServer } from './far-server.js'

/** Joins one client to remote servers, which it sees as one. */
export function joinClient(
  client: Transport,
  [server, ...others]: readonly [FarServer, ...FarServer[]],
  options: Omit<BridgeOptions, 'server'>,
): Joined {
  if (others.length > 0) throw new Error('one server for now')
  return new Bridge(client, { server, ...options })
}
