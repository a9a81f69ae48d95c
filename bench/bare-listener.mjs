// The cheapest MCP server there can be: the least that a call takes in JavaScript, and no SDK. It speaks 2026-07-28 on /mcp
// (answers in JSON) and 2025-11-25 on /legacy (event streams); a GET is answered at once.

const serverInfo = { name: 'bare', version: '1.0.0' }
const capabilities = { tools: {} }
const listed = [{ name: 'echo', inputSchema: { type: 'object', properties: { text: { type: 'string' } } } }]
const complete = { resultType: 'complete', _meta: { 'io.modelcontextprotocol/serverInfo': serverInfo } }
const kept = { ttlMs: 0, cacheScope: 'private' }

/** @param {{ name: string, arguments: { text?: string, characters?: number } }} params */
const called = ({ arguments: { text, characters = 0 } }) => ({
  content: [{ type: 'text', text: text ?? 'x'.repeat(characters) }],
})

/** @type {Record<string, (params: any) => object>} */
const modern = {
  'server/discover': () => ({
    ...complete,
    ...kept,
    supportedVersions: ['2026-07-28'],
    capabilities,
    serverInfo,
  }),
  'tools/list': () => ({ ...complete, ...kept, tools: listed }),
  'tools/call': (params) => ({ ...complete, ...called(params) }),
}

/** @type {Record<string, (params: any) => object>} */
const legacy = {
  initialize: () => ({ protocolVersion: '2025-11-25', capabilities, serverInfo }),
  'tools/list': () => ({ tools: listed }),
  'tools/call': called,
}

/** @type {import('node:http').RequestListener} */
export function bareListener(request, response) {
  let text = ''
  request.setEncoding('utf8').on('data', (chunk) => {
    text += chunk
  })
  request.on('end', () => {
    if (request.method === 'GET' && request.url === '/') response.end('{"ok":true}')
    else if (request.method !== 'POST') response.writeHead(405).end()
    else answer(text, request.url === '/legacy', response)
  })
}

/** @param {string} text @param {boolean} isLegacy @param {import('node:http').ServerResponse} response */
function answer(text, isLegacy, response) {
  const { id, method, params } = JSON.parse(text)
  if (id === undefined) {
    response.writeHead(202).end()
    return
  }
  const make = (isLegacy ? legacy : modern)[method]
  const said = make
    ? { result: make(params), jsonrpc: '2.0', id }
    : { jsonrpc: '2.0', id, error: { code: -32601, message: 'no such method' } }
  const json = JSON.stringify(said)
  if (isLegacy) {
    // As servers write a stream: its head, its events, its end.
    response
      .writeHead(200, { 'content-type': 'text/event-stream' })
      .write(`event: message\ndata: ${json}\n\n`)
    response.end()
  } else {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(json) }
    response.writeHead(200, headers).end(json)
  }
}
