import type { DropArgument, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Identity } from '../auth/identity.js'
import { ownerOf } from '../auth/identity.js'
import { type SecurityEvents, type Tell, teller } from './events.js'
import type { Material } from './material/material.js'
import { ConnectionRecord, type TlsConnection } from './peer/connection.js'
import { PeerConnection } from './peer/peer-connection.js'
import { PeerJudge } from './peer/peer-judge.js'
import { GatedSocket, showAuthorization } from './peer/shown-peer.js'
import { Standing } from './peer/standing.js'
import type { Refusal } from './peer/verdict.js'
import {
  addressIn,
  type PendingHandshake,
  PendingHandshakes,
  type PendingLimits,
} from './pending-handshakes.js'
import { PerIdentity } from './per-identity.js'
import { refusalBody, rejectionBody, rejectionPhrase } from './rejection.js'
import { TurnedAway } from './turned-away.js'

export interface GateOptions extends PendingLimits {
  /** Name of the server, for events. */
  readonly name: string
  readonly material: Material
  readonly events: SecurityEvents
  readonly maxConnectionsPerIdentity: number
  /** How long to turn away an address whose peer exceeded the limits; milliseconds. */
  readonly excessPenalty: number
  /** Receives every accepted connection, to hand it to the HTTP parser. */
  readonly accepted: (socket: TLSSocket) => void
}

/** A request whose peer still qualifies. */
export interface JudgedRequest {
  readonly accepted: true
  readonly identity: Identity
  readonly connection: TlsConnection
}

/** How long a refused peer may take to send its request and read the reason; milliseconds. */
const timeToRead = 1000
const timeToAsk = 200

/** The protocols that we speak, as TLS has them: a list would be converted for each connection. */
const protocols = Buffer.from('\x08http/1.1', 'latin1')

/** What an error of TLS does once the handshake is done. One function for all connections. */
function destroyThis(this: TLSSocket): void {
  this.destroy()
}

const destroy = (_refusal: Refusal, socket: TLSSocket) => void socket.destroy()

/**
 * What stands before a plain HTTP server, so that it receives only TLS connections whose client was judged. The gate owns
 * the raw sockets: OpenSSL only asks for the certificate (`rejectUnauthorized: false`), because a peer refused in the handshake would
 * never learn why, and a resumed session would not be judged at all.
 */
export class Gate {
  readonly #accepted: (socket: TLSSocket) => void
  #material: Material
  #judge: PeerJudge
  readonly #pending: PendingHandshakes
  readonly #turnedAway: TurnedAway
  readonly #perIdentity: PerIdentity
  /** Whose each connection was when it was counted. */
  readonly #owners = new WeakMap<PeerConnection, string>()
  /** By address. */
  readonly #served = new PerIdentity(Number.POSITIVE_INFINITY)
  readonly #refused = new Set<TLSSocket>()
  readonly #open = new Map<TLSSocket, PeerConnection>()
  readonly #standings = new WeakMap<PeerConnection, Standing>()
  readonly #tell: Tell
  /** That of all its connections. */
  #port: number | undefined
  /** Hears of the end of accepted connections; one for all of them. */
  readonly #closed: (this: TLSSocket) => void

