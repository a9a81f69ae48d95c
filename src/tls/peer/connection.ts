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

type Writable<Facts> = { -readonly [Name in keyof Facts]: Facts[Name] }

/** One connection and its states; `facts` is the public part, frozen once it was read, and another after the next step. */
export class ConnectionRecord {
  #facts: Writable<TlsConnection>
  #isRead = false

  constructor(serverName: string | undefined, port: number, localCertificate: CertificateFacts | undefined) {
    this.#facts = {
      serverName,
      port,
      state: 'initiating',
      peer: undefined,
      peerCertificate: undefined,
      localCertificate,
      tlsVersion: undefined,
      cipherSuite: undefined,
      keyExchange: undefined,
      resumed: false,
      verified: false,
      establishedAt: undefined,
    }
  }

  get facts(): TlsConnection {
    if (!this.#isRead) Object.freeze(this.#facts)
    this.#isRead = true
    return this.#facts
  }

  /** The next state with what became known. Throws `TypeError` for an invalid step. */
  become(state: ConnectionState, known: Partial<TlsConnection> = {}): void {
    if (!next[this.#facts.state].includes(state)) {
      throw new TypeError(`a connection does not go from ${this.#facts.state} to ${state}`)
    }
    // Few steps are looked at: only those cost a copy.
    if (this.#isRead) this.#facts = { ...this.#facts }
    this.#isRead = false
    Object.assign(this.#facts, known, { state })
  }
}

/** What a finished handshake negotiated, at this end. The server's does not expose the group of the key exchange. */
export function negotiated(socket: TLSSocket, end: 'server' | 'client'): Partial<TlsConnection> {
  const key = end === 'client' && socket.getEphemeralKeyInfo()
  return {
    tlsVersion: socket.getProtocol() ?? undefined,
    cipherSuite: socket.getCipher()?.standardName,
    keyExchange: key && 'name' in key && typeof key.name === 'string' ? key.name : undefined,
    resumed: socket.isSessionReused(),
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

/** The same, once the connection is closed. */
export function usageOf(socket: TLSSocket, { facts }: ConnectionRecord, requests?: number): Usage {
  const { bytesRead, bytesWritten } = socket
  const durationMs = Date.now() - (facts.establishedAt?.getTime() ?? Date.now())
  return { durationMs, requests, bytesRead, bytesWritten }
}
