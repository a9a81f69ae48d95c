// node bench/steady.mjs [--seconds N] [--json]
// Holds 100 calls a second on each of three servers over mTLS, by the client people use: does memory come to rest, and does
// every call succeed? Exits 1 if one does not.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { table } from '../dist/cli/terminal/table.js'
import { connect } from '../dist/client/index.js'
import { makeCertificateSet } from '../dist/pki/index.js'
import { median, percentile, round, slope } from './figures.mjs'
import { ServerChild } from './server-child.mjs'

const servers = /** @type {const} */ (['weather', 'datetime', 'echo'])
const calls = {
  weather: { name: 'getTemperature', arguments: { city: 'Kathmandu' } },
  datetime: { name: 'getDateTime', arguments: { city: 'Oslo' } },
  echo: { name: 'echo', arguments: { text: 'hello' } },
}
const warmUpSeconds = 2
const settleMilliseconds = 500

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, json: { type: 'boolean', default: false } },
})
const certDir = mkdtempSync(join(tmpdir(), 'mcp-mtls-bench-'))
try {
  await makeCertificateSet({ certDir })
  const held = await steady({ certDir, seconds: Number(values.seconds), rate: 100 })
  process.stdout.write(values.json ? `${JSON.stringify(held, null, 2)}\n` : report(held))
  if (held.errors.length > 0) process.exitCode = 1
} finally {
  rmSync(certDir, { recursive: true, force: true })
}

/** @param {Awaited<ReturnType<typeof steady>>} held */
function report({ seconds, rate, errors, servers }) {
  const rows = [
    ['server', 'calls/s', 'p50 ms', 'p99 ms', 'CPU %', 'heap MB', 'RSS MB', 'RSS kB/s'],
    ...servers.map((server) => [
      server.name,
      String(server.calls_per_second),
      String(server.p50_ms),
      String(server.p99_ms),
      String(server.cpu_percent),
      `${server.heap_mb.start} → ${server.heap_mb.end}`,
      `${server.rss_mb.start} → ${server.rss_mb.end}`,
      String(server.rss_slope_kb_per_second),
    ]),
  ]
  const head = `${rate} calls/s per server for ${seconds} s: ${errors.length} errors (heap after collections)`
  return `${[head, ...errors.slice(0, 5), ...table(rows, 1)].join('\n')}\n`
}

/** @param {{ certDir: string, seconds: number, rate: number }} options */
async function steady({ certDir, seconds, rate }) {
  const children = await Promise.all(
    servers.map((name) => ServerChild.start({ kind: 'ours', certDir, builtIn: name })),
  )
  const clients = await Promise.all(
    children.map(({ url }) => connect({ serverUrl: url, tls: { certDir }, retryAttempts: 0, log: false })),
  )
  const latencies = /** @type {number[][]} */ (servers.map(() => []))
  const errors = /** @type {string[]} */ ([])

  /** One call that is not waited for: a slow answer must not lower the rate. @param {number} index */
  const callOnce = async (index) => {
    const begun = performance.now()
    try {
      const result = await clients[index]?.callTool(calls[servers[index] ?? 'echo'])
      if (result?.isError) throw new Error(JSON.stringify(result.content))
      latencies[index]?.push(performance.now() - begun)
    } catch (error) {
      errors.push(`${servers[index]}: ${error}`)
    }
  }

  /** @param {number} count seconds; every one ends with `each` */
  const hold = async (count, each = async () => {}) => {
    const begun = performance.now()
    let sent = 0
    const pending = []
    for (let second = 1; second <= count; second++) {
      while (sent < second * rate) {
        const due = begun + (sent * 1000) / rate - performance.now()
        if (due > 1) await delay(due)
        for (const index of servers.keys()) pending.push(callOnce(index))
        sent++
      }
      await each()
    }
    await Promise.all(pending)
    return { sent, elapsed: (performance.now() - begun) / 1000 }
  }

  await hold(warmUpSeconds)
  for (const list of latencies) list.length = 0
  const resident = servers.map(() => /** @type {number[]} */ ([]))
  const settled = async () => {
    await delay(settleMilliseconds) // what the last calls left is not yet garbage
    return Promise.all(children.map((child) => child.usageCollected()))
  }
  const before = await settled()
  const { sent, elapsed } = await hold(seconds, async () => {
    const usages = await Promise.all(children.map((child) => child.usage()))
    for (const [index, { rss }] of usages.entries()) resident[index]?.push(rss)
  })
  const used = await Promise.all(children.map((child) => child.usage()))
  const after = await settled()
  await Promise.all(clients.map((client) => client.close()))
  for (const child of children) child.stop()

  return {
    seconds: round(elapsed),
    rate,
    errors,
    servers: servers.map((name, index) => {
      const list = latencies[index] ?? []
      const cpu = (used[index]?.cpu ?? Number.NaN) - (before[index]?.cpu ?? 0)
      const megabytes = (/** @type {'rss' | 'heap'} */ kind) => ({
        start: round((before[index]?.[kind] ?? 0) / 1e6, 1),
        end: round((after[index]?.[kind] ?? 0) / 1e6, 1),
      })
      return {
        name,
        calls_per_second: round(sent / elapsed, 1),
        answered: list.length,
        p50_ms: round(median(list)),
        p99_ms: round(percentile(list, 0.99)),
        cpu_percent: round((cpu / 1e6 / elapsed) * 100, 1),
        heap_mb: megabytes('heap'),
        rss_mb: megabytes('rss'),
        rss_slope_kb_per_second: round(slope(resident[index] ?? []) / 1000, 1),
      }
    }),
  }
}
