// What one call costs over HTTP and over mTLS: Node's floor, the SDK as it comes, and ours.
import { median, percentile } from '../figures.mjs'
import { echoCall, eras } from '../messages.mjs'
import { inTurns, latencies, load, withServers } from './measuring.mjs'

/** @param {import('./measuring.mjs').Block} block */
export async function calls(block) {
  const { certDir, short } = block
  const kinds = /** @type {const} */ (['bare', 'stock', 'ours'])
  const servers = kinds.flatMap((kind) =>
    /** @type {const} */ (['http', 'mtls']).map((transport) => {
      const name = `${kind} ${transport === 'http' ? 'HTTP' : 'mTLS'}`
      return { name, kind, transport, certDir }
    }),
  )
  await withServers(servers, (all) =>
    inTurns(block, all, async (server, add) => {
      for (const at of eras) {
        const label = (/** @type {string} */ figure, /** @type {string} */ unit) => ({
          figure,
          unit,
          of: server.name,
          at,
        })
        const times = await latencies(server, echoCall(at), short ? 20 : 100)
        add(label('time of a call, p50', 'ms'), median(times))
        add(label('time of a call, p99', 'ms'), percentile(times, 0.99))
        const { cpu, perSecond } = await load(server, echoCall(at), short ? 50 : 400)
        add(label('CPU of the server per call', 'µs'), cpu)
        add(label('calls per second', '1/s'), perSecond)
      }
    }),
  )
}
