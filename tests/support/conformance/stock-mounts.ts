import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import {
  localhostHostValidation,
  localhostOriginValidation,
  NodeStreamableHTTPServerTransport,
  toNodeHandler,
  toWebRequest,
} from '@modelcontextprotocol/node'
import {
  createMcpHandler,
  type EventStore,
  isLegacyRequest,
  type JSONRPCMessage,
  type McpServer,
} from '@modelcontextprotocol/server'
import type { ListNotifier } from './tools.js'

/** Makes a server; `notifier` gives what tells open subscriptions of a change. */
export type Factory = (notifier: () => ListNotifier | undefined) => McpServer

export interface Mounted extends AsyncDisposable {
  /** Where MCP is, over plain HTTP. */
  readonly url: string
}

/** As the SDK's guide mounts a server without sessions: both eras in one handler. */
export function stockStateless(factory: Factory): Promise<Mounted> {
  const handler = createMcpHandler(() => factory(() => handler.notify), { legacy: 'stateless' })
  const handle = toNodeHandler(handler)
  return listen((request, response, body) => handle(request, response, body))
}

/** As the SDK's guide mounts a server with sessions: a transport for each, and 2026-07-28 beside them. */
export function stockStateful(factory: Factory): Promise<Mounted> {
  const handler = createMcpHandler(() => factory(() => handler.notify), { legacy: 'reject' })
  const modern = toNodeHandler(handler)
  const sessions = new Map<string, NodeStreamableHTTPServerTransport>()

  const open = async () => {
    const transport = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      eventStore: eventsInMemory(),
      retryInterval: 100,
      onsessioninitialized: (id) => void sessions.set(id, transport),
    })
    transport.onclose = () => void sessions.delete(transport.sessionId ?? '')
    const server = factory(() => ({
      toolsChanged: () => server.sendToolListChanged(),
      promptsChanged: () => server.sendPromptListChanged(),
    }))
    await server.connect(transport)
    return transport
  }

  return listen(async (request, response, body) => {
    const id = request.headers['mcp-session-id']
    if (typeof id === 'string') {
      const session = sessions.get(id)
      if (session) return session.handleRequest(request, response, body)
      const error = { code: -32001, message: 'Session not found' }
      return void response.writeHead(404).end(JSON.stringify({ jsonrpc: '2.0', id: null, error }))
    }
    if (!(await isLegacyRequest(await toWebRequest(request, body), body)))
      return modern(request, response, body)
    const transport = await open()
    await transport.handleRequest(request, response, body)
  })
}

/** What one session has sent, in its order. */
function eventsInMemory(): EventStore {
  const events: { readonly id: string; readonly streamId: string; readonly message: JSONRPCMessage }[] = []
  const find = (id: string) => events.findIndex((event) => event.id === id)
  return {
    async storeEvent(streamId, message) {
      const id = randomUUID()
      events.push({ id, streamId, message })
      return id
    },
    getStreamIdForEventId: async (id) => events[find(id)]?.streamId,
    async replayEventsAfter(lastId, { send }) {
      const last = find(lastId)
      const streamId = events[last]?.streamId ?? ''
      // The event that opens a stream has no message.
      for (const event of events.slice(last + 1))
        if (event.streamId === streamId && 'jsonrpc' in event.message) await send(event.id, event.message)
      return streamId
    },
  }
}

/** What a server gets has both; Node's type is that of answers too. */
type ServerRequest = IncomingMessage & { method: string; url: string }

async function listen(
  handle: (request: ServerRequest, response: ServerResponse, body: unknown) => Promise<void>,
): Promise<Mounted> {
  const hostIsLocal = localhostHostValidation()
  const originIsLocal = localhostOriginValidation()
  const server = createServer(async (request, response) => {
    if (!hostIsLocal(request, response) || !originIsLocal(request, response)) return
    await handle(request as ServerRequest, response, await jsonBody(request))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

async function jsonBody(request: IncomingMessage): Promise<unknown> {
  const body = await text(request)
  return body === '' ? undefined : JSON.parse(body)
}
