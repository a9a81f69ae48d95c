import type { TLSSocket } from 'node:tls'
import { type CertificateFacts, readCertificate } from '../x509/certificate.js'
import { buildPath } from '../x509/path.js'
import type { PeerFacts } from './verdict.js'

const remembered = 10_000

/**
 * Reads what handshakes tell about peers. A resumed session carries the leaf alone, so the
 * intermediates of full handshakes are remembered by leaf; one forgotten is refused, never waved through.
 */
export class PeerReader {
  readonly #intermediates = new Map<string, readonly CertificateFacts[]>()

  constructor(readonly anchors: readonly CertificateFacts[]) {}

  /** Throws `CERT_INVALID` for a certificate that OpenSSL can read and we cannot. */
  read(socket: TLSSocket): PeerFacts {
    const authorizationError = errorCode(socket.authorizationError)
    // `authorized` alone proves nothing: on Node 20 a resumed TLS 1.3 session without any client
    // certificate says true. And it is read once: a second call is undefined on older clients.
    const presented: CertificateFacts[] = []
    let next = socket.getPeerX509Certificate()
    while (next && presented.length < 20) {
      presented.push(readCertificate(next, `certificate of ${socket.remoteAddress}`))
      next = next.issuerCertificate
    }
    const [leaf, ...intermediates] = presented
    if (!leaf) return { path: undefined, authorizationError }
    const known =
      intermediates.length > 0 ? intermediates : (this.#intermediates.get(leaf.fingerprint256) ?? [])
    const path = buildPath(leaf, known, this.anchors)
    if (path.anchored && intermediates.length > 0) this.#remember(leaf, intermediates)
    return { path, authorizationError }
  }

  #remember(leaf: CertificateFacts, intermediates: readonly CertificateFacts[]): void {
    this.#intermediates.delete(leaf.fingerprint256)
    this.#intermediates.set(leaf.fingerprint256, intermediates)
    if (this.#intermediates.size <= remembered) return
    const [oldest] = this.#intermediates.keys()
    if (oldest !== undefined) this.#intermediates.delete(oldest)
  }
}

/** Node types `authorizationError` as Error; it is the code, a string, or null. */
function errorCode(error: unknown): string | undefined {
  if (error === null || error === undefined) return undefined
  return error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : String(error)
}
