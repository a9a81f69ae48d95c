import { once } from 'node:events'
import { createServer as createPlain, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { type AddressInfo, createServer as createTcp, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import type { SecureContextOptions } from 'node:tls'
import type { Forged } from './forge.js'

export interface ForeignServer extends AsyncDisposable {
  readonly url: string
  readonly port: number
  /** How many connections came, and `METHOD path` of every request. */
  connections: number
  readonly requests: string[]
}

/** An HTTPS server that is none of ours: it trusts everybody and answers what it likes. Plain HTTP without a certificate. */
export async function foreignServer(
  certificate:
    | (Pick<Forged, 'cert' | 'key'> & Pick<SecureContextOptions, 'maxVersion' | 'ciphers'>)
    | undefined,
  answer: (request: IncomingMessage, response: ServerResponse, body: string) => void,
  listenPort = 0,
): Promise<ForeignServer> {
  const server = certificate
    ? createServer({
        cert: certificate.cert,
        key: certificate.key,
        maxVersion: certificate.maxVersion,
        ciphers: certificate.ciphers,
        requestCert: true,
        rejectUnauthorized: false,
      })
    : createPlain()
  const sockets = new Set<Socket>()
  const requests: string[] = []
  server.on('connection', (socket) => {
    foreign.connections++
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('request', (request, response) => {
    requests.push(`${request.method} ${request.url}`)
    text(request).then(
      (body) => answer(request, response, body),
      () => {},
    )
  })
  server.listen(listenPort, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const foreign = {
    url: `${certificate ? 'https' : 'http'}://localhost:${port}/mcp`,
    port,
    connections: 0,
    requests,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
  return foreign
}

/** A listener that takes connections and never says anything. */
export async function silentServer(): Promise<AsyncDisposable & { readonly url: string }> {
  const sockets = new Set<Socket>()
  const server = createTcp((socket) => sockets.add(socket.on('error', () => {}))).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}/mcp`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
