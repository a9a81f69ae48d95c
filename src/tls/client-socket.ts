import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'

/**
 * A TLS connection whose server is judged by the caller: every handshake that can finish does. Node would check the
 * server's name, and convert everything the server has shown to text for that (see `presentedLeaf`).
 */
export function connectTls(
  options: Omit<ConnectionOptions, 'rejectUnauthorized' | 'checkServerIdentity'>,
): TLSSocket {
  const socket = connect({ ...options, rejectUnauthorized: false, checkServerIdentity: () => undefined })
  socket.getPeerCertificate = (() => ({})) as TLSSocket['getPeerCertificate']
  return socket
}
