// One client in a process of its own, steered by messages from the bench: argv is the kind of client, the URL, and
// the directory of certificates.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { Agent, fetch as undiciFetch } from 'undici'
import { connect, mtlsFetch } from '../dist/client/index.js'

const [kind = '', url = '', certDir = ''] = process.argv.slice(2)
const text = 'x'.repeat(64)
const params = { name: 'echo', arguments: { text } }

function plainAgent() {
  const read = (/** @type {string} */ name) => readFileSync(join(certDir, name))
  return new Agent({
    connect: { ca: read('ca.crt'), cert: read('client.crt'), key: read('client.key') },
    keepAliveTimeout: 30_000,
  })
}

/** @param {(url: any, init: any) => Promise<any>} fetch */
const posting = (fetch) => {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params })
  const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }
  return async () => {
    const response = await fetch(url, { method: 'POST', headers, body })
    if (!(await response.text()).includes(text)) throw new Error('a wrong answer')
  }
}

/** @type {Record<string, () => Promise<() => Promise<unknown>>>} */
const kinds = {
  async stock() {
    const dispatcher = plainAgent()
    const client = new Client({ name: 'bench', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } })
    /** @type {any} */
    const fetch = (/** @type {string} */ target, /** @type {object} */ init) =>
      undiciFetch(target, { ...init, dispatcher })
    await client.connect(new StreamableHTTPClientTransport(new URL(url), { fetch }))
    return () => client.callTool(params)
  },
  async ours() {
    const client = await connect({ serverUrl: url, tls: { certDir }, log: false })
    return () => client.callTool(params)
  },
  async fetch() {
    const dispatcher = plainAgent()
    return posting((target, init) => undiciFetch(target, { ...init, dispatcher }))
  },
  async mtlsFetch() {
    return posting(mtlsFetch({ certDir }))
  },
}

const call = await /** @type {NonNullable<typeof kinds[string]>} */ (kinds[kind])()

process.on('message', async (/** @type {{ calls: number, inFlight: number }} */ { calls, inFlight }) => {
  const before = process.cpuUsage()
  let left = calls
  const worker = async () => {
    while (left-- > 0) await call()
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
  const { user, system } = process.cpuUsage(before)
  process.send?.((user + system) / calls)
})
process.on('disconnect', () => process.exit())
process.on('SIGINT', () => {}) // the bench ends it
process.send?.('ready')
