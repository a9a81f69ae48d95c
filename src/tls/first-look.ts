import type { X509Certificate } from 'node:crypto'
import type { Server, TLSSocket } from 'node:tls'

/**
 * How to get the certificate that a client of this server showed, with its chain. Who looks first gets the
 * chain, the second look is the leaf alone, and Node 24 looks before it hands the socket over. The one way to a
 * socket before that is its `keylog` event; the secrets that come with it are not touched.
 */
export function firstLookOf(server: Server): (socket: TLSSocket) => X509Certificate | undefined {
  const seen = new WeakMap<TLSSocket, X509Certificate | undefined>()
  server.on('keylog', (_secret, socket) => {
    if (seen.has(socket)) return
    seen.set(socket, undefined)
    socket.prependOnceListener('secure', () => seen.set(socket, socket.getPeerX509Certificate()))
  })
  return (socket) => seen.get(socket)
}
