import { X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { MtlsError } from '../errors.js'
import { type CertificateFacts, readCertificate } from '../x509/certificate.js'
import { buildPath, type CertificatePath } from '../x509/path.js'
import { type Shown, shownBy } from './shown.js'
import type { PeerFacts } from './verdict.js'

const remembered = 10_000

/**
 * Reads what handshakes tell about peers. A resumed session carries the leaf alone, without its
 * intermediates, so the way from a leaf to a trust anchor is remembered once it was found: the same leaf
 * has the same way. One forgotten is refused, never waved through.
 */
export class PeerReader {
  readonly #anchored = new Map<string, CertificatePath>()

  constructor(readonly anchors: readonly CertificateFacts[]) {}

  /** What the peer shows: the leaf, and its chain when the way from this leaf is not remembered. */
  look(socket: TLSSocket): Shown | undefined {
    return shownBy(socket, (fingerprint256) => this.#anchored.has(fingerprint256))
  }

  /** Never throws: a certificate that OpenSSL can read and we cannot is a fact too. */
  read(socket: TLSSocket, shown = this.look(socket)): PeerFacts {
    const authorizationError = errorCode(socket.authorizationError)
    // `authorized` alone proves nothing: on Node 20 a resumed TLS 1.3 session without any client
    // certificate says true.
    if (!shown) return { path: undefined, authorizationError }
    try {
      return {
        path: this.#anchored.get(shown.fingerprint256) ?? this.#climb(shown, socket),
        authorizationError,
      }
    } catch (error) {
      const unreadable = error instanceof MtlsError ? error.message : 'the certificate cannot be read'
      return { path: undefined, authorizationError, unreadable }
    }
  }

  /** The same peer under these anchors, for when they have changed under an open connection. */
  rebase(facts: PeerFacts): PeerFacts {
    if (!facts.path) return facts
    const [leaf, ...others] = facts.path.certificates
    return { ...facts, path: buildPath(leaf, others, this.anchors) }
  }

  #climb({ fingerprint256, certificates }: Shown, socket: TLSSocket): CertificatePath {
    const where = `certificate of ${socket.remoteAddress}`
    const [leaf, ...presented] = certificates.map((der) => readCertificate(new X509Certificate(der), where))
    if (!leaf) throw new MtlsError('CERT_INVALID', `the ${where} cannot be read`)
    const path = buildPath(leaf, presented, this.anchors)
    if (path.anchored) this.#remember(fingerprint256, path)
    return path
  }

  #remember(fingerprint: string, path: CertificatePath): void {
    this.#anchored.set(fingerprint, path)
    if (this.#anchored.size <= remembered) return
    const [oldest] = this.#anchored.keys()
    if (oldest !== undefined) this.#anchored.delete(oldest)
  }
}

/** Node types `authorizationError` as Error; it is the code, a string, or null. */
function errorCode(error: unknown): string | undefined {
  if (error === null || error === undefined) return undefined
  return error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : String(error)
}
