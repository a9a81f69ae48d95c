import type { TLSSocket } from 'node:tls'
import type { CertificateFacts } from '../../x509/certificate.js'
import type { Tell } from '../events.js'
import { type ConnectionRecord, negotiated, type TlsConnection } from './connection.js'
import type { Moments } from './moments.js'
import type { PeerJudge } from './peer-judge.js'
import type { PeerFacts, Refusal, Verdict } from './verdict.js'

/** A connection whose handshake is finished. */
export interface Handshaken {
  readonly socket: TLSSocket
  readonly record: ConnectionRecord
  readonly peerAddress: string
  /** The host that was called; on a client. */
  readonly serverName?: string
  readonly tell: Tell
  /** Ends the connection when its peer no longer qualifies. */
  readonly end: (refusal: Refusal, socket: TLSSocket) => void
}

/**
 * An accepted connection, on either side. Its peer is judged again when a certificate on its path expires and when the
 * trust changes; between the two the verdict cannot change, so that a request uses the one that is kept.
 */
export class PeerConnection {
  /** Requests on this connection; counted on a server. */
  requests = 0
  readonly #of: Handshaken
  #judge: PeerJudge
  #facts: PeerFacts
  #verdict: Verdict
  /** The verdict is kept between these moments, milliseconds. The first matters when the clock is set back. */
  #since = 0
  #until = 0
  /** Where it waits for the end of its verdict. */
  #waitsIn: Moments | undefined

  /** Judges the peer at the end of a handshake, and reports the verdict. */
  static admit(handshaken: Handshaken, judge: PeerJudge, facts: PeerFacts): PeerConnection | Refusal {
    const { socket, record, peerAddress, serverName, tell } = handshaken
    const now = new Date()
    const judged = judge.verdict(facts, serverName, now)
    const end = serverName === undefined ? 'server' : 'client'
    const identity = judged.accepted ? judged.identity : undefined
    record.become(
      judged.accepted ? 'verified' : 'failed',
      negotiated(socket, end, now, facts.path?.certificates[0], identity),
    )
    if (!judged.accepted) {
      const { code: reason, message } = judged
      tell('connection-refused', { peerAddress, connection: record.facts, reason, message })
      return judged
    }
    const { relaxed } = judged
    const connection = new PeerConnection(handshaken, judge, facts, judged, now.getTime())
    tell('connection-accepted', { peerAddress, connection: record.facts })
    if (relaxed.length > 0) tell('verification-relaxed', { peerAddress, connection: record.facts, relaxed })
    return connection
  }

  private constructor(
    handshaken: Handshaken,
    judge: PeerJudge,
    facts: PeerFacts,
    verdict: Verdict,
    now: number,
  ) {
    this.#of = handshaken
    this.#judge = judge
    this.#facts = facts
    this.#verdict = verdict
    this.#keep(verdict, now)
  }

  get facts(): TlsConnection {
    return this.#of.record.facts
  }

  get peerAddress(): string {
    return this.#of.peerAddress
  }

  /** What the peer showed, as it is judged now. */
  get peerFacts(): PeerFacts {
    return this.#facts
  }

  /** From the leaf to a root, as far as it is known. */
  get path(): readonly CertificateFacts[] {
    return this.#facts.path?.certificates ?? []
  }

  /** Why the peer is not verified, what demo mode let pass too; undefined when it is. */
  get complaint(): string | undefined {
    const verdict = this.#verdict
    if (!verdict.accepted) return verdict.code
    if (verdict.identity.verified) return undefined
    return this.#facts.authorizationError ?? verdict.relaxed[0] ?? 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'
  }

  /** Whether the peer still qualifies. A refusal is reported once and is final. */
  verdict(): Verdict {
    const now = Date.now()
    if (now < this.#since || now > this.#until) this.#judgeAgain()
    return this.#verdict
  }

  /** Ends the connection when its peer no longer qualifies. */
  check(): void {
    if (this.#of.socket.destroyed) return // it has ended already
    const verdict = this.verdict()
    if (!verdict.accepted) this.#of.end(verdict, this.#of.socket)
  }

  /** Uses this from now on: the trust has changed. */
  rejudge(judge: PeerJudge): void {
    this.#judge = judge
    this.#facts = judge.rebase(this.#facts, true)
    if (this.#verdict.accepted) this.#judgeAgain()
    this.check()
  }

  #judgeAgain(): void {
    const now = new Date()
    // An old certificate on the path may have expired while a renewed one is valid: then there is another path.
    this.#facts = this.#judge.rebase(this.#facts)
    const { record, peerAddress, serverName, tell } = this.#of
    const verdict = this.#judge.verdict(this.#facts, serverName, now)
    this.#keep(verdict, now.getTime())
    if (verdict.accepted) return
    const { code: reason, message } = verdict
    tell('connection-ended', { peerAddress, connection: record.facts, reason, message })
  }

  #keep(verdict: Verdict, now: number): void {
    this.#verdict = verdict
    this.#waitsIn?.remove(this.#until, this)
    this.#waitsIn = undefined
    if (!verdict.accepted) {
      this.#since = Number.NEGATIVE_INFINITY
      this.#until = Number.POSITIVE_INFINITY
      return
    }
    this.#since = now
    this.#until = verdict.validUntil.getTime()
    this.#waitsIn = this.#judge.moments
    this.#waitsIn.add(this.#until, this)
  }

  /** To be called when the socket is closed. */
  closed(): void {
    this.#waitsIn?.remove(this.#until, this)
    const { socket, record, peerAddress, serverName, tell } = this.#of
    record.become('closed')
    const { facts } = record
    tell('connection-closed', {
      peerAddress,
      connection: facts,
      durationMs: Date.now() - (facts.establishedAt?.getTime() ?? Date.now()),
      requests: serverName === undefined ? this.requests : undefined,
      bytesRead: socket.bytesRead,
      bytesWritten: socket.bytesWritten,
    })
  }
}
