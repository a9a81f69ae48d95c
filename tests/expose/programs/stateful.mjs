// The tools of the fixture behind Streamable HTTP, on 127.0.0.1: prints "listens at http://127.0.0.1:PORT/mcp".
//   --port N       that port, instead of a free one       --json        answers in JSON, without streams
//   --no-events    no event store: nothing is replayed    --sdk 1|2     which SDK has the sessions (1 if absent)
//   --modern       SDK v2 without sessions: 2026-07-28, and older clients one request at a time
import { AsyncLocalStorage } from 'node:async_hooks'
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { parseArgs } from 'node:util'
import { newSeen } from './tools.mjs'

const { values: flags } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    json: { type: 'boolean', default: false },
    'no-events': { type: 'boolean' },
    sdk: { type: 'string', default: '1' },
    modern: { type: 'boolean' },
  },
})

/** The headers of the request that is answered, names and values by turns, as they came. */
const rawHeaders = new AsyncLocalStorage()
const headers = () => rawHeaders.getStore()

const handle = flags.modern ? await withoutSessions() : await withSessions()
const server = createServer((request, response) =>
  rawHeaders.run(request.rawHeaders, () => handle(request, response)),
).listen(Number(flags.port), '127.0.0.1', () =>
  console.log(`listens at http://127.0.0.1:${server.address().port}/mcp`),
)

async function withSessions() {
  const open = flags.sdk === '1' ? await sessionV1() : await sessionV2()
  const sessions = new Map()
  return async (request, response) => {
    const id = request.headers['mcp-session-id']
    const options = {
      sessionIdGenerator: randomUUID,
      enableJsonResponse: flags.json,
      retryInterval: 20,
      onsessioninitialized: (id) => void sessions.set(id, transport),
      onsessionclosed: (id) => void sessions.delete(id),
      ...(!flags['no-events'] && { eventStore: events() }),
    }
    const transport = id === undefined ? await open(options) : sessions.get(id)
    if (transport) return transport.handleRequest(request, response)
    const error = { code: -32001, message: 'Session not found' }
    response.writeHead(404, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ jsonrpc: '2.0', error, id: null }))
  }
}

async function sessionV1() {
  const { StreamableHTTPServerTransport } = await import('@modelcontextprotocol/sdk/server/streamableHttp.js')
  const { makeServerV1 } = await import('./sdk-v1.mjs')
  return async (options) => {
    const transport = new StreamableHTTPServerTransport(options)
    await makeServerV1(newSeen(), headers).connect(transport)
    return transport
  }
}

async function sessionV2() {
  const { NodeStreamableHTTPServerTransport } = await import('@modelcontextprotocol/node')
  const { makeServer } = await import('./sdk-v2.mjs')
  return async (options) => {
    const transport = new NodeStreamableHTTPServerTransport(options)
    await makeServer(newSeen(), { headers }).connect(transport)
    return transport
  }
}

async function withoutSessions() {
  const { createMcpHandler } = await import('@modelcontextprotocol/server')
  const { toNodeHandler } = await import('@modelcontextprotocol/node')
  const { makeServer } = await import('./sdk-v2.mjs')
  const seen = newSeen()
  const handler = createMcpHandler(() =>
    makeServer(seen, { headers, told: (uri) => handler.notify.resourceUpdated(uri) }),
  )
  return toNodeHandler(handler)
}

function events() {
  const kept = []
  return {
    async storeEvent(stream, message) {
      const id = `event-${kept.length}`
      kept.push({ id, stream, message })
      return id
    },
    async getStreamIdForEventId(id) {
      return kept.find((event) => event.id === id)?.stream
    },
    async replayEventsAfter(lastId, { send }) {
      const last = kept.findIndex(({ id }) => id === lastId)
      const stream = kept[last]?.stream ?? ''
      for (const event of kept.slice(last + 1))
        if (event.stream === stream && 'jsonrpc' in event.message) await send(event.id, event.message)
      return stream
    },
  }
}
