import type { X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import type { TrustDomains } from '../../auth/trust-domains.js'
import { MtlsError } from '../../errors.js'
import { dateFault } from '../../judge/dates.js'
import { buildPath, type CertificatePath } from '../../judge/path.js'
import type { Purpose } from '../../judge/purpose.js'
import { type CertificateFacts, readCertificate } from '../../x509/certificate.js'
import { checkCost } from '../../x509/strength.js'
import { BoundedMap } from '../bounded-map.js'
import type { Material } from '../material/material.js'
import { excessIn } from './excess.js'
import { intermediatesFor, rememberIntermediates } from './intermediates.js'
import { Moments } from './moments.js'
import { certified, presentedIssuers, presentedLeaf, strangers } from './peer-certificates.js'
import { type PeerFacts, type Verdict, verdict } from './verdict.js'

const remembered = 10_000
/** Limit for one search, in the microseconds of `checkCost`: fifty of the usual keys, two of P-521. */
const maximumCost = 5000

/** The CAs, how strictly, and what is revoked. */
type JudgedTrust = Pick<Material, 'anchors' | 'mode' | 'crls'> & {
  readonly domains?: TrustDomains | undefined
}

/**
 * One state of trust: reads what handshakes tell about peers, and judges it. A resumed session carries the leaf alone,
 * without its intermediates, so the path from a leaf to a trust anchor is remembered, and used while it is accepted. If
 * it was forgotten the peer is refused, never accepted unchecked.
 */
export class PeerJudge {
  /** Accepted paths, by the bytes of the leaf. */
  readonly #known = new BoundedMap<string, PeerFacts>(remembered)
  readonly #trust: JudgedTrust
  readonly #serverIds: readonly string[] | undefined
  readonly #peer: 'client' | 'server'
  readonly #purpose: Purpose
  /** Verdicts that cannot be others yet. A handshake asks three times, and a peer that returns shows the same facts. */
  readonly #kept = new WeakMap<PeerFacts, Kept>()
  /** The connections that this trust has accepted, by the end of their verdict. */
  readonly moments = new Moments()

  /** `serverIds`: the identities of which a server must be one, instead of having the name that was called. */
  constructor(trust: JudgedTrust, peer: 'client' | 'server', serverIds?: readonly string[]) {
    this.#serverIds = serverIds
    this.#trust = trust
    this.#peer = peer
    this.#purpose = peer === 'client' ? 'clientAuth' : 'serverAuth'
  }

  /** `serverName` is the host that was called; a server without one is refused. */
  verdict(facts: PeerFacts, serverName: string | undefined, now: Date): Verdict {
    const time = now.getTime()
    const kept = this.#keptVerdict(facts, serverName, time)
    if (kept) return kept
    const { mode, crls, domains } = this.#trust
    const rules = { mode, crls, domains, serverName: serverName ?? '', serverIds: this.#serverIds }
    const judged = verdict(facts, { ...rules, peer: this.#peer }, now)
    if (judged.accepted)
      this.#kept.set(facts, {
        verdict: judged,
        serverName,
        since: time,
        until: judged.validUntil.getTime(),
      })
    return judged
  }

  #keptVerdict(facts: PeerFacts, serverName: string | undefined, time: number): Verdict | undefined {
    const kept = this.#kept.get(facts)
    const isGood = kept && kept.serverName === serverName && time >= kept.since && time <= kept.until
    return isGood ? kept.verdict : undefined
  }

  /**
   * What the peer showed, and what OpenSSL says against it; `serverName` as for `verdict`. Never throws: a certificate
   * that OpenSSL can read and we cannot is a fact too.
   */
  read(socket: TLSSocket, serverName?: string): PeerFacts {
    const authorizationError = verifyError(socket)
    try {
      // `authorized` alone proves nothing: on Node 20 a resumed TLS 1.3 session without any client
      // certificate says true.
      const leaf = presentedLeaf(socket)
      if (!leaf) return { path: undefined, authorizationError }
      const before = this.#known.get(leaf)
      // Most peers return as they were, and cannot be judged otherwise yet.
      if (before && before.authorizationError === authorizationError)
        if (this.#keptVerdict(before, serverName, Date.now())) return this.#remember(leaf, before)
      const isAccepted = (facts: PeerFacts) => this.verdict(facts, serverName, new Date()).accepted
      const known =
        before &&
        this.rebase(
          before.authorizationError === authorizationError ? before : { ...before, authorizationError },
        )
      const facts =
        known && isAccepted(known) ? known : this.#climb(leaf, socket, known, authorizationError, isAccepted)
      const { path, presented = [] } = facts
      if (!path?.anchored || !isAccepted(facts)) return facts
      // An accepted peer has not shown too much, now or when it returns.
      return this.#remember(leaf, facts === before ? before : { path, presented, authorizationError })
    } catch (error) {
      const unreadable = error instanceof MtlsError ? error.message : 'the certificate cannot be read'
      return { path: undefined, authorizationError, unreadable }
    }
  }

  /** The same peer as judged now: by these anchors, over another path when the previous one has expired. */
  rebase(facts: PeerFacts, trustChanged = false): PeerFacts {
    const { path, presented = [] } = facts
    const now = new Date()
    if (!path || (!trustChanged && isCurrent(path, now))) return facts
    return { ...facts, path: this.#path(path.certificates[0], presented, now) }
  }

  #path(leaf: CertificateFacts, presented: readonly CertificateFacts[], now: Date): CertificatePath {
    const { anchors, crls: revocation, domains } = this.#trust
    const rules = { now, purpose: this.#purpose, revocation, domains, maximumCost }
    return buildPath(leaf, presented, anchors, rules)
  }

  #climb(
    own: string,
    socket: TLSSocket,
    known: PeerFacts | undefined,
    authorizationError: string | undefined,
    isAccepted: (facts: PeerFacts) => boolean,
  ): PeerFacts {
    const tooMuch = (excess: string): PeerFacts => ({
      path: undefined,
      authorizationError,
      unreadable: `the certificate is not looked at: the ${this.#peer} shows ${excess}`,
      isExcessive: true,
    })
    // Memory of its own: in Node's pool, what lives as long as a path is remembered would hold on to the page around it.
    const der = Buffer.allocUnsafeSlow(own.length)
    der.write(own, 'latin1')
    const tooLarge = excessIn([der])
    if (tooLarge) return tooMuch(tooLarge)
    const { remoteAddress = 'unknown' } = socket
    const read = (one: Buffer | X509Certificate) => readCertificate(one, `certificate of ${remoteAddress}`)
    const leaf = read(der)
    const over = (presented: readonly CertificateFacts[]): PeerFacts => {
      const path = this.#path(leaf, presented, new Date())
      return { path, presented, authorizationError }
    }
    // OpenSSL accepts it: it was shown the path, and certificates from other peers let us find it.
    const isCertified = authorizationError === undefined
    const guess = over(isCertified ? intermediatesFor(leaf) : [])
    if (guess.path?.anchored && isAccepted(guess)) return guess

    const share = isCertified ? certified.of(leaf.fingerprint256) : strangers.of(remoteAddress)
    const issuers = presentedIssuers(socket, share)
    // A peer that has used up its share is slowed down like one that shows too much at once.
    if (!issuers)
      return {
        ...(known ?? over(intermediatesFor(leaf))),
        isUnseen: true,
        ...(share.isUsedUp() && { isExcessive: true }),
      }
    const excess = excessIn([der, ...issuers.map(({ raw }) => raw)])
    if (excess) return tooMuch(excess)
    const presented = issuers.map(read)
    const isExcessive = [leaf, ...presented].some(
      ({ key }) => key.type === 'rsa' && checkCost(key) === Infinity,
    )
    // Empty in a resumed session, or if none were sent.
    const facts = presented.length === 0 ? (known ?? guess) : over(presented)
    return { ...facts, ...(isExcessive && { isExcessive }) }
  }

  #remember(leaf: string, facts: PeerFacts): PeerFacts {
    rememberIntermediates(facts.path?.certificates ?? [])
    this.#known.set(leaf, facts)
    return facts
  }
}

interface Kept {
  readonly verdict: Verdict
  readonly serverName: string | undefined
  /** Milliseconds since 1970, both included. The first matters when the clock is set back. */
  readonly since: number
  readonly until: number
}

function isCurrent({ certificates }: CertificatePath, now: Date): boolean {
  return certificates.every((certificate) => dateFault(certificate, now) === undefined)
}

/**
 * OpenSSL's complaint about the chain, undefined when it has none: Node derives `authorizationError` from it, on the
 * server's end only for sockets of its own server. If the runtime does not expose it, the peer is refused.
 */
function verifyError(socket: TLSSocket): string | undefined {
  const { _handle: handle } = socket as {
    _handle?: { verifyError?: () => NodeJS.ErrnoException | null } | null
  }
  if (typeof handle?.verifyError !== 'function') return 'what OpenSSL found is not told'
  const error = handle.verifyError()
  if (!error) return undefined
  // Most of OpenSSL's complaints have no code in Node, only text.
  return error.code === 'UNSPECIFIED' ? error.message : (error.code ?? error.message)
}
