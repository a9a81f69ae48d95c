// What a call costs the client, to a server that does nothing: `connect` beside the SDK's client over undici, `mtlsFetch`
// beside undici's `fetch`, with the same certificates.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { inTurns, withServers } from './measuring.mjs'

const clients = [
  { kind: 'stock', name: 'SDK over undici', path: '/mcp', at: '2026-07-28' },
  { kind: 'ours', name: 'connect', path: '/mcp', at: '2026-07-28' },
  { kind: 'stock', name: 'SDK over undici', path: '/legacy', at: 'legacy' },
  { kind: 'ours', name: 'connect', path: '/legacy', at: 'legacy' },
  { kind: 'fetch', name: 'undici fetch', path: '/mcp', at: 'fetch' },
  { kind: 'mtlsFetch', name: 'mtlsFetch', path: '/mcp', at: 'fetch' },
]

/** @param {import('./measuring.mjs').Block} block */
export async function client(block) {
  const { certDir, short } = block
  await withServers([{ name: 'bare', kind: 'bare', certDir }], async ([server]) => {
    const origin = new URL(server?.child.url ?? '').origin
    const started = await Promise.all(
      clients.map(async (one) => ({ ...one, child: await start(one.kind, `${origin}${one.path}`, certDir) })),
    )
    try {
      await inTurns(block, started, async ({ name: of, at, child }, add) => {
        for (const inFlight of [1, 16]) {
          const answer = ended(child, once(child, 'message'))
          child.send({ calls: short ? 20 : 500, inFlight })
          const [cpu] = await answer
          const label = { figure: 'CPU of the client per call', unit: 'µs', of }
          add({ ...label, at: `${at}, ${inFlight} in flight` }, Number(cpu))
        }
      })
    } finally {
      for (const { child } of started) if (child.connected) child.disconnect()
    }
  })
}

/** @param {string} kind @param {string} url @param {string} certDir */
async function start(kind, url, certDir) {
  const program = fileURLToPath(new URL('../client-process.mjs', import.meta.url))
  // The stock client lets listeners of its AbortSignal pile up until they are collected, and Node warns of that.
  const child = fork(program, [kind, url, certDir], { execArgv: ['--no-warnings'] })
  await ended(child, once(child, 'message'))
  return child
}

/** Fails when the process ends before this. @template Value @param {import('node:child_process').ChildProcess} child @param {Promise<Value>} value */
async function ended(child, value) {
  const abort = new AbortController()
  const exit = once(child, 'exit', { signal: abort.signal })
  const failed = exit.then(() => Promise.reject(new Error('a client has ended')))
  failed.catch(() => {})
  return Promise.race([value, failed]).finally(() => abort.abort())
}
