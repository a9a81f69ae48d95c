// node bench/serving.mjs [--rounds N]
// Server CPU of one tools/call over mTLS: Node's floor, the SDK as it comes, and serve() with a server for each request and
// with one for many, in turns. Ratios with their spread.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import https from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { makeCertificateSet } from '../dist/pki/index.js'
import { median } from './figures.mjs'
import { clientTls } from './wire.mjs'

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '20' }, calls: { type: 'string', default: '400' } },
})
const rounds = Number(values.rounds)
const callsPerRound = Number(values.calls)
const inFlight = 16

const params = { name: 'echo', arguments: { text: 'x'.repeat(64) } }
const meta = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1.0.0' },
  'io.modelcontextprotocol/clientCapabilities': {},
}
const common = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }
const messages = {
  '2026-07-28': {
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { ...params, _meta: meta } }),
    headers: {
      ...common,
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': 'echo',
    },
  },
  legacy: {
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
    headers: { ...common, 'mcp-protocol-version': '2025-11-25' },
  },
}
const kinds = ['bare', 'stock', 'ours', 'shared']

const certDir = mkdtempSync(join(tmpdir(), 'mcp-mtls-bench-'))
try {
  await makeCertificateSet({ certDir })
  const servers = await Promise.all(kinds.map(start))
  /** @type {Record<string, Record<string, number[]>>} */
  const cpu = {}
  for (let round = -2; round < rounds; round++)
    for (const [era, message] of Object.entries(messages))
      for (const { kind, child, send } of servers) {
        const before = await usage(child)
        let left = callsPerRound
        const worker = async () => {
          while (left-- > 0) await send(message)
        }
        await Promise.all(Array.from({ length: inFlight }, worker))
        const used = ((await usage(child)) - before) / callsPerRound
        if (round < 0) continue // warms up
        const ofEra = cpu[era] ?? {}
        cpu[era] = ofEra
        ofEra[kind] = [...(ofEra[kind] ?? []), used]
      }
  for (const [era, measured] of Object.entries(cpu)) {
    console.log(
      `\n${era}: server CPU per tools/call (64 bytes, ${inFlight} in flight), medians of ${rounds} rounds`,
    )
    for (const kind of kinds) {
      const figures = measured[kind] ?? []
      const over = (/** @type {string} */ other) => {
        const ratios = figures
          .map((value, at) => value / (measured[other]?.[at] ?? Number.NaN))
          .sort((a, b) => a - b)
        return `${median(ratios).toFixed(2)} (${ratios[Math.floor(ratios.length / 4)]?.toFixed(2)}–${ratios[Math.floor((3 * ratios.length) / 4)]?.toFixed(2)})`
      }
      console.log(
        `  ${kind.padEnd(6)} ${median(figures).toFixed(0).padStart(5)} µs   ÷ bare ${over('bare')}   ÷ stock ${over('stock')}`,
      )
    }
  }
  for (const { child, agent } of servers) {
    agent.destroy()
    child.disconnect()
  }
} finally {
  rmSync(certDir, { recursive: true, force: true })
}

/** @param {string} kind */
async function start(kind) {
  const child = fork(fileURLToPath(new URL('serving-process.mjs', import.meta.url)), [kind, certDir])
  const [url] = await once(child, 'message')
  const agent = new https.Agent({ keepAlive: true, maxSockets: inFlight, ...clientTls(certDir) })
  const send = (/** @type {{ body: string, headers: Record<string, string> }} */ { body, headers }) =>
    new Promise((resolve, reject) => {
      const length = { 'content-length': Buffer.byteLength(body) }
      const request = https.request(
        url,
        { method: 'POST', agent, headers: { ...headers, ...length } },
        (response) => {
          let text = ''
          response.setEncoding('utf8').on('data', (chunk) => (text += chunk))
          response.on('end', () =>
            response.statusCode === 200 && text.includes('xxxx')
              ? resolve(text)
              : reject(new Error(`${kind}: ${response.statusCode} ${text.slice(0, 300)}`)),
          )
        },
      )
      request.on('error', reject).end(body)
    })
  return { kind, child, send, agent }
}

/** @param {import('node:child_process').ChildProcess} child @returns {Promise<number>} microseconds */
async function usage(child) {
  const answer = once(child, 'message')
  child.send('usage')
  return (await answer)[0]
}
