import type { TLSSocket } from 'node:tls'
import type { Identity } from '../../auth/identity.js'
import type { CertificateFacts } from '../../x509/certificate.js'

export type ConnectionState = 'initiating' | 'handshaking' | 'verified' | 'failed' | 'closed'

/** What was negotiated on one connection, and with whom. Facts appear as the handshake provides them. */
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
  /** Group of the key exchange (`X25519`, `X25519MLKEM768` …); undefined if the runtime does not expose it. */
  readonly keyExchange: string | undefined
  readonly resumed: boolean
  readonly verified: boolean
  readonly establishedAt: Date | undefined
}

const next: Readonly<Record<ConnectionState, readonly ConnectionState[]>> = {
  initiating: ['handshaking', 'failed'],
  handshaking: ['verified', 'failed'],
  verified: ['closed'],
  failed: [],
  closed: [],
}

/** One connection and its states; `facts` is the public part, frozen, and another after each step. */
export class ConnectionRecord {
  #facts: TlsConnection

  constructor(
    serverName: string | undefined,
    port: number,
    localCertificate: CertificateFacts | undefined,
    state: ConnectionState = 'initiating',
  ) {
    this.#facts = factsAfter({ serverName, port, localCertificate }, {}, state)
  }

  get facts(): TlsConnection {
    return this.#facts
  }

  /** The next state with what became known. Throws `TypeError` for an invalid step. */
  become(state: ConnectionState, known: Partial<TlsConnection> = {}): void {
    if (!next[this.#facts.state].includes(state)) {
      throw new TypeError(`a connection does not go from ${this.#facts.state} to ${state}`)
    }
    this.#facts = factsAfter(this.#facts, known, state)
  }
}

/** All of one shape: on Node 20 an object that is spread first and then gets more is many times slower to make. */
function factsAfter(
  was: Partial<TlsConnection> & Pick<TlsConnection, 'serverName' | 'port' | 'localCertificate'>,
  known: Partial<TlsConnection>,
  state: ConnectionState,
): TlsConnection {
  return Object.freeze({
    serverName: was.serverName,
    port: was.port,
    state,
    peer: known.peer ?? was.peer,
    peerCertificate: known.peerCertificate ?? was.peerCertificate,
    localCertificate: was.localCertificate,
    tlsVersion: known.tlsVersion ?? was.tlsVersion,
    cipherSuite: known.cipherSuite ?? was.cipherSuite,
    keyExchange: known.keyExchange ?? was.keyExchange,
    resumed: known.resumed ?? was.resumed ?? false,
    verified: known.verified ?? was.verified ?? false,
    establishedAt: known.establishedAt ?? was.establishedAt,
  })
}

/** What a finished handshake negotiated, at this end, and with whom. The server's does not expose the group of the key exchange. */
export function negotiated(
  socket: TLSSocket,
  end: 'server' | 'client',
  establishedAt?: Date,
  peerCertificate?: CertificateFacts,
  peer?: Identity,
): Partial<TlsConnection> {
  const key = end === 'client' && socket.getEphemeralKeyInfo()
  return {
    peer,
    peerCertificate,
    tlsVersion: socket.getProtocol() ?? undefined,
    cipherSuite: socket.getCipher()?.standardName,
    keyExchange: key && 'name' in key && typeof key.name === 'string' ? key.name : undefined,
    resumed: socket.isSessionReused(),
    verified: peer?.verified ?? false,
    establishedAt,
  }
}

/** What a connection was used for. */
export interface Usage {
  readonly durationMs: number
  /** Requests on this connection; undefined if they are not counted, on a client. */
  readonly requests: number | undefined
  /** Of requests and answers, without TLS overhead and without the handshake. */
  readonly bytesRead: number
  readonly bytesWritten: number
}
