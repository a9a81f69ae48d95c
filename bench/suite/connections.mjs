// What a connection costs the server beside bare `node:https`: to set up, and to keep.
import { echoCall } from '../messages.mjs'
import { inTurns, load, withServers } from './measuring.mjs'
import { handshakeCost, opener } from './opened.mjs'

/** The gate before the listener that bare Node has as well. @param {string} certDir */
const both = (certDir) => [
  { name: 'bare', kind: /** @type {const} */ ('bare'), certDir },
  { name: 'gate', kind: /** @type {const} */ ('gate'), certDir },
]

/** @param {import('./measuring.mjs').Block} block */
export async function handshakes(block) {
  const { certDir, short } = block
  const open = opener(certDir)
  await withServers(both(certDir), (servers) =>
    inTurns(block, servers, async ({ name: of, child }, add) => {
      for (const at of ['full', 'resumed']) {
        const cpu = await handshakeCost(child, open, at === 'resumed', short ? 8 : 80)
        add({ figure: 'CPU of the server per handshake', unit: 'µs', of, at }, cpu)
        add({ figure: 'handshakes per CPU-second', unit: '1/s', of, at }, 1e6 / cpu)
      }
    }),
  )
}

/** Each round has servers of its own. @param {import('./measuring.mjs').Block} block */
export async function connections({ certDir, rounds, short, add }) {
  const open = opener(certDir)
  const levels = short ? [0, 50, 100] : [0, 1000, 4000]
  const order = both(certDir)
  for (let round = 0; round < rounds; round++, order.reverse())
    for (const kind of order)
      await withServers([kind], async ([server]) => {
        if (!server) return
        const { name: of, child } = server
        // What the first connections and calls set up once is not counted, nor is the time in which code gets fast.
        for (let count = 0; count < (short ? 10 : 300); count++) (await open(child.port)).socket.destroy()
        await load(server, echoCall(), short ? 50 : 3000)
        /** @type {import('node:tls').TLSSocket[]} */
        const sockets = []
        let empty = 0
        for (const level of levels) {
          const at = String(level)
          while (sockets.length < level) {
            const more = Array.from({ length: Math.min(10, level - sockets.length) }, () => open(child.port))
            for (const { socket } of await Promise.all(more)) sockets.push(socket)
          }
          const { rss } = await child.usageCollected()
          if (level === 0) empty = rss
          else add({ figure: 'memory per idle connection', unit: 'kB', of, at }, (rss - empty) / level / 1000)
          add({ figure: 'memory of the server', unit: 'MB', of, at }, rss / 1e6)
          const { cpu } = await load(server, echoCall(), short ? 50 : 1000)
          add({ figure: 'CPU of the server per call', unit: 'µs', of, at }, cpu)
        }
        const lost = sockets.filter(({ destroyed }) => destroyed).length
        for (const socket of sockets) socket.destroy()
        if (lost > 0) throw new Error(`${lost} connections did not stay open`)
      })
}
