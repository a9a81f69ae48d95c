import { isIP } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { buildConnector } from 'undici'
import { endpointOf, waysTo } from '../config/index.js'
import { errorCodes, MtlsError, type MtlsErrorCode } from '../errors.js'
import { bare, hostPort } from '../text/host.js'
import { connectTls } from '../tls/client-socket.js'
import { type SecurityEvents, type Tell, teller } from '../tls/events.js'
import { refusalInAlert } from '../tls/foreign-refusal.js'
import { handshakeError } from '../tls/handshake-error.js'
import type { Material } from '../tls/material/material.js'
import { ConnectionRecord, type TlsConnection } from '../tls/peer/connection.js'
import { PeerConnection } from '../tls/peer/peer-connection.js'
import { PeerJudge } from '../tls/peer/peer-judge.js'
import type { Refusal } from '../tls/peer/verdict.js'
import { connectionError, ownFailure, passingFailure } from './failure.js'
import { type Session, SessionCache } from './sessions.js'

export interface ConnectorOptions {
  readonly material: Material
  readonly events: SecurityEvents
  /** The name the certificate must have, instead of the host of the URL. */
  readonly serverName?: string | undefined
  /** The identities of which the server must be one, instead of having that name. */
  readonly serverIds?: readonly string[] | undefined
  /** For the TCP connection, milliseconds. */
  readonly connectTimeout: number
  /** For the TLS handshake after it, milliseconds. */
  readonly handshakeTimeout: number
}

interface Target {
  readonly host: string
  readonly port: number
  readonly serverName: string
  /** `host:port`, for people. */
  readonly address: string
  /** Sessions and connections of one server are under one key. */
  readonly key: string
}

/**
 * Opens TLS connections whose server was judged by `verdict` before a byte of a request is written, full
 * handshake or resumed, and keeps judging: before every request, and at the moment of expiry.
 */
export class Connector {
  readonly #options: ConnectorOptions
  /** By which servers are judged; newer than what their connections were made with once it has changed. */
  #trust: Material
  #judge: PeerJudge
  readonly #sessions = new SessionCache()
  readonly #open = new Map<string, Set<PeerConnection>>()
  readonly #latest = new Map<string, ConnectionRecord>()
  /** The target asked for last: most clients have one. */
  #last: { readonly href: string; readonly target: Target } | undefined
  /** What servers have said against our certificate, for the requests that it ended. */
  readonly #refusals = new Map<string, { readonly refused: MtlsError; readonly at: number }>()

  constructor(options: ConnectorOptions) {
    this.#options = options
    this.#trust = options.material
    this.#judge = new PeerJudge(options.material, 'server', options.serverIds)
  }