  constructor(options: GateOptions) {
    const { material, events, name, accepted } = options
    this.#accepted = accepted
    this.#material = material
    this.#judge = new PeerJudge(material, 'client')
    this.#tell = teller(events, { side: 'server', name, mode: material.mode })
    this.#turnedAway = new TurnedAway(options.excessPenalty)
    this.#perIdentity = new PerIdentity(options.maxConnectionsPerIdentity)
    this.#pending = new PendingHandshakes(options, (peerAddress, { code, message }) =>
      this.#tell('handshake-failed', { peerAddress, reason: code, message }),
    )
    const ended = (socket: TLSSocket) => this.#ended(socket)
    this.#closed = function () {
      ended(this)
    }
  }

  /**
   * Switches to other material. When CAs or revocation lists have changed, earlier session tickets become invalid, and
   * connections whose peer no longer qualifies end.
   */
  use(material: Material): void {
    const trustChanged = material.trustVersion !== this.#material.trustVersion
    this.#material = material
    if (!trustChanged) return
    this.#judge = new PeerJudge(material, 'client')
    for (const [socket, connection] of this.#open) {
      connection.rejudge(this.#judge)
      showAuthorization(socket, connection)
    }
  }

  /** The connections that are open and accepted. */
  connections(): TlsConnection[] {
    return [...this.#open.values()].map(({ facts }) => facts)
  }

  /** How many connections were closed before TLS because of what their address had shown. */
  get turnedAway(): number {
    return this.#turnedAway.count
  }

  /** Ends connections that are not accepted, or not yet; used when a server stops. */
  destroyPending(): void {
    this.#pending.destroyAll()
    for (const socket of this.#refused) socket.destroy()
  }

  /**
   * Whether the client of this connection knows a certificate of ours that has been replaced. It should reconnect
   * before the CA of the old certificate is no longer trusted.
   */
  isOutdated(socket: TLSSocket): boolean {
    const known = this.#open.get(socket)?.facts.localCertificate
    return known !== undefined && known.fingerprint256 !== this.#material.certificate.fingerprint256
  }

  /**
   * Judges the peer of a new request: certificates expire and are revoked while connections are open. A refusal is
   * reported as an event; the caller answers and closes.
   */
  judgeRequest(socket: TLSSocket): JudgedRequest | Refusal {
    const connection = this.#open.get(socket)
    if (!connection)
      return { accepted: false, code: 'CLIENT_CERT_REQUIRED', message: 'this connection was never accepted' }
    connection.requests++
    const verdict = connection.verdict()
    if (!verdict.accepted) return verdict
    return { accepted: true, identity: verdict.identity, connection: connection.facts }
  }

  /** How the peer of this connection stands, also when it has ended; undefined if it was never accepted. */
  standing(socket: TLSSocket): Standing | undefined {
    const connection = this.#open.get(socket)
    if (!connection) return undefined
    const known = this.#standings.get(connection)
    if (known) return known
    const standing = new Standing(connection.peerFacts, () => this.#judge)
    this.#standings.set(connection, standing)
    return standing
  }

  /** Takes a connection that has just been opened. */
  greet(raw: Socket): void {
    raw.allowHalfOpen = false
    const { remoteAddress = 'unknown' } = raw
    // While this address is being served, it is shared by good peers and a bad one: a proxy, a whole machine.
    if (!this.#served.has(remoteAddress) && this.#turnedAway.refuses(remoteAddress)) return void raw.destroy()
    const handshake = this.#pending.begin(raw)
    if (!handshake) return
    const { certificate, context } = this.#material
    const socket = new GatedSocket(raw, {
      isServer: true,
      secureContext: context,
      requestCert: true,
      rejectUnauthorized: false, // judged by the gate
      ALPNProtocols: protocols,
    })
    const failed = (error: Error) => {
      handshake.explain(error)
      socket.destroy()
    }
    socket.on(tlsError, failed)
    socket.once('secure', () => {
      // The handshake and all that it needed can be forgotten.
      socket.off(tlsError, failed)
      socket.on(tlsError, destroyThis)
      this.#judgeClient(socket, handshake, certificate)
    })
  }

  /** Reports a connection that the listener did not take. */
  dropped(dropped: DropArgument | undefined): void {
    const peerAddress = `${dropped?.remoteAddress}:${dropped?.remotePort}`
    this.#tell('handshake-failed', {
      peerAddress,
      reason: 'CONNECTION_FAILED',
      message: 'refused: too many connections',
    })
  }

  /** The end of a handshake: the client is passed on, or refused. */
  #judgeClient(socket: GatedSocket, handshake: PendingHandshake, certificate: Material['certificate']): void {
    handshake.finish()
    this.#port ??= socket.localPort
    const serverName = socket.servername || undefined
    const record = new ConnectionRecord(serverName, this.#port ?? 0, certificate, 'handshaking')
    socket.on('close', this.#closed)
    const facts = this.#judge.read(socket)
    const { peerAddress, address } = handshake
    if (facts.isExcessive) this.#turnedAway.add(address)
    const connection = PeerConnection.admit(
      { socket, record, peerAddress, tell: this.#tell, end: destroy },
      this.#judge,
      facts,
    )
    if (!(connection instanceof PeerConnection)) {
      const { code, message } = connection
      return this.#refuse(socket, `403 ${rejectionPhrase(connection)}`, rejectionBody(code, message))
    }
    const { peer } = connection.facts
    const owner = peer ? ownerOf(peer) : ''
    if (!this.#perIdentity.take(owner)) {
      const message = `${owner} has as many connections as it may`
      this.#tell('connection-ended', {
        peerAddress,
        connection: record.facts,
        reason: 'RATE_LIMITED',
        message,
      })
      socket.once('close', () => connection.closed())
      const body = refusalBody('RATE_LIMITED', message)
      return this.#refuse(socket, '429 Too Many Connections\r\nRetry-After: 1', body)
    }
    this.#served.take(address)
    this.#owners.set(connection, owner)
    this.#open.set(socket, connection)
    GatedSocket.show(socket, connection)
    this.#accepted(socket)
  }

  #ended(socket: TLSSocket): void {
    const connection = this.#open.get(socket)
    if (!connection) return
    this.#open.delete(socket)
    connection.closed()
    this.#perIdentity.give(this.#owners.get(connection) ?? '')
    this.#served.give(addressIn(connection.peerAddress))
  }

  #refuse(socket: TLSSocket, status: string, body: string): void {
    this.#refused.add(socket)
    socket.once('close', () => this.#refused.delete(socket))
    answerAndEnd(socket, status, body)
  }
}

/** Node's own event name for a TLS error on a socket without a server of its own. */
const tlsError = '_tlsError' as 'error'

/** Tells a refused peer why, in HTTP, the only way after a handshake, and closes the connection. */
function answerAndEnd(socket: TLSSocket, status: string, body: string): void {
  const head = [
    `HTTP/1.1 ${status}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ]
  socket.on('error', () => socket.destroy())
  const answer = () => {
    clearTimeout(silence)
    if (!socket.writableEnded) socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
  }
  // Some clients (Go's) treat an answer that comes before their request as a connection error.
  const silence = setTimeout(answer, timeToAsk)
  socket.once('data', answer)
  socket.resume() // what it still sends is discarded, so that it starts reading
  const timer = setTimeout(() => socket.destroy(), timeToRead)
  socket.once('close', () => {
    clearTimeout(silence)
    clearTimeout(timer)
  })
}
