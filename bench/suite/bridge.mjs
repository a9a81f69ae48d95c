// What `bridge` adds to a call over mTLS, beside a program on stdin and stdout, which has no network; and how long its first
// answer takes, beside an empty Node.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { median, percentile } from '../figures.mjs'
import { echoCall, initialize } from '../messages.mjs'
import { pipeCaller } from '../wire.mjs'
import { inTurns, latencies, withServers } from './measuring.mjs'

/** @typedef {import('./measuring.mjs').Block} Block */
/** @typedef {import('./measuring.mjs').Named} Named */
/** @typedef {import('./measuring.mjs').Serving} Serving */

const program = fileURLToPath(new URL('../../dist/bundle/mcp-mtls.js', import.meta.url))

/** @param {Block} block */
export async function bridge(block) {
  const { certDir } = block
  const servers = ['session', '2026-07-28'].flatMap((at) => {
    const sessions = at === 'session'
    return /** @type {Named[]} */ ([
      { name: 'program', at, kind: 'program', certDir },
      { name: 'direct', at, kind: 'ours', certDir, sessions, inSession: sessions },
    ])
  })
  await withServers(servers, async (direct) => {
    const bridged = await Promise.all(
      direct.filter(({ name }) => name === 'direct').map((server) => bridgedTo(server)),
    )
    try {
      await inTurns(block, [...direct, ...bridged, ...firstAnswers(direct)], (one, add) =>
        'start' in one ? one.start(add) : timed(block, one, add),
      )
    } finally {
      for (const { client } of bridged) client.close()
      await Promise.all(bridged.map(({ ended }) => ended))
    }
  })
}

/** @param {Block} block @param {Serving} server @param {import('./measuring.mjs').Add} add */
async function timed({ short }, server, add) {
  const { name: of, at = '' } = server
  const call = echoCall(at === 'session' ? 'legacy' : '2026-07-28')
  await server.client.call(call) // after the turns of the others
  const times = await latencies(server, call, short ? 20 : 200)
  add({ figure: 'time of a call, p50', unit: 'µs', of, at }, 1000 * median(times))
  add({ figure: 'time of a call, p95', unit: 'µs', of, at }, 1000 * percentile(times, 0.95))
}

/** @param {Serving} server @returns {Promise<Serving & { ended: Promise<unknown> }>} */
async function bridgedTo(server) {
  const child = started(server)
  const client = pipeCaller(child)
  if (server.inSession) {
    await client.call(initialize)
    child.stdin.write('{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
  }
  return { ...server, name: 'bridge', client, ended: once(child, 'exit') }
}

/** @param {Serving} server */
function started({ child, certDir }) {
  const args = [program, 'bridge', child.url, '--cert-dir', certDir, '--initialize-within', '30s']
  return spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'ignore'] })
}

/** @param {readonly Serving[]} servers @returns {{ start: (add: import('./measuring.mjs').Add) => Promise<void> }[]} */
function firstAnswers(servers) {
  return servers
    .filter(({ name, at }) => name === 'direct' && at === 'session')
    .map((server) => ({
      async start(add) {
        const empty = performance.now()
        await once(spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' }), 'exit')
        const begun = performance.now()
        const child = started(server)
        child.stdin.write(`${initialize.body}\n`)
        await once(child.stdout, 'data')
        const answered = performance.now()
        child.stdin.end()
        await once(child, 'exit')
        const figure = 'time, as a multiple of what it is compared with'
        add({ figure, unit: '×', of: 'first answer', at: '' }, (answered - begun) / (begun - empty))
      },
    }))
}
