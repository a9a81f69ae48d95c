import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { onTestFinished } from 'vitest'
import { parseServerConfig } from '../../src/config/index.js'
import { upstreamServer } from '../../src/expose/upstream/serves.js'
import type { RunningServer, SecurityEvent } from '../../src/server/index.js'
import { startServer } from '../../src/server/listening-server.js'
import type { EndedCall } from '../../src/server/mcp/outcome.js'
import { type ForgeOptions, forge } from './forge.js'
import { makeWorld, type World } from './world.js'

export interface Exposed {
  readonly server: RunningServer
  readonly url: string
  readonly events: SecurityEvent[]
  /** Calls that have ended: their method, or the tool, and what became of them. */
  readonly ended: { readonly what: string; readonly outcome: string }[]
  /** Lines of the log, parsed. */
  readonly log: Record<string, unknown>[]
  /** Resolves when this holds; looked at whenever something was told. */
  until(holds: () => boolean): Promise<void>
}

/** An MCP server over plain HTTP behind our gate; closed with the test. */
export async function exposed(
  upstream: string | URL,
  world: Pick<World, 'tls'> | undefined,
  options: object = {},
): Promise<Exposed> {
  const events: SecurityEvent[] = []
  const ended: Exposed['ended'] = []
  const log: Record<string, unknown>[] = []
  const looks = new Set<() => void>()
  const told = () => {
    for (const look of [...looks]) look()
  }
  const config = parseServerConfig({
    name: `test-${crypto.randomUUID()}`,
    ...(world ? { tlsPort: 0, tls: world.tls } : { tlsEnabled: false, httpPort: 0 }),
    sessions: true,
    ...options,
  })
  const onCall = ({ call, outcome }: EndedCall) => {
    ended.push({ what: call.target.kind === 'tool' ? call.target.name : call.method, outcome })
    told()
  }
  const server = await startServer(
    (base) => {
      const note = (level: string) => (facts: object, message: string) => {
        log.push({ level, message, ...facts })
        told()
      }
      const logger = { info: note('info'), warn: note('warn'), error: note('error') }
      return upstreamServer(
        new URL(upstream),
        config,
      )({
        ...base,
        logger: logger as unknown as NonNullable<(typeof base)['logger']>,
        onCall: (call) => {
          base.onCall(call)
          onCall(call)
        },
      })
    },
    config,
    {
      log: false,
      onSecurityEvent: (event) => {
        events.push(event)
        told()
      },
    },
  )
  onTestFinished(() => server.close({ drainTimeout: 0 }))
  const until = (holds: () => boolean) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (!holds()) return
        looks.delete(look)
        resolve()
      }
      looks.add(look)
      look()
    })
  return { server, url: server.url, events, ended, log, until }
}

export interface Plain {
  readonly url: string
  readonly port: number
  /** The requests that have come. */
  readonly requests: {
    readonly method: string
    readonly url: string
    readonly headers: IncomingMessage['headers']
    readonly raw: string[]
    readonly body: string
  }[]
  /** How many connections have come. */
  readonly connections: number
  /** Breaks all connections, and listens no more. */
  kill(): Promise<void>
  /** Listens again on its port. */
  revive(): Promise<void>
}

/** A plain HTTP server on loopback that answers what it likes; closed with the test. */
export async function plainServer(
  answer: (request: IncomingMessage, response: ServerResponse, body: string) => void,
): Promise<Plain> {
  const sockets = new Set<Socket>()
  const requests: Plain['requests'] = []
  let connections = 0
  const server = createServer((request, response) => {
    text(request).then(
      (body) => {
        const { method = '', url = '', headers, rawHeaders: raw } = request
        requests.push({ method, url, headers, raw, body })
        answer(request, response, body)
      },
      () => {},
    )
  })
  server.on('connection', (socket) => {
    connections++
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  const listen = (port: number) =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(port, '127.0.0.1', () => {
        server.off('error', reject)
        resolve()
      })
    })
  const kill = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      for (const socket of sockets) socket.destroy()
    })
  await listen(0)
  onTestFinished(() => kill())
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    port,
    requests,
    get connections() {
      return connections
    },
    kill,
    revive: () => listen(port),
  }
}

/** Answers each call with its method, as JSON. */
export const answerJson = (
  _request: unknown,
  response: ServerResponse,
  body: string,
  headers: object = {},
) => {
  const { id, method } = body === '' ? ({} as { id?: unknown; method?: string }) : JSON.parse(body)
  if (id === undefined) return void response.writeHead(202, { ...headers }).end()
  response
    .writeHead(200, { 'content-type': 'application/json', ...headers })
    .end(JSON.stringify({ jsonrpc: '2.0', id, result: { method } }))
}

/** A second identity of the same CA. */
export async function other(world: World, facts: Partial<ForgeOptions> = {}): Promise<World> {
  return makeWorld({
    ca: world.ca,
    client: await forge({ issuer: world.ca, usage: 'client', commonName: 'other', ...facts }),
  })
}