  /** The way undici asks for a connection. */
  readonly connect: buildConnector.connector = ({ hostname, port }, callback) => {
    this.#handshake(this.#target({ host: bare(hostname), port: Number(port || 443) })).then(
      (socket) => callback(null, socket),
      (error: Error) => callback(error, null),
    )
  }

  /** How many connections are open, to one origin or to all. */
  open(origin?: URL): number {
    if (origin) return this.#open.get(this.#targetOf(origin).key)?.size ?? 0
    return [...this.#open.values()].reduce((sum, { size }) => sum + size, 0)
  }

  /** The newest connection to an origin whose handshake was finished, open or not. */
  latest(origin: URL): TlsConnection | undefined {
    return this.#latest.get(this.#targetOf(origin).key)?.facts
  }

  /**
   * To be called before every request: connections whose server no longer qualifies are ended, so that no
   * request goes over them.
   */
  sweep(origin: URL): void {
    for (const open of this.#open.get(this.#targetOf(origin).key) ?? []) open.check()
  }

  /** From now on this trust counts, also for connections that are open: those whose server does not qualify end. */
  judgeBy(trust: Material): void {
    if (trust.trustVersion === this.#trust.trustVersion) return
    this.#trust = trust
    this.#judge = new PeerJudge(trust, 'server', this.#options.serverIds)
    for (const set of this.#open.values()) for (const open of set) open.rejudge(this.#judge)
  }

  /** The alert about our certificate with which the server has ended a connection since `begun`, of `performance.now()`. */
  refusalSince(begun: number, origin: URL): MtlsError | undefined {
    const last = this.#refusals.get(this.#targetOf(origin).key)
    return last && last.at >= begun ? last.refused : undefined
  }

  /** The server refused us: the next connection begins with a full handshake. */
  forget(origin: URL): void {
    this.#sessions.delete(this.#targetOf(origin).key)
  }

  #targetOf(origin: URL): Target {
    if (this.#last?.href === origin.href) return this.#last.target
    this.#last = { href: origin.href, target: this.#target(endpointOf(origin)) }
    return this.#last.target
  }

  /** undici names an IPv6 host without brackets, a URL with them: one server has one key. */
  #target({ host, port }: Pick<Target, 'host' | 'port'>): Target {
    const { serverName = host, serverIds = [] } = this.#options
    const address = hostPort({ host, port })
    return { host, port, serverName, address, key: [address, serverName, ...serverIds].join(' ') }
  }

  #tell(name: string): Tell {
    const { events, material } = this.#options
    return teller(events, { side: 'client', name, mode: material.mode })
  }

  #handshake(target: Target): Promise<TLSSocket> {
    const { host, port, serverName, address, key } = target
    const record = new ConnectionRecord(serverName, port, this.#options.material.certificate)
    const session = this.#sessions.get(key)
    const socket = connectTls({
      host,
      port,
      ...waysTo(host),
      secureContext: this.#options.material.context,
      ...(isIP(serverName) === 0 && { servername: serverName }),
      ...(session && { session: session.ticket }),
      ALPNProtocols: ['http/1.1'],
    })
    socket.setNoDelay(true)
    return new Promise((resolve, reject) => {
      let connected = false
      const fail = (error: MtlsError) => {
        clearTimeout(timer)
        if (record.facts.state !== 'failed') record.become('failed')
        socket.destroy()
        reject(ownFailure(error, 'no')) // undici writes no request before it has the connection
      }
      const late = () =>
        fail(
          passingFailure(
            connected
              ? new MtlsError(
                  'TLS_HANDSHAKE_TIMEOUT',
                  `the server at ${address} did not finish the TLS handshake within ${this.#options.handshakeTimeout} ms`,
                )
              : new MtlsError(
                  'CONNECTION_TIMEOUT',
                  `no connection to ${address} within ${this.#options.connectTimeout} ms`,
                ),
          ),
        )
      let timer = setTimeout(late, this.#options.connectTimeout)
      socket.once('connect', () => {
        connected = true
        record.become('handshaking')
        clearTimeout(timer)
        timer = setTimeout(late, this.#options.handshakeTimeout)
      })
      socket.on('error', (error: NodeJS.ErrnoException) => {
        const server = `the server at ${address}`
        const refused = refusalInAlert(error.code, server)
        // In TLS 1.3 it comes after the handshake, where a request is under way already.
        if (refused) this.#refusals.set(key, { refused, at: performance.now() })
        if (record.facts.state === 'verified' || record.facts.state === 'closed') return
        const translated = connected
          ? (refused ?? handshakeError(error, server))
          : connectionError(error, address)
        if (connected)
          this.#tell(address)('handshake-failed', {
            peerAddress: address,
            reason: translated.code,
            message: translated.message,
          })
        fail(translated)
      })
      socket.once('secureConnect', () => {
        clearTimeout(timer)
        try {
          this.#admit(socket, target, record, session)
          resolve(socket)
        } catch (error) {
          fail(error as MtlsError)
        }
      })
    })
  }

  /** Judges the server at the end of a handshake; throws when it is refused. */
  #admit(socket: TLSSocket, target: Target, record: ConnectionRecord, session: Session | undefined): void {
    const { key, address, serverName } = target
    const judge = this.#judge
    this.#latest.set(key, record)
    const end = (refusal: Refusal) => {
      this.#sessions.delete(key)
      socket.destroy(refusedServer(refusal, address))
    }
    const facts =
      socket.isSessionReused() && session
        ? judge.rebase(session.facts, session.judge !== judge)
        : judge.read(socket, serverName)
    const connection = PeerConnection.admit(
      { socket, record, peerAddress: address, serverName, tell: this.#tell(address), end },
      judge,
      facts,
    )
    if (!(connection instanceof PeerConnection)) {
      this.#sessions.delete(key)
      throw refusedServer(connection, address)
    }
    socket.on('session', (ticket) => this.#sessions.set(key, { ticket, facts, judge }))
    const ticket = socket.getProtocol() === 'TLSv1.2' ? socket.getSession() : undefined
    if (ticket) this.#sessions.set(key, { ticket, facts, judge })
    const set = this.#open.get(key) ?? new Set()
    this.#open.set(key, set.add(connection))
    socket.once('close', () => {
      connection.closed()
      set.delete(connection)
      if (set.size === 0) this.#open.delete(key)
    })
  }
}

export function refusedServer({ code, message, hint }: Refusal, address: string): MtlsError {
  return new MtlsError(code, `we refused the server at ${address}: ${message}`, {
    hint: hint ?? serverHints[code] ?? errorCodes[code],
  })
}

/** The codes that both sides share ask for other things when it is the server's certificate. */
const serverHints: Partial<Record<MtlsErrorCode, string>> = {
  CERT_EXPIRED: 'The operator of the server must renew its certificate.',
  CERT_REVOKED: 'The operator of the server must issue a new certificate for it.',
}
