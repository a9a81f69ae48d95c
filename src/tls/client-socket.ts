import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'

/**
 * A TLS connection whose server its caller judges: every handshake that can be finished is. Node looks at the server's
 * name by itself, and would put all that the server has shown into words for it (see `presentedLeaf`).
 */
export function connectTls(
  options: Omit<ConnectionOptions, 'rejectUnauthorized' | 'checkServerIdentity'>,
): TLSSocket {
  const socket = connect({ ...options, rejectUnauthorized: false, checkServerIdentity: () => undefined })
  socket.getPeerCertificate = (() => ({})) as TLSSocket['getPeerCertificate']
  return socket
}
