import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import {
  type EventStore,
  StreamableHTTPServerTransport,
} from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js'

interface Everything {
  createServer(): { server: McpServer; cleanup: (sessionId: string | undefined) => void }
}

// The package exports nothing, and has no types: its factory is reached by the path of its file.
const factory = '@modelcontextprotocol/server-everything/dist/server/index.js'
const { createServer }: Everything = await import(factory)

/**
 * The reference server of the SDK's makers (SDK v1), made for one session; what it started ends with it, and `onEnd`
 * gets the session's id.
 */
export function everything(onEnd?: (sessionId: string | undefined) => void): McpServer {
  const { server, cleanup } = createServer()
  const connect = server.connect.bind(server)
  server.connect = async (transport) => {
    await connect(transport)
    server.server.onclose = () => {
      cleanup(transport.sessionId)
      onEnd?.(transport.sessionId)
    }
  }
  return server
}

export interface StockServer extends AsyncDisposable {
  readonly url: string
}

/** Mounted as its makers do it: over plain HTTP, a transport of SDK v1 for every session. */
export async function stockEverything(): Promise<StockServer> {
  const sessions = new Map<string, StreamableHTTPServerTransport>()
  const open = async () => {
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      eventStore: eventsInMemory(),
      onsessioninitialized: (id) => void sessions.set(id, transport),
      onsessionclosed: (id) => void sessions.delete(id),
    })
    await everything().connect(transport as Parameters<McpServer['connect']>[0])
    return transport
  }
  const server = createHttpServer(async (request, response) => {
    const id = request.headers['mcp-session-id']
    const session = typeof id === 'string' ? sessions.get(id) : await open()
    if (session) await session.handleRequest(request, response)
    else response.writeHead(404).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    [Symbol.asyncDispose]: async () => {
      for (const session of sessions.values()) await session.close()
      server.close()
      server.closeAllConnections()
    },
  }
}

function eventsInMemory(): EventStore {
  const events: { readonly id: string; readonly streamId: string; readonly message: JSONRPCMessage }[] = []
  return {
    async storeEvent(streamId, message) {
      const id = randomUUID()
      events.push({ id, streamId, message })
      return id
    },
    async replayEventsAfter(lastId, { send }) {
      const last = events.findIndex(({ id }) => id === lastId)
      const streamId = events[last]?.streamId ?? ''
      for (const event of events.slice(last + 1))
        if (event.streamId === streamId && 'jsonrpc' in event.message) await send(event.id, event.message)
      return streamId
    },
  }
}
