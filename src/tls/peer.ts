import { X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { MtlsError } from '../errors.js'
import { dateFault } from '../judge/dates.js'
import { buildPath, type CertificatePath, pathFault } from '../judge/path.js'
import type { Purpose } from '../judge/purpose.js'
import { type CertificateFacts, readCertificate } from '../x509/certificate.js'
import { excessIn } from './excess.js'
import type { Material } from './material.js'
import { allShownBy, type Shown, shownBy } from './shown.js'
import { type PeerFacts, type Verdict, verdict } from './verdict.js'

const remembered = 10_000

/** What a leaf came with, and the way that was found from it. */
interface Known {
  readonly presented: readonly CertificateFacts[]
  readonly path: CertificatePath
}

/**
 * One state of trust: reads what handshakes tell about peers, and judges it. A resumed session carries the leaf
 * alone, without its intermediates, so the way from a leaf to a trust anchor is remembered once it was found: the
 * same leaf has the same way, until a certificate on it ends. One forgotten is refused, never waved through.
 */
export class PeerJudge {
  readonly #known = new Map<string, Known>()
  /** Leaves of which everything was looked at once. */
  readonly #lookedThrough = new Set<string>()
  readonly #trust: Pick<Material, 'anchors' | 'mode' | 'crls'>
  readonly #peer: 'client' | 'server'
  readonly #purpose: Purpose

  constructor(trust: Pick<Material, 'anchors' | 'mode' | 'crls'>, peer: 'client' | 'server') {
    this.#trust = trust
    this.#peer = peer
    this.#purpose = peer === 'client' ? 'clientAuth' : 'serverAuth'
  }

  /** `serverName` is the host that was called; a server without one is refused. */
  verdict(facts: PeerFacts, serverName: string | undefined, now: Date): Verdict {
    const { mode, crls } = this.#trust
    const rules = { mode, crls, serverName: serverName ?? '' }
    return verdict(facts, { ...rules, peer: this.#peer }, now)
  }

  /**
   * What the peer showed, and what OpenSSL says against it. Never throws: a certificate that OpenSSL can read and we
   * cannot is a fact too.
   */
  read(socket: TLSSocket): PeerFacts {
    const authorizationError = verifyError(socket)
    const shown = shownBy(socket, (fingerprint256) => this.#known.has(fingerprint256))
    // `authorized` alone proves nothing: on Node 20 a resumed TLS 1.3 session without any client
    // certificate says true.
    if (!shown) return { path: undefined, authorizationError }
    try {
      const { fingerprint256, certificates } = shown
      const excess = excessIn(certificates)
      if (excess) {
        const unreadable = `the certificate is not looked at: the ${this.#peer} shows ${excess}`
        return { path: undefined, authorizationError, unreadable, isExcessive: true }
      }
      const known = this.#known.get(fingerprint256) ?? this.#climb(shown, socket, authorizationError)
      const facts = this.rebase({ ...known, authorizationError })
      if (facts.path?.anchored) this.#remember(fingerprint256, { ...known, path: facts.path })
      return facts
    } catch (error) {
      const unreadable = error instanceof MtlsError ? error.message : 'the certificate cannot be read'
      return { path: undefined, authorizationError, unreadable }
    }
  }

  /** The same peer as it is judged now: by these anchors, over another way when the one before has ended. */
  rebase(facts: PeerFacts, trustChanged = false): PeerFacts {
    const { path, presented = [] } = facts
    const now = new Date()
    if (!path || (!trustChanged && isCurrent(path, now))) return facts
    return { ...facts, path: this.#path(path.certificates[0], presented, now) }
  }

  #path(leaf: CertificateFacts, presented: readonly CertificateFacts[], now: Date): CertificatePath {
    return buildPath(leaf, presented, this.#trust.anchors, { now, purpose: this.#purpose })
  }

  #climb({ fingerprint256, certificates }: Shown, socket: TLSSocket, complaint: string | undefined): Known {
    const where = `certificate of ${socket.remoteAddress}`
    const read = (der: Buffer) => readCertificate(new X509Certificate(der), where)
    const [leaf, ...shown] = certificates.map(read)
    if (!leaf) throw new MtlsError('CERT_INVALID', `the ${where} cannot be read`)
    const now = new Date()
    const by = (presented: readonly CertificateFacts[]) => ({
      presented,
      path: this.#path(leaf, presented, now),
    })
    const first = by(shown)
    const isSound = first.path.anchored && !pathFault(first.path, { now, purpose: this.#purpose })
    // OpenSSL, which sees all of it, has found a way: so there is more than what Node shows at first.
    if (isSound || complaint !== undefined || this.#lookedThrough.has(fingerprint256)) return first
    this.#lookedThrough.add(fingerprint256)
    if (this.#lookedThrough.size > remembered) this.#lookedThrough.clear()
    return by(allShownBy(socket).map(read))
  }

  #remember(fingerprint: string, known: Known): void {
    if (this.#known.get(fingerprint)?.path === known.path) return
    this.#known.set(fingerprint, known)
    if (this.#known.size <= remembered) return
    const [oldest] = this.#known.keys()
    if (oldest !== undefined) this.#known.delete(oldest)
  }
}

function isCurrent({ certificates }: CertificatePath, now: Date): boolean {
  return certificates.every((certificate) => dateFault(certificate, now) === undefined)
}

/**
 * OpenSSL's complaint about the chain, undefined when it has none: what Node makes `authorizationError` of, on the
 * server's end for sockets of its own server alone. Where a runtime does not tell, the peer is refused.
 */
function verifyError(socket: TLSSocket): string | undefined {
  const { _handle: handle } = socket as {
    _handle?: { verifyError?: () => NodeJS.ErrnoException | null } | null
  }
  if (typeof handle?.verifyError !== 'function') return 'what OpenSSL found is not told'
  const error = handle.verifyError()
  if (!error) return undefined
  // Most of what OpenSSL says has no code in Node, and words.
  return error.code === 'UNSPECIFIED' ? error.message : (error.code ?? error.message)
}
