// What a policy and a record of calls add to a call: a thousand rules, one line for each call.
import { echoCall, eras } from '../messages.mjs'
import { inTurns, load, withServers } from './measuring.mjs'

/** @param {import('./measuring.mjs').Block} block */
export async function authorization(block) {
  const { certDir, short } = block
  const usual = /** @type {const} */ ({ kind: 'ours', certDir })
  const servers = [
    { ...usual, name: 'neither' },
    { ...usual, name: 'policy', rules: 1000 },
    { ...usual, name: 'record', recorded: true },
    { ...usual, name: 'policy and record', rules: 1000, recorded: true },
  ]
  await withServers(servers, (all) =>
    inTurns(block, all, async (server, add) => {
      for (const at of eras) {
        const { cpu, perSecond } = await load(server, echoCall(at), short ? 50 : 1000)
        add({ figure: 'CPU of the server per call', unit: 'µs', of: server.name, at }, cpu)
        add({ figure: 'calls per second', unit: '1/s', of: server.name, at }, perSecond)
      }
    }),
  )
}
