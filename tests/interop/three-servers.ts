import { expect } from 'vitest'
import { type RunningServer, type ServeOptions, serve } from '../../src/server/index.js'
import { type BuiltInServerName, builtInServers } from '../../src/servers/index.js'
import { makeWorld, type World } from '../support/world.js'

export interface ThreeServers extends AsyncDisposable {
  readonly world: World
  readonly servers: Readonly<Record<BuiltInServerName, RunningServer>>
}

/** The servers of this package over mTLS on free ports, in a world of their own. */
export async function threeServers(options: Partial<ServeOptions> = {}): Promise<ThreeServers> {
  const world = await makeWorld()
  const start = (name: BuiltInServerName) =>
    serve(builtInServers[name].create({ weatherProvider: 'simulated' }), {
      name: `${name}-${crypto.randomUUID()}`,
      tlsPort: 0,
      tls: world.tls,
      log: false,
      ...options,
    })
  const [weather, datetime, echo] = await Promise.all([start('weather'), start('datetime'), start('echo')])
  return {
    world,
    servers: { weather, datetime, echo },
    [Symbol.asyncDispose]: async () => {
      await Promise.all([weather, datetime, echo].map((server) => server.close({ drainTimeout: 0 })))
      await world[Symbol.asyncDispose]()
    },
  }
}

/** One call of every tool, with something its answer must have. */
export const everyTool = [
  ['weather', 'getTemperature', { city: 'Kathmandu' }, { source: 'simulated', unit: 'C' }],
  ['weather', 'getForecast', { city: 'Oslo', days: 2 }, { source: 'simulated', country: expect.any(String) }],
  ['datetime', 'getDateTime', { city: 'Kathmandu' }, { utc_offset: '+05:45' }],
  ['datetime', 'convertTime', { time: '12:00', from: 'UTC', to: 'Asia/Tokyo' }, { to: expect.any(Object) }],
  ['echo', 'echo', { text: 'hello' }, { echo_text: 'hello' }],
  ['echo', 'whoami', {}, { id: 'cn:mcp-client', verified: true }],
] as const satisfies readonly (readonly [BuiltInServerName, string, object, object])[]
