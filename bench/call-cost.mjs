// What one call costs over HTTP, over mTLS, and over mTLS with nothing of ours, in turns so that a noisy
// machine disturbs all alike.
import { median, percentile, round } from './figures.mjs'
import { ServerChild } from './server-child.mjs'
import { caller } from './wire.mjs'

const transports = /** @type {const} */ (['http', 'mtls', 'bare'])
const inFlight = 8

/** @param {{ certDir: string, rounds: number, callsPerRound: number }} options */
export async function callCost({ certDir, rounds, callsPerRound }) {
  const measured = await Promise.all(
    transports.map(async (transport) => {
      const child = await ServerChild.start(transport, 'echo', certDir)
      const client = caller(child.url, certDir, inFlight)
      return {
        transport,
        child,
        client,
        alone: /** @type {number[]} */ ([]),
        cpu: /** @type {number[]} */ ([]),
        perSecond: /** @type {number[]} */ ([]),
      }
    }),
  )
  for (let round = -1; round < rounds; round++) {
    for (const { child, client, alone, cpu, perSecond } of measured) {
      const latencies = []
      for (let count = 0; count < callsPerRound / 4; count++) {
        const begun = performance.now()
        await client.call()
        latencies.push(performance.now() - begun)
      }
      const before = await child.usageCollected()
      const begun = performance.now()
      let left = callsPerRound
      const worker = async () => {
        while (left-- > 0) await client.call()
      }
      await Promise.all(Array.from({ length: inFlight }, worker))
      const elapsed = performance.now() - begun
      const after = await child.usage()
      if (round < 0) continue // the first round warms up
      alone.push(...latencies)
      cpu.push((after.cpu - before.cpu) / callsPerRound)
      perSecond.push((callsPerRound / elapsed) * 1000)
    }
  }
  const judging = await measured[1]?.child.judging()
  for (const { child, client } of measured) {
    client.close()
    child.stop()
  }
  return {
    calls: measured.map(({ transport, alone, cpu, perSecond }) => ({
      transport,
      p50_ms: round(median(alone), 3),
      p90_ms: round(percentile(alone, 0.9), 3),
      p99_ms: round(percentile(alone, 0.99), 3),
      server_cpu_us: round(median(cpu), 0),
      calls_per_second: round(median(perSecond), 0),
    })),
    judging_us: round((judging ?? Number.NaN) / 1000, 2),
  }
}
