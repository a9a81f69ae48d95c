// What a call costs as something else grows: tools, its answer, the revocation list, open streams.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Pool } from 'undici'
import { createCrl, openAuthority } from '../../dist/pki/index.js'
import { echoCall, eras, message } from '../messages.mjs'
import { clientTls } from '../wire.mjs'
import { inTurns, load, withServers } from './measuring.mjs'
import { handshakeCost, opener } from './opened.mjs'

/** @typedef {import('./measuring.mjs').Block} Block */

const callCpu = { figure: 'CPU of the server per call', unit: 'µs' }
const kinds = /** @type {const} */ (['stock', 'ours'])

/** @param {Block} block */
export async function tools(block) {
  const { certDir, short } = block
  const servers = [2, 100, 1000].flatMap((count) =>
    kinds.map((kind) => ({ name: kind, kind, at: String(count), tools: count, certDir })),
  )
  const list = message('2026-07-28', 'tools/list', {})
  await withServers(servers, (all) =>
    inTurns(block, all, async (server, add) => {
      const { name: of, kind, at = '', tools: count = 0 } = server
      // The SDK makes all tools again for each request: fewer requests take less time.
      const calls = short ? 4 : kind === 'stock' ? Math.ceil(40_000 / (count + 80)) : 400
      add({ ...callCpu, of, at }, (await load(server, echoCall(), calls)).cpu)
      const lists = short ? 4 : Math.ceil(calls / (1 + count / 100))
      const listed = await load(server, list, lists, 4)
      add({ figure: 'CPU of the server per tools/list', unit: 'µs', of, at }, listed.cpu)
    }),
  )
}

/** @param {Block} block */
export async function payload(block) {
  const { certDir, short } = block
  const servers = /** @type {const} */ (['bare', ...kinds]).map((kind) => ({ name: kind, kind, certDir }))
  const sizes = /** @type {const} */ ([
    ['64 B', 64],
    ['4 KiB', 4096],
    ['64 KiB', 65_536],
    ['1 MiB', 1 << 20],
  ])
  await withServers(servers, (all) =>
    inTurns(block, all, async (server, add) => {
      for (const [at, characters] of sizes) {
        const call = message('2026-07-28', 'tools/call', { name: 'sized', arguments: { characters } })
        const { cpu } = await load(server, call, short ? 8 : characters > 100_000 ? 48 : 300)
        add({ ...callCpu, of: server.name, at }, cpu)
      }
    }),
  )
}

/** @param {Block} block */
export async function revocation(block) {
  const { certDir, short } = block
  const open = opener(certDir, '/health')
  const entries = short ? [0, 100] : [0, 1000, 100_000]
  const directories = entries.map((count) => withList(certDir, count))
  try {
    const servers = entries.map((count, index) => ({
      name: 'ours',
      kind: /** @type {const} */ ('ours'),
      at: String(count),
      certDir: directories[index] ?? certDir,
    }))
    await withServers(servers, (all) =>
      inTurns(block, all, async (server, add) => {
        const { name: of, at = '', child } = server
        add({ ...callCpu, of, at }, (await load(server, echoCall(), short ? 50 : 600)).cpu)
        const cpu = await handshakeCost(child, open, false, short ? 8 : 40)
        add({ figure: 'CPU of the server per handshake', unit: 'µs', of, at }, cpu)
        const { rss } = await child.usageCollected()
        add({ figure: 'memory of the server', unit: 'MB', of, at }, rss / 1e6)
      }),
    )
  } finally {
    for (const directory of directories) rmSync(directory, { recursive: true })
  }
}

/** The same certificates with a revocation list of so many others. @param {string} certDir @param {number} entries */
function withList(certDir, entries) {
  const directory = mkdtempSync(`${certDir}-list-`)
  cpSync(certDir, directory, { recursive: true, dereference: true })
  const read = (/** @type {string} */ path) => ({ path, text: readFileSync(join(certDir, path), 'utf8') })
  const at = new Date()
  const reason = /** @type {const} */ ('keyCompromise')
  const first = 0x1000_0000_0000_0000_0000_0000_0000_0000n
  const serials = Array.from({ length: entries }, (_, index) => (first + BigInt(index) * 7919n).toString(16))
  const revoked = new Map(serials.map((serial) => [serial, { at, reason }]))
  writeFileSync(
    join(directory, 'ca.crl'),
    createCrl(openAuthority(read('ca.crt'), read('ca.key')), revoked).pem,
  )
  return directory
}

/** @param {Block} block */
export async function streams(block) {
  const { certDir, short } = block
  const levels = short ? [0, 20] : [0, 100, 500]
  const servers = kinds.flatMap((kind) =>
    levels.map((level) => ({ name: kind, kind, at: String(level), certDir })),
  )
  /** @type {Pool[]} */
  const pools = []
  let lost = 0
  try {
    await withServers(servers, async (all) => {
      for (const { child, at } of all) {
        const pool = new Pool(new URL(child.url).origin, {
          connect: clientTls(certDir),
          connections: 1000,
          bodyTimeout: 0,
        })
        pools.push(pool)
        for (let count = 0; count < Number(at); count++) await openStream(pool, () => lost++)
      }
      await inTurns(block, all, async (server, add) => {
        const { name: of, at = '' } = server
        for (const era of eras) {
          const { cpu } = await load(server, echoCall(era), short ? 20 : 200)
          add({ ...callCpu, of: `${of}, ${era}`, at }, cpu)
        }
      })
      if (lost > 0) throw new Error(`${lost} streams did not stay open`)
    })
  } finally {
    for (const pool of pools) void pool.destroy()
  }
}

const listen = message('2026-07-28', 'subscriptions/listen', { notifications: { toolsListChanged: true } })

/** A stream of changes whose first event has come. @param {Pool} pool @param {() => void} onEnd @returns {Promise<void>} */
function openStream(pool, onEnd) {
  return new Promise((resolve, reject) => {
    pool.dispatch(
      { path: '/mcp', method: 'POST', ...listen },
      {
        onRequestStart() {},
        onResponseStart(_controller, status) {
          if (status !== 200) reject(new Error(`a stream was answered with ${status}`))
        },
        onResponseData: () => resolve(),
        onResponseEnd() {
          onEnd()
          reject(new Error('a stream has ended'))
        },
        onResponseError(_controller, error) {
          onEnd()
          reject(error)
        },
      },
    )
  })
}
