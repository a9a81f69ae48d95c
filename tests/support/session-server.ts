import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { NodeStreamableHTTPServerTransport } from '@modelcontextprotocol/node'
import { McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'
import type { World } from './world.js'

/** A server of the SDK with sessions, behind Node's own `https` that asks for client certificates. */
export interface SessionServer extends AsyncDisposable {
  /** What tools were called with, over all sessions. */
  readonly calls: string[]
  /** `METHOD rpc-method` of every request. */
  readonly seen: string[]
  /** How many sessions were opened. */
  opened(): number
  /** The session that was opened last. */
  latest(): McpServer
  levels(): (string | undefined)[]
  subscribed(): string[][]
  /** Knows no session any more. */
  forget(): void
}

type Lie = (request: IncomingMessage, response: ServerResponse, body: string) => boolean | Promise<boolean>

interface Session {
  readonly transport: NodeStreamableHTTPServerTransport
  readonly server: McpServer
  level: string | undefined
  readonly uris: Set<string>
}

/** `lie` answers in its place, where it gives true. */
export async function sessionServer(
  { ca, server: certificate }: World,
  port: number,
  { lie = () => false, lost = 404 }: { readonly lie?: Lie; readonly lost?: 400 | 404 } = {},
): Promise<SessionServer> {
  const sessions = new Map<string, Session>()
  const all: Session[] = []
  const calls: string[] = []
  const seen: string[] = []
  const open = async () => {
    const server = new McpServer(
      { name: 'sessions', version: String(all.length + 1) },
      { capabilities: { logging: {}, tools: { listChanged: true }, resources: { subscribe: true } } },
    )
    const transport = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void sessions.set(id, session),
    })
    const session: Session = { transport, server, level: undefined, uris: new Set() }
    all.push(session)
    server.registerTool('count', { inputSchema: z.object({ text: z.string() }) }, ({ text: said }) => {
      calls.push(said)
      return { content: [{ type: 'text', text: said }] }
    })
    server.registerResource('one', 'test://one', {}, () => ({ contents: [{ uri: 'test://one', text: '1' }] }))
    server.server.setRequestHandler('logging/setLevel', ({ params }) => {
      session.level = params.level
      return {}
    })
    server.server.setRequestHandler('resources/subscribe', ({ params }) => {
      session.uris.add(params.uri)
      return {}
    })
    server.server.setRequestHandler('resources/unsubscribe', ({ params }) => {
      session.uris.delete(params.uri)
      return {}
    })
    await server.connect(transport)
    return session
  }
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const body = await text(request)
    const message = body === '' ? undefined : JSON.parse(body)
    seen.push(`${request.method} ${message?.method ?? ''}`.trim())
    if (await lie(request, response, body)) return
    if (message?.method === 'server/discover') {
      const error = { code: -32601, message: 'Method not found' }
      response.writeHead(200, { 'content-type': 'application/json' })
      return void response.end(JSON.stringify({ jsonrpc: '2.0', id: message.id, error }))
    }
    const id = request.headers['mcp-session-id']
    const session = typeof id === 'string' ? sessions.get(id) : await open()
    if (session) return session.transport.handleRequest(request, response, message)
    const why = lost === 404 ? 'Session not found' : 'Bad Request: No valid session ID provided'
    response.writeHead(lost, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ jsonrpc: '2.0', id: null, error: { code: -32000, message: why } }))
  }
  const sockets = new Set<Socket>()
  const listener = createServer(
    { cert: certificate.cert, key: certificate.key, ca: ca.cert, requestCert: true },
    (request, response) => void answer(request, response).catch(() => response.destroy()),
  ).on('connection', (socket: Socket) => {
    sockets.add(socket.on('error', () => {}))
    socket.once('close', () => sockets.delete(socket))
  })
  await once(listener.listen(port, '127.0.0.1'), 'listening')
  return {
    calls,
    seen,
    opened: () => all.length,
    latest: () => (all.at(-1) as Session).server,
    levels: () => all.map(({ level }) => level),
    subscribed: () => all.map(({ uris }) => [...uris]),
    forget: () => sessions.clear(),
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((closed) => listener.close(closed))
    },
  }
}
