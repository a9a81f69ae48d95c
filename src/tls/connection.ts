import type { Identity } from '../auth/identity.js'
import type { CertificateFacts } from '../x509/certificate.js'

export type ConnectionState = 'initiating' | 'handshaking' | 'verified' | 'failed' | 'closed'

/** What was negotiated on one connection, and with whom. Facts appear as the handshake yields them. */
export interface TlsConnection {
  /** The name the client asked for (SNI or the host of the URL). */
  readonly serverName: string | undefined
  /** Port of the server's end. */
  readonly port: number
  readonly state: ConnectionState
  readonly peer: Identity | undefined
  readonly peerCertificate: CertificateFacts | undefined
  readonly localCertificate: CertificateFacts | undefined
  /** `TLSv1.2` or `TLSv1.3`. */
  readonly tlsVersion: string | undefined
  /** The suite's standard (IANA) name. */
  readonly cipherSuite: string | undefined
  /** Group of the key exchange (`X25519`, `X25519MLKEM768` …); undefined where the runtime does not tell. */
  readonly keyExchange: string | undefined
  readonly resumed: boolean
  readonly verified: boolean
  readonly establishedAt: Date | undefined
}
