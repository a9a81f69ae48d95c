// The cheapest MCP server there can be, in a process of its own, for benches of clients: node:https, no SDK, one tool.
// argv: the directory of certificates. It speaks 2026-07-28 on /mcp (answers in JSON) and 2025-11-25 on /legacy (event streams).
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { join } from 'node:path'

const [certDir = ''] = process.argv.slice(2)
const read = (/** @type {string} */ name) => readFileSync(join(certDir, name))
const serverInfo = { name: 'bare', version: '1.0.0' }
const capabilities = { tools: {} }
const tools = [{ name: 'echo', inputSchema: { type: 'object', properties: { text: { type: 'string' } } } }]

/** @type {Record<string, (params: any) => object>} */
const modern = {
  'server/discover': () => ({
    resultType: 'complete',
    supportedVersions: ['2026-07-28'],
    capabilities,
    serverInfo,
    _meta: { 'io.modelcontextprotocol/serverInfo': serverInfo },
    ttlMs: 0,
    cacheScope: 'private',
  }),
  'tools/list': () => ({ resultType: 'complete', tools, ttlMs: 0, cacheScope: 'private' }),
  'tools/call': ({ arguments: { text } }) => ({
    resultType: 'complete',
    content: [{ type: 'text', text }],
    _meta: { 'io.modelcontextprotocol/serverInfo': serverInfo },
  }),
}

/** @type {Record<string, (params: any) => object>} */
const legacy = {
  initialize: () => ({ protocolVersion: '2025-11-25', capabilities, serverInfo }),
  'tools/list': () => ({ tools }),
  'tools/call': ({ arguments: { text } }) => ({ content: [{ type: 'text', text }] }),
}

/** @param {unknown} answer */
const json = (answer) => ({ type: 'application/json', body: JSON.stringify(answer) })
/** @param {unknown} answer */
const stream = (answer) => ({
  type: 'text/event-stream',
  body: `event: message\ndata: ${JSON.stringify(answer)}\n\n`,
})

const tls = {
  ca: read('ca.crt'),
  cert: read('server.crt'),
  key: read('server.key'),
  requestCert: true,
  rejectUnauthorized: true,
  keepAliveTimeout: 60_000,
}
const server = createServer(tls, (request, response) => {
  let text = ''
  request.setEncoding('utf8').on('data', (chunk) => {
    text += chunk
  })
  request.on('end', () => {
    if (request.method !== 'POST') return response.writeHead(405).end()
    const { id, method, params } = JSON.parse(text)
    if (id === undefined) return response.writeHead(202).end()
    const isLegacy = request.url === '/legacy'
    const make = (isLegacy ? legacy : modern)[method]
    const answer = make
      ? { result: make(params), jsonrpc: '2.0', id }
      : { jsonrpc: '2.0', id, error: { code: -32601, message: 'no such method' } }
    const { type, body } = isLegacy ? stream(answer) : json(answer)
    // As servers write a stream: its head, its events, its end.
    if (isLegacy) response.writeHead(200, { 'content-type': type }).write(body)
    else
      response.writeHead(200, { 'content-type': type, 'content-length': Buffer.byteLength(body) }).write(body)
    response.end()
  })
})
server.listen(0, '127.0.0.1', () => {
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  process.send?.(`https://localhost:${port}`)
})
process.on('disconnect', () => process.exit())
