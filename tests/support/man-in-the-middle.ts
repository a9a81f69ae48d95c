import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface Middle extends AsyncDisposable {
  /** The same URL, through this one. */
  readonly url: string
  /** The way to the server of the newest connection, to break it. */
  upstream(): Socket
}

/** Passes bytes on to a server, and can write others between them. */
export async function manInTheMiddle(url: string): Promise<Middle> {
  const through = new URL(url)
  const port = Number(through.port)
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    const upstream = connect(port, '127.0.0.1')
    for (const each of [socket, upstream]) each.on('error', () => {})
    socket.pipe(upstream).pipe(socket)
    sockets.push(socket, upstream)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  through.port = String((server.address() as AddressInfo).port)
  return {
    url: through.href,
    upstream: () => sockets.at(-1) as Socket,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
