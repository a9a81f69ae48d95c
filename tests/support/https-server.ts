import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { createServer, type ServerOptions } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'

export interface HttpsServer extends AsyncDisposable {
  readonly port: number
  /** Where MCP would be. */
  readonly url: string
}

/** Node's own HTTPS server with any options, right or wrong. */
export async function httpsServer(
  options: ServerOptions,
  answer: RequestListener = (_request, response) => void response.end('hello'),
): Promise<HttpsServer> {
  const server = createServer(options, answer)
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('tlsClientError', (_error, socket) => socket.destroy())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `https://localhost:${port}/mcp`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
