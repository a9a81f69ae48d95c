import { randomBytes } from 'node:crypto'
import type { ServerOptions as HttpOptions } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { MtlsError } from '../errors.js'
import { atMoment } from './at-moment.js'
import { ConnectionRecord, negotiated, type TlsConnection, usageOf } from './connection.js'
import { contextError, contextOptions } from './context.js'
import { type SecurityEvents, type Tell, teller } from './events.js'
import { firstLookOf } from './first-look.js'
import type { Material } from './material.js'
import { PeerReader } from './peer.js'
import { addressOf, PendingHandshakes, type PendingLimits } from './pending-handshakes.js'
import { rejectionBody } from './rejection.js'
import { expiryOf, type PeerFacts, type Refusal, type Verdict, verdict } from './verdict.js'

export interface GateOptions extends PendingLimits {
  /** Of the server, for events. */
  readonly name: string
  readonly material: Material
  readonly events: SecurityEvents
  readonly maxConnections: number
  /** Limits of the HTTP server behind it. */
  readonly http: HttpOptions
}

interface Admitted {
  readonly record: ConnectionRecord
  facts: PeerFacts
  readonly peerAddress: string
  requests: number
  /** Takes back the look at the end of its path. */
  cancel: () => void
  /** It was told that this peer no longer qualifies; requests that are still under way do not tell it again. */
  ended?: true
}

/** How long a refused peer may take to read why, and to ask first, milliseconds. */
const farewell = 1000
const patience = 200

/**
 * The HTTPS server whose every connection was judged by `verdict` before the HTTP parser sees a byte of
 * it. OpenSSL only asks for the certificate (`rejectUnauthorized: false`): refused in the handshake, a
 * peer would never learn why, and resumed sessions would not be judged at all.
 */
export class Gate {
  readonly server: Server
  #material: Material
  #reader: PeerReader
  readonly #firstLook: ReturnType<typeof firstLookOf>
  #ticketKeys = randomBytes(48)
  readonly #pending: PendingHandshakes
  readonly #admitted = new Map<TLSSocket, Admitted>()
  readonly #tell: Tell

