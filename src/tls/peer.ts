import type { X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { MtlsError } from '../errors.js'
import { type CertificateFacts, readCertificate } from '../x509/certificate.js'
import { buildPath, type CertificatePath, maximumPresented } from '../x509/path.js'
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

  /**
   * Never throws: a certificate that OpenSSL can read and we cannot is a fact too. To be called once for a socket
   * whose certificate was not looked at yet: a second look is undefined on clients up to Node 24.
   */
  read(socket: TLSSocket, certificate = socket.getPeerX509Certificate()): PeerFacts {
    const authorizationError = errorCode(socket.authorizationError)
    // `authorized` alone proves nothing: on Node 20 a resumed TLS 1.3 session without any client
    // certificate says true.
    if (!certificate) return { path: undefined, authorizationError }
    try {
      return {
        path: this.#anchored.get(certificate.fingerprint256) ?? this.#climb(certificate, socket),
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

  #climb(certificate: X509Certificate, socket: TLSSocket): CertificatePath {
    const where = `certificate of ${socket.remoteAddress}`
    const leaf = readCertificate(certificate, where)
    const presented: CertificateFacts[] = []
    let next = certificate.issuerCertificate
    while (next && presented.length < maximumPresented) {
      presented.push(readCertificate(next, where))
      next = next.issuerCertificate
    }
    const path = buildPath(leaf, presented, this.anchors)
    if (path.anchored) this.#remember(certificate.fingerprint256, path)
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
