import { connect } from '../../src/client/index.js'
import { makeWorld, serveTest, type World } from './world.js'

/**
 * A time limit for what goes on in a test beside what is to be late: ten times what a first call over mutual TLS takes
 * on this machine, as busy as it is now, and half a second. Milliseconds.
 */
export async function patience(): Promise<number> {
  await using world = await makeWorld()
  await firstCall(world) // what is loaded when it is first used is loaded now
  const begun = Date.now()
  await firstCall(world)
  return 500 + 10 * (Date.now() - begun)
}

async function firstCall({ tls }: World): Promise<void> {
  await using served = await serveTest({ tls })
  await using client = await connect({ serverUrl: served.server.url, tls, log: false })
  await client.callTool({ name: 'count', arguments: {} })
}
