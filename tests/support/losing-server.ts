import { type ForeignServer, foreignServer } from './foreign-server.js'
import type { World } from './world.js'

/** An MCP server whose tools lose the connection the first times they are called; `losing` hears of each. */
export async function losingServer({ server: certificate }: World, times: number, losing = () => {}) {
  const calls = { readOnly: 0, idempotent: 0, plain: 0 }
  const tools = Object.keys(calls).map((name) => ({
    name,
    inputSchema: { type: 'object' },
    annotations: { readOnlyHint: name === 'readOnly', idempotentHint: name === 'idempotent' },
  }))
  const results: Readonly<Record<string, object>> = {
    initialize: {
      protocolVersion: '2025-11-25',
      capabilities: { tools: {} },
      serverInfo: { name: 'losing-mcp', version: '1.0.0' },
    },
    'tools/list': { tools },
    'tools/call': { content: [{ type: 'text', text: 'done' }] },
  }
  let lost = 0
  const server: ForeignServer = await foreignServer(certificate, ({ method: verb }, response, body) => {
    if (verb !== 'POST') return void response.writeHead(405).end()
    const { id, method, params } = JSON.parse(body)
    if (method === 'tools/call') calls[params.name as keyof typeof calls]++
    if (method === 'tools/call' && lost++ < times) {
      losing()
      return void response.destroy()
    }
    if (id === undefined) return void response.writeHead(202).end()
    const result = results[method]
    const answer = result ? { result } : { error: { code: -32601, message: 'Method not found' } }
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ jsonrpc: '2.0', id, ...answer }))
  })
  return { ...server, calls }
}
