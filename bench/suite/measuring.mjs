// How every part of the suite measures.
import { once } from 'node:events'
import { onPipes, ServerChild } from '../server-child.mjs'
import { caller, inSession, pipeCaller } from '../wire.mjs'

/**
 * What a value is of. Rounds add one value each, in the same order for all: the values of one round belong together.
 * @typedef {{ figure: string, unit: string, of: string, at: string }} Label
 */
/** @typedef {(label: Label, value?: number) => void} Add without a value: this one will come, here in the order */
/**
 * A block of rounds: its processes are its own, since one process may be luckier than another for as long as it lives.
 * @typedef {object} Block
 * @property {string} certDir
 * @property {number} rounds
 * @property {boolean} short whether only the shape of the result matters
 * @property {Add} add
 */

/**
 * Each item takes its turn in every round, and another one comes first each time. The first rounds warm up: of what
 * they add only the order counts.
 * @template Item
 * @param {Block} block @param {readonly Item[]} items @param {(item: Item, add: Add) => Promise<void>} turn
 */
export async function inTurns({ rounds, short, add }, items, turn) {
  const warmUps = short ? 1 : 3
  for (let round = 0; round < warmUps + rounds; round++)
    for (let place = 0; place < items.length; place++) {
      const item = /** @type {Item} */ (items[(place + round) % items.length])
      await turn(item, round < warmUps ? (label) => add(label) : add)
    }
}

/** @typedef {import('../server-child.mjs').Served & { name: string, at?: string, path?: string, inSession?: boolean }} Named `at`: what is varied; `path`: where it is called, `/mcp` without it */
/** @typedef {Named & { child: ServerChild, client: import('../wire.mjs').Caller }} Serving */

export const inFlight = 16

/**
 * Starts the servers, and ends them after use, however that goes.
 * @param {readonly Named[]} wanted @param {(servers: Serving[]) => Promise<void>} use
 */
export async function withServers(wanted, use) {
  /** @type {Serving[]} */
  const servers = []
  try {
    for (const served of wanted) {
      const child = await ServerChild.start(served)
      servers.push({ ...served, child, client: await clientOf(served, child) })
    }
    await use(servers)
  } finally {
    for (const { client, child } of servers) {
      const ended = once(child.child, 'exit')
      client.close()
      child.stop()
      await ended // its memory and its CPU are nobody else's from here on
    }
  }
}

/** @param {Named} served @param {ServerChild} child */
async function clientOf(served, child) {
  if (onPipes(served)) return pipeCaller(child.child)
  const client = caller(new URL(served.path ?? '/mcp', child.url).href, served.certDir, inFlight)
  return served.inSession ? inSession(client) : client
}

/**
 * So many calls, some in flight at any time.
 * @param {Serving} server @param {import('../messages.mjs').Message} message @param {number} calls
 */
export async function load({ child, client }, message, calls, concurrency = inFlight) {
  const run = async (/** @type {number} */ count) => {
    let left = count
    const worker = async () => {
      while (left-- > 0) await client.call(message)
    }
    await Promise.all(Array.from({ length: concurrency }, worker))
  }
  await run(concurrency) // connections that a server has ended are opened again
  const before = await child.usageCollected()
  const begun = performance.now()
  await run(calls)
  const seconds = (performance.now() - begun) / 1000
  const after = await child.usage()
  return { cpu: (after.cpu - before.cpu) / calls, perSecond: calls / seconds }
}

/** Milliseconds of each of so many calls, one after the other. @param {Serving} server @param {import('../messages.mjs').Message} message @param {number} calls */
export async function latencies({ client }, message, calls) {
  const times = []
  for (let call = 0; call < calls; call++) {
    const begun = performance.now()
    await client.call(message)
    times.push(performance.now() - begun)
  }
  return times
}
