// What a server that is trusted can make a client do: time until the call fails, and memory at its highest, as the
// trick grows. Neither must grow with it.
//   npm run build && node --expose-gc bench/hostile-answers.mjs
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import { createGzip } from 'node:zlib'
import { connect } from '../dist/client/index.js'
import { makeCertificateSet } from '../dist/pki/index.js'

const megabyte = '0'.repeat(1 << 20)
const json = { 'content-type': 'application/json' }
/** @type {Record<string, (size: number) => { schema?: object, content?: object, body?: (response: import('node:http').ServerResponse, id: number) => void }>} */
const tricks = {
  'gzip, MB': (size) => ({
    body: (response, id) => {
      response.writeHead(200, { ...json, 'content-encoding': 'gzip' })
      const gzip = createGzip()
      gzip.pipe(response)
      gzip.write(`{"jsonrpc":"2.0","id":${id},"result":{"content":[{"type":"text","text":"`)
      for (let one = 0; one < size; one++) gzip.write(megabyte)
      gzip.end('"}]}}')
    },
  }),
  'JSON, MB': (size) => ({
    body: (response) => {
      response.writeHead(200, json)
      for (let one = 0; one < size && !response.destroyed; one++) response.write(megabyte)
      response.end()
    },
  }),
  'pattern, characters': (size) => ({
    schema: { type: 'object', properties: { a: { type: 'string', pattern: '^(a+)+$' } } },
    content: { a: `${'a'.repeat(size)}!` },
  }),
  'uniqueItems, objects': (size) => ({
    schema: { type: 'object', properties: { a: { type: 'array', uniqueItems: true } } },
    content: { a: Array.from({ length: size }, (_, n) => ({ n })) },
  }),
}

if (isMainThread) await main()
else serve(workerData)

/** @param {{ certDir: string, trick: string, size: number }} options */
function serve({ certDir, trick, size }) {
  const { schema, content, body } = tricks[trick]?.(size) ?? {}
  const read = (/** @type {string} */ file) => readFileSync(join(certDir, file))
  const tls = { ca: read('ca.crt'), cert: read('server.crt'), key: read('server.key'), requestCert: true }
  const server = createServer(tls, async (request, response) => {
    let text = ''
    for await (const chunk of request) text += chunk
    const { id, method } = JSON.parse(text || '{}')
    if (id === undefined) return void response.writeHead(202).end()
    const serverInfo = { name: 'hostile', version: '1' }
    const inputSchema = { type: 'object' }
    const results = /** @type {Record<string, object>} */ ({
      initialize: { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo },
      'tools/list': { tools: [{ name: 'trap', inputSchema, ...(schema && { outputSchema: schema }) }] },
      'tools/call': { content: [], structuredContent: content },
    })
    if (body && method === 'tools/call') return body(response, id)
    const result = results[method]
    const error = { code: -32601, message: 'no such method' }
    response
      .writeHead(200, json)
      .end(JSON.stringify({ jsonrpc: '2.0', id, ...(result ? { result } : { error }) }))
  })
  server.listen(0, '127.0.0.1', () => {
    const address = /** @type {import('node:net').AddressInfo} */ (server.address())
    import('node:worker_threads').then(({ parentPort }) => parentPort?.postMessage(address.port))
  })
}

async function main() {
  const certDir = await mkdtemp(join(tmpdir(), 'mcp-mtls-bench-'))
  try {
    await makeCertificateSet({ certDir })
    console.log(`node ${process.version}`)
    console.log('trick                    size   seconds   heap and buffers MB   outcome')
    /** @type {[string, number[]][]} */
    const runs = [
      ['gzip, MB', [16, 64, 256]],
      ['JSON, MB', [16, 64, 256]],
      ['pattern, characters', [20, 40, 80]],
      ['uniqueItems, objects', [1000, 20_000, 50_000]],
    ]
    for (const [trick, sizes] of runs) for (const size of sizes) await run(certDir, trick, size)
  } finally {
    await rm(certDir, { recursive: true, force: true })
  }
}

/** @param {string} certDir @param {string} trick @param {number} size */
async function run(certDir, trick, size) {
  const worker = new Worker(new URL(import.meta.url), { workerData: { certDir, trick, size } })
  const port = await new Promise((resolve) => worker.once('message', resolve))
  const client = await connect({ serverUrl: `https://localhost:${port}/mcp`, tls: { certDir }, log: false })
  await client.listTools()
  globalThis.gc?.()
  const held = () => {
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    return (heapUsed + arrayBuffers) / 1e6
  }
  const before = held()
  let most = 0
  const watch = setInterval(() => {
    most = Math.max(most, held() - before)
  }, 5)
  const begun = performance.now()
  const outcome = await client.callTool({ name: 'trap', arguments: {} }).then(
    () => 'answered',
    ({ message }) => message,
  )
  const seconds = (performance.now() - begun) / 1000
  clearInterval(watch)
  await client.close()
  await worker.terminate()
  const cells = [String(size).padStart(6), seconds.toFixed(2).padStart(9), most.toFixed(0).padStart(21)]
  console.log(trick.padEnd(22), ...cells, ' ', outcome.slice(0, 70))
}
