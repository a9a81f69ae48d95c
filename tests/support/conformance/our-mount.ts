import { type ServeOptions, serve } from '../../../src/server/index.js'
import { makeWorld } from '../world.js'
import { forwarder } from './forwarder.js'
import type { Factory, Mounted } from './stock-mounts.js'

/** The same server in `serve`, over mutual TLS; the URL is that of a forwarder, which shows a client's certificate. */
export async function ours(factory: Factory, { sessions }: { readonly sessions: boolean }): Promise<Mounted> {
  const world = await makeWorld()
  const options: ServeOptions = {
    name: `conformance-${crypto.randomUUID()}`,
    tlsPort: 0,
    tls: world.tls,
    log: false,
    ...(sessions && { sessions }),
  }
  const server = await serve(() => factory(() => server.notify), options)
  const { ca, client } = world
  const front = await forwarder(server.url, { ca: ca.cert, cert: client.cert, key: client.key })
  return {
    url: front.url,
    [Symbol.asyncDispose]: async () => {
      await front[Symbol.asyncDispose]()
      await server.close({ drainTimeout: 0 })
      await world[Symbol.asyncDispose]()
    },
  }
}
