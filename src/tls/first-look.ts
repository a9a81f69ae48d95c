import type { Server, TLSSocket } from 'node:tls'
import type { Shown } from './shown.js'

/**
 * How to get the certificates that a client of this server showed, as `look` sees them. Node 24 looks before it hands
 * the socket over, and takes the chain away, so that whoever looks second gets the leaf alone. The one way to a
 * socket before that is its `keylog` event; the secrets that come with it are not touched.
 */
export function firstLookOf(
  server: Server,
  look: (socket: TLSSocket) => Shown | undefined,
): (socket: TLSSocket) => Shown | undefined {
  const seen = new WeakMap<TLSSocket, Shown | undefined>()
  server.on('keylog', (_secret, socket) => {
    if (seen.has(socket)) return
    seen.set(socket, undefined)
    socket.prependOnceListener('secure', () => seen.set(socket, look(socket)))
  })
  return (socket) => seen.get(socket)
}
