// node bench/connections.mjs [--short] [--json]
// What a server keeps of connections that have gone: memory after 5,000 were opened, answered and closed.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { makeCertificateSet } from '../dist/pki/index.js'
import { round } from './figures.mjs'
import { ServerChild } from './server-child.mjs'
import { opener } from './suite/opened.mjs'

const { values } = parseArgs({
  options: { short: { type: 'boolean', default: false }, json: { type: 'boolean', default: false } },
})
const total = values.short ? 500 : 5000
const live = values.short ? 200 : 1000
const atOnce = 20

const certDir = mkdtempSync(join(tmpdir(), 'mcp-mtls-bench-'))
try {
  await makeCertificateSet({ certDir })
  const server = await ServerChild.start({ kind: 'ours', certDir })
  const get = opener(certDir, '/health')
  const open = () => get(server.port)

  /** Opens and closes so many, some at once. @param {number} count */
  const pass = async (count) => {
    for (let done = 0; done < count; done += atOnce) {
      const opened = await Promise.all(Array.from({ length: atOnce }, open))
      await Promise.all(
        opened.map(({ socket }) => new Promise((resolve) => socket.once('close', resolve).end().resume())),
      )
    }
  }
  /** @type {{ when: string, heap_mb: number, resident_mb: number }[]} */
  const steps = []
  const weigh = async (/** @type {string} */ when) => {
    const { heap, rss } = await server.usageCollected()
    steps.push({ when, heap_mb: round(heap / 1e6, 1), resident_mb: round(rss / 1e6, 1) })
    return rss
  }

  await pass(200)
  await weigh('after 200 to warm up')
  for (const turn of ['', ' more', ' more']) {
    await pass(total)
    await weigh(`after ${total}${turn}, all closed`)
  }
  const before = await server.usageCollected()
  const opened = []
  for (let count = 0; count < live; count++) opened.push(await open())
  const with_live = await weigh(`with ${live} open`)
  for (const { socket } of opened) socket.destroy()
  const per_connection_bytes = Math.round((with_live - before.rss) / live)
  server.stop()

  if (values.json) process.stdout.write(`${JSON.stringify({ steps, per_connection_bytes }, null, 2)}\n`)
  else {
    const lines = steps.map(
      ({ when, heap_mb, resident_mb }) =>
        `${when.padEnd(28)}${heap_mb.toFixed(1).padStart(8)}${resident_mb.toFixed(1).padStart(13)}`,
    )
    const head = `${''.padEnd(28)}${'heap MB'.padStart(8)}${'resident MB'.padStart(13)}`
    process.stdout.write(`${[head, ...lines].join('\n')}\n`)
    process.stdout.write(`A connection that is open: ${round(per_connection_bytes / 1000, 0)} kB\n`)
  }
} finally {
  rmSync(certDir, { recursive: true, force: true })
}
