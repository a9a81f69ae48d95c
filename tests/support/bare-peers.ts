import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { createServer, request } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import type { TLSSocket } from 'node:tls'

// The other side as plain Node, without any code of ours: what it may show and say is up to the test.

export type TlsVersion = 'TLSv1.2' | 'TLSv1.3'
export const tlsVersions: readonly TlsVersion[] = ['TLSv1.2', 'TLSv1.3']

/** What a peer shows: PEM, the leaf first, its chain after it. */
export interface Shown {
  readonly cert: string
  readonly key: string
}

/** A bare peer lets itself use what OpenSSL would not: short keys, SHA-1. */
const lax = 'ALL:@SECLEVEL=0'

export interface CallOptions {
  readonly shown?: Shown | undefined
  readonly version?: TlsVersion
  /** From an earlier connection. */
  readonly session?: Buffer | undefined
  /** What the tool `echo` is called with. */
  readonly say?: string
  /** Where the call goes; any other than `/mcp` is asked for with GET. */
  readonly path?: string
  /** The address it comes from. */
  readonly from?: string
}

export interface Answer {
  readonly status: number
  readonly body: string
  readonly resumed: boolean
  /** For the next connection. */
  readonly session: Buffer | undefined
}

/** Calls the tool `echo` over a connection of its own. Rejects when the handshake fails. */
export async function callAsBareClient(port: number, options: CallOptions): Promise<Answer> {
  const { shown, version, session, say = 'hello', path = '/mcp', from } = options
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'echo', arguments: { text: say } },
  })
  const call = request({
    host: '127.0.0.1',
    port,
    path,
    method: path === '/mcp' ? 'POST' : 'GET',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'content-length': Buffer.byteLength(body),
    },
    agent: false,
    servername: 'localhost',
    rejectUnauthorized: false,
    ciphers: lax,
    ...(version && { minVersion: version, maxVersion: version }),
    ...(shown && { cert: shown.cert, key: shown.key }),
    ...(session && { session }),
    ...(from && { localAddress: from }),
  })
  let ticket: Buffer | undefined
  let resumed = false
  call.once('socket', (socket) => {
    const tls = socket as TLSSocket
    tls.on('session', (newest: Buffer) => {
      ticket = newest
    })
    tls.once('secureConnect', () => {
      resumed = tls.isSessionReused()
      if (tls.getProtocol() === 'TLSv1.2') ticket = tls.getSession()
    })
  })
  call.end(body)
  const [response] = (await once(call, 'response')) as [IncomingMessage]
  call.on('error', () => {}) // the connection may end as it likes after the answer
  return { status: response.statusCode ?? 0, body: await text(response), resumed, session: ticket }
}

export interface BareServer extends AsyncDisposable {
  readonly port: number
  readonly url: string
  /** How many requests came through. */
  requests(): number
}

/** Answers every request with `{}`. */
export async function bareServer(shown: Shown, version?: TlsVersion): Promise<BareServer> {
  let requests = 0
  const sockets = new Set<Socket>()
  const server = createServer(
    {
      ...shown,
      ciphers: lax,
      requestCert: true,
      rejectUnauthorized: false,
      ...(version && { minVersion: version, maxVersion: version }),
    },
    (_request, response) => {
      requests += 1
      response.setHeader('content-type', 'application/json').end('{}')
    },
  )
  server.keepAliveTimeout = 0 // it ends no connection by itself
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('tlsClientError', (_error, socket) => socket.destroy())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `https://localhost:${port}/health`,
    requests: () => requests,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
