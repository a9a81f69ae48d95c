// The cheapest MCP server there can be: the least that a call takes in JavaScript, and no SDK. It speaks 2026-07-28 on /mcp
// (answers in JSON) and 2025-11-25 on /legacy (event streams); a GET is answered at once.

/** @typedef {import('node:http').ServerResponse} ServerResponse */

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

/** What is answered to a message; nothing to a notification. @param {any} message @param {boolean} isLegacy */
export function answerTo({ id, method, params }, isLegacy) {
  if (id === undefined) return undefined
  const make = (isLegacy ? legacy : modern)[method]
  return make
    ? { result: make(params), jsonrpc: '2.0', id }
    : { jsonrpc: '2.0', id, error: { code: -32601, message: 'no such method' } }
}

/** A listener that answers what is posted. @param {(text: string, isLegacy: boolean, response: ServerResponse) => void} answer */
export function listenerWith(answer) {
  /** @type {import('node:http').RequestListener} */
  return (request, response) => {
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
}

export const bareListener = listenerWith((text, isLegacy, response) => {
  const said = answerTo(JSON.parse(text), isLegacy)
  if (said === undefined) response.writeHead(202).end()
  else write(JSON.stringify(said), isLegacy, response)
})

/** @param {string} json @param {boolean} isLegacy @param {ServerResponse} response */
export function write(json, isLegacy, response) {
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
