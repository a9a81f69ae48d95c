// One server of bench/serving.mjs in a process of its own: argv is its kind and the directory of certificates.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { join } from 'node:path'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { serve } from '../dist/server/index.js'

const [kind = '', certDir = '', tools = '2'] = process.argv.slice(2)

const factory = () => {
  const server = new McpServer({ name: 'bench', version: '1.0.0' })
  const echo = (/** @type {{ text: string }} */ { text }) => ({
    content: [{ type: /** @type {const} */ ('text'), text }],
  })
  server.registerTool(
    'echo',
    { description: 'says it again', inputSchema: z.object({ text: z.string() }) },
    echo,
  )
  for (let count = 1; count < Number(tools); count++)
    server.registerTool(
      `tool-${count}`,
      { description: 'one more', inputSchema: z.object({ text: z.string() }) },
      echo,
    )
  return server
}

const read = (/** @type {string} */ file) => readFileSync(join(certDir, file))
const tls = () => ({
  ca: read('ca.crt'),
  cert: read('server.crt'),
  key: read('server.key'),
  requestCert: true,
  keepAliveTimeout: 60_000,
})

/** @param {import('node:http').RequestListener} listener */
async function listen(listener) {
  const server = createServer(tls(), listener)
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)))
  return `https://localhost:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}/mcp`
}

async function start() {
  if (kind === 'stock') {
    const handle = toNodeHandler(createMcpHandler(factory, { legacy: 'stateless' }))
    return listen(/** @type {never} */ (handle))
  }
  if (kind === 'ours' || kind === 'shared')
    return (
      await serve(factory, { name: 'bench', tls: { certDir }, log: false, perRequest: kind === 'ours' })
    ).url
  return listen((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (chunk) => (body += chunk))
    request.on('end', () => {
      const { id, params } = JSON.parse(body)
      const text = JSON.stringify({
        result: { content: [{ type: 'text', text: params.arguments.text }] },
        jsonrpc: '2.0',
        id,
      })
      response
        .writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
        .end(text)
    })
  })
}

process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send?.(user + system)
})
process.on('disconnect', () => process.exit())
process.send?.(await start())
