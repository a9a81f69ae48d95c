// node bench/client.mjs [--rounds N] [--calls N]
// What a call costs the client (CPU of its process), ours and what it is compared with in turns: `connect` beside the SDK's
// client over plain undici, `mtlsFetch` beside undici's `fetch`, with the same certificates, to a server that does nothing.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { makeCertificateSet } from '../dist/pki/index.js'
import { median, percentile } from './figures.mjs'

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '21' }, calls: { type: 'string', default: '600' } },
})
const rounds = Number(values.rounds)
const calls = Number(values.calls)

/** @param {string} file @param {string[]} args */
async function child(file, args) {
  const process = fork(fileURLToPath(new URL(file, import.meta.url)), args)
  const [message] = await Promise.race([
    once(process, 'message'),
    once(process, 'exit').then(() => Promise.reject(new Error(`${file} ${args[0]} did not start`))),
  ])
  return { process, message: /** @type {string} */ (message) }
}

const pairs = [
  { name: 'connect, 2026-07-28', path: '/mcp', theirs: 'stock', ours: 'ours' },
  { name: 'connect, 2025-11-25', path: '/legacy', theirs: 'stock', ours: 'ours' },
  { name: 'mtlsFetch', path: '/mcp', theirs: 'fetch', ours: 'mtlsFetch' },
]

const certDir = mkdtempSync(join(tmpdir(), 'mcp-mtls-bench-'))
try {
  await makeCertificateSet({ certDir })
  const server = await child('bare-mcp.mjs', [certDir])
  process.stdout.write(
    'CPU of the client per call, µs           theirs   ours   ours ÷ theirs (10 % … 90 %)\n',
  )
  for (const { name, path, theirs, ours } of pairs) {
    const args = [`${server.message}${path}`, certDir]
    const clients = await Promise.all(
      [theirs, ours].map((kind) => child('client-process.mjs', [kind, ...args])),
    )
    for (const inFlight of [1, 16]) {
      /** @type {number[][]} */
      const costs = []
      for (let round = -6; round < rounds; round++) {
        const cost = []
        for (const { process } of clients) {
          process.send({ calls, inFlight })
          cost.push(Number((await once(process, 'message'))[0]))
        }
        if (round >= 0) costs.push(cost) // those before warm up
      }
      const of = (/** @type {number} */ index) => costs.map((cost) => cost[index] ?? Number.NaN)
      const ratios = costs.map(([their = Number.NaN, our = Number.NaN]) => our / their)
      const [low, middle, high] = [percentile(ratios, 0.1), median(ratios), percentile(ratios, 0.9)]
      process.stdout.write(
        `${`${name}, ${inFlight} in flight`.padEnd(38)} ${median(of(0)).toFixed(0).padStart(8)} ${median(of(1)).toFixed(0).padStart(6)}   ${middle.toFixed(2)} (${low.toFixed(2)} … ${high.toFixed(2)})\n`,
      )
    }
    for (const { process } of clients) process.disconnect()
  }
  server.process.disconnect()
} finally {
  rmSync(certDir, { recursive: true, force: true })
}
