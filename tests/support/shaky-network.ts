import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

export interface ShakyNetwork {
  /** The same URL, over this network. */
  readonly url: string
  /** Ends all connections and takes no more, until `comeBack`. */
  goAway(): Promise<void>
  comeBack(): Promise<void>
  /** Passes nothing on that comes over the connections there are: neither side hears of it, as when a machine sleeps. */
  swallow(): void
  /** Ends all connections with a reset. */
  reset(): void
  /** Says something to the client in the server's place, which cannot have its key. */
  corrupt(): void
  /** Connections that came. */
  connections(): number
}

/** What lies between a client and a server on this machine. */
export async function shakyNetwork(url: string): Promise<ShakyNetwork> {
  const through = new URL(url)
  const far = Number(through.port)
  const pairs = new Set<readonly [near: Socket, far: Socket]>()
  let count = 0
  const server = createServer((near) => {
    count++
    const pair = [near, connect(far, '127.0.0.1')] as const
    pairs.add(pair)
    near.pipe(pair[1]).pipe(near)
    for (const socket of pair)
      socket
        .on('error', () => {})
        .once('close', () => {
          for (const each of pair) each.destroy()
          pairs.delete(pair)
        })
  })
  const listen = (port: number) => once(server.listen(port, '127.0.0.1'), 'listening')
  await listen(0)
  const { port } = server.address() as AddressInfo
  through.port = String(port)
  const end = async () => {
    const closed = server.listening ? new Promise((done) => server.close(done)) : undefined
    for (const [near] of pairs) near.destroy()
    await closed
  }
  onTestFinished(end)
  return {
    url: through.href,
    goAway: end,
    comeBack: async () => void (await listen(port)),
    swallow: () => {
      for (const [near, far] of pairs) {
        near.unpipe(far)
        far.unpipe(near)
        for (const socket of [near, far]) socket.resume()
      }
    },
    reset: () => {
      for (const [near] of pairs) near.resetAndDestroy()
    },
    corrupt: () => {
      for (const [near, far] of pairs) {
        far.unpipe(near)
        near.write(Buffer.from('1703030020'.padEnd(74, '5a'), 'hex')) // a TLS record that nobody has encrypted
      }
    },
    connections: () => count,
  }
}