  /** Throws `CERT_INVALID` when OpenSSL does not take the material. */
  constructor(options: GateOptions) {
    const { material, events, name } = options
    this.#material = material
    this.#reader = new PeerReader(material.anchors, 'clientAuth')
    this.#tell = teller(events, { side: 'server', name, mode: material.mode })
    this.#pending = new PendingHandshakes(options, (peerAddress, { code, message }) =>
      this.#tell('handshake-failed', { peerAddress, reason: code, message }),
    )
    this.server = createGatedServer(options, this.#ticketKeys)
    this.server.maxConnections = options.maxConnections
    this.#firstLook = firstLookOf(this.server, (socket) => this.#reader.look(socket))
    this.#replaceConnectionListener()
    this.server.on('connection', (socket) => this.#pending.begin(socket as Socket))
    this.server.on('tlsClientError', (error, socket) => {
      this.#pending.explain(socket, error)
      socket.destroy()
    })
    this.server.on('drop', (dropped) => {
      const peerAddress = `${dropped?.remoteAddress}:${dropped?.remotePort}`
      this.#tell('handshake-failed', {
        peerAddress,
        reason: 'CONNECTION_FAILED',
        message: 'refused: too many connections',
      })
    })
  }

  /**
   * Takes up other material. When CAs or revocation lists have changed, session tickets of before are worthless,
   * and connections whose peer no longer qualifies end.
   */
  use(material: Material): void {
    const trustChanged = material.trustVersion !== this.#material.trustVersion
    this.#material = material
    if (trustChanged) {
      this.#reader = new PeerReader(material.anchors, 'clientAuth')
      this.#ticketKeys = randomBytes(48)
    }
    this.server.setSecureContext({ ...contextOptions(material), ticketKeys: this.#ticketKeys })
    if (!trustChanged) return
    for (const [socket, admitted] of this.#admitted) {
      admitted.facts = this.#reader.rebase(admitted.facts, true)
      this.#rejudge(socket, admitted)
    }
  }

  /** The connections that are open and accepted. */
  connections(): TlsConnection[] {
    return [...this.#admitted.values()].map(({ record }) => record.facts)
  }

  /** Ends what has not become a connection yet; for the end of a server. */
  destroyPending(): void {
    this.#pending.destroyAll()
  }

  /** What is known of an open, accepted connection. */
  connectionOf(socket: TLSSocket): TlsConnection | undefined {
    return this.#admitted.get(socket)?.record.facts
  }

  /**
   * Whether the client of this connection knows a certificate of ours that has been replaced. It should come back
   * over another connection, before the CA of the old certificate is no longer trusted.
   */
  isOutdated(socket: TLSSocket): boolean {
    const known = this.connectionOf(socket)?.localCertificate
    return known !== undefined && known.fingerprint256 !== this.#material.certificate.fingerprint256
  }

  /**
   * Judges the peer of an open connection again, as every request must be: certificates expire and are
   * revoked while connections live. A refusal is told as an event; the caller answers and closes.
   */
  recheck(socket: TLSSocket): Verdict {
    const admitted = this.#admitted.get(socket)
    if (!admitted)
      return { accepted: false, code: 'CLIENT_CERT_REQUIRED', message: 'this connection was never accepted' }
    const { record, peerAddress } = admitted
    const again = this.#verdictNow(admitted)
    if (!again.accepted && !admitted.ended) {
      admitted.ended = true
      const { code, message } = again
      this.#tell('connection-ended', { peerAddress, connection: record.facts, reason: code, message })
    }
    return again
  }

  /** `recheck` for a request that has come. */
  judgeRequest(socket: TLSSocket): Verdict {
    const admitted = this.#admitted.get(socket)
    if (admitted) admitted.requests++
    return this.recheck(socket)
  }

  /** Puts our verdict in front of Node's HTTP parser. A listener merely added before would let it run too. */
  #replaceConnectionListener(): void {
    const [parse, ...others] = this.server.listeners('secureConnection')
    if (!parse || others.length > 0) {
      throw new MtlsError(
        'TLS_HANDSHAKE_FAILED',
        'this version of Node attaches its HTTP parser in an unknown way',
        {
          hint: `Use a supported version of Node instead of ${process.version}.`,
        },
      )
    }
    this.server.removeListener('secureConnection', parse as () => void)
    this.server.on('secureConnection', (socket) => {
      this.#pending.finish(socket)
      if (this.#judge(socket)) parse.call(this.server, socket)
    })
  }

  /** An old certificate on the way may have ended while a renewed one goes on: then there is another way. */
  #verdictNow(admitted: Admitted): Verdict {
    const judged = this.#verdict(admitted.facts)
    if (judged.accepted) return judged
    admitted.facts = this.#reader.rebase(admitted.facts)
    return this.#verdict(admitted.facts)
  }

  /** At the end of its path, and when the trust has changed: it ends, or goes on to the end that its path has now. */
  #rejudge(socket: TLSSocket, admitted: Admitted): void {
    admitted.cancel()
    const judged = this.recheck(socket)
    if (judged.accepted)
      admitted.cancel = atMoment(expiryOf(judged.path), () => this.#rejudge(socket, admitted))
    else socket.destroy()
  }

  #verdict(facts: PeerFacts): Verdict {
    const { mode, crls } = this.#material
    return verdict(facts, { peer: 'client', mode, crls }, new Date())
  }

  /** True when the peer may go on; a refused one has been answered. */
  #judge(socket: TLSSocket): boolean {
    const peerAddress = addressOf(socket)
    const record = new ConnectionRecord(
      socket.servername || undefined,
      socket.localPort ?? 0,
      this.#material.certificate,
    )
    record.become('handshaking', negotiated(socket))
    const facts = this.#reader.read(socket, this.#firstLook(socket))
    const judged = this.#verdict(facts)
    const known = { peerCertificate: facts.path?.certificates[0], establishedAt: new Date() }
    if (!judged.accepted) {
      record.become('failed', known)
      const { code: reason, message } = judged
      this.#tell('connection-refused', { peerAddress, connection: record.facts, reason, message })
      refuse(socket, judged)
      return false
    }
    const { identity, relaxed, path } = judged
    record.become('verified', { ...known, peer: identity, verified: identity.verified })
    this.#admit(socket, { record, facts, peerAddress, requests: 0, cancel: () => {} }, expiryOf(path))
    this.#tell('connection-accepted', { peerAddress, connection: record.facts })
    if (relaxed.length > 0)
      this.#tell('verification-relaxed', { peerAddress, connection: record.facts, relaxed })
    return true
  }

  #admit(socket: TLSSocket, admitted: Admitted, expiry: Date): void {
    const { record, peerAddress } = admitted
    this.#admitted.set(socket, admitted)
    admitted.cancel = atMoment(expiry, () => this.#rejudge(socket, admitted))
    socket.once('close', () => {
      admitted.cancel()
      this.#admitted.delete(socket)
      record.become('closed')
      const usage = usageOf(socket, record, admitted.requests)
      this.#tell('connection-closed', { peerAddress, connection: record.facts, ...usage })
    })
  }
}

function createGatedServer({ material, handshakeTimeout, http }: GateOptions, ticketKeys: Buffer): Server {
  try {
    return createServer({
      ...http,
      ...contextOptions(material),
      requestCert: true,
      rejectUnauthorized: false, // judged by the gate
      handshakeTimeout,
      ALPNProtocols: ['http/1.1'],
      ticketKeys,
      noDelay: true,
    })
  } catch (error) {
    throw contextError(error, material)
  }
}

/** Tells a refused peer why, in the only words it can read after a handshake, and lets it go. */
function refuse(socket: TLSSocket, { code, message }: Refusal): void {
  const body = rejectionBody(code, message)
  const head = [
    'HTTP/1.1 403 Forbidden',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ]
  socket.on('error', () => socket.destroy())
  const answer = () => {
    clearTimeout(silence)
    if (!socket.writableEnded) socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
  }
  // Some clients (Go's) take an answer that comes before they have asked for a fault of the connection.
  const silence = setTimeout(answer, patience)
  socket.once('data', answer)
  socket.resume() // what it still sends is thrown away, so that it comes to reading
  const timer = setTimeout(() => socket.destroy(), farewell)
  socket.once('close', () => {
    clearTimeout(silence)
    clearTimeout(timer)
  })
}
