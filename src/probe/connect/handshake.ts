import { negotiated, type TlsConnection } from '../../tls/peer/connection.js'
import { PeerJudge } from '../../tls/peer/peer-judge.js'
import type { PeerFacts } from '../../tls/peer/verdict.js'
import { closeGracefully, type OpenOptions, openTls } from './open-tls.js'

/** What one handshake showed, without a verdict. */
export interface Handshake {
  readonly peer: PeerFacts
  readonly negotiated: Pick<TlsConnection, 'tlsVersion' | 'cipherSuite' | 'keyExchange'>
  readonly clientCertificateRequested: boolean
}

/**
 * One TLS handshake with a server, as our client makes it; no byte of a request is sent. A server that rejects our
 * certificate may say so only later (TLS 1.3). Throws what `openTls` throws.
 */
export async function handshake(options: OpenOptions): Promise<Handshake> {
  const socket = await openTls(options)
  const { anchors, domains, serverIds } = options
  const judge = new PeerJudge({ anchors, domains, mode: 'strict', crls: undefined }, 'server', serverIds)
  try {
    const { tlsVersion, cipherSuite, keyExchange } = negotiated(socket, 'client')
    return {
      peer: judge.read(socket, options.serverName ?? options.host),
      negotiated: { tlsVersion, cipherSuite, keyExchange },
      // On a client these are what the server's CertificateRequest brought (RFC 8446 section 4.3.2).
      clientCertificateRequested: socket.getSharedSigalgs().length > 0,
    }
  } finally {
    await closeGracefully(socket)
  }
}
