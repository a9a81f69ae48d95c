import { X509Certificate } from 'node:crypto'
import { type DetailedPeerCertificate, type PeerCertificate, TLSSocket } from 'node:tls'
import type { CertificateFacts } from '../../x509/certificate.js'
import type { PeerConnection } from './peer-connection.js'

/**
 * A socket that tells of its accepted peer what we know: middleware reads `authorized` and `getPeerCertificate`. Node's own
 * answers are wrong for resumed sessions (no chain, on Node 20 `authorized` without a certificate), its walk to the issuers
 * never ends over CAs that signed each other, and it leaks the issuers.
 */
export class GatedSocket extends TLSSocket {
  #connection: PeerConnection | undefined

  static show(socket: GatedSocket, connection: PeerConnection): void {
    socket.#connection = connection
    showAuthorization(socket, connection)
  }

  override getPeerCertificate(detailed: true): DetailedPeerCertificate
  override getPeerCertificate(detailed?: false): PeerCertificate
  override getPeerCertificate(detailed?: boolean): PeerCertificate {
    const { path } = this.#connection ?? { path: [] }
    const [leaf] = path
    if (!leaf) return {} as PeerCertificate
    return detailed ? detailedCertificate(path) : inWords(leaf)
  }

  override getPeerX509Certificate(): X509Certificate | undefined {
    return this.#connection ? withIssuers(this.#connection.path) : super.getPeerX509Certificate()
  }
}

/** Sets `authorized`, and `authorizationError` for what demo mode let pass; once more when the trust has changed. */
export function showAuthorization(socket: TLSSocket, connection: PeerConnection): void {
  const { complaint } = connection
  socket.authorized = complaint === undefined
  // Node has a code there on a server, or null; its types say an error.
  socket.authorizationError = (complaint ?? null) as unknown as Error
}

/**
 * In Node's words. They are safe for a certificate that we have read: `readCertificate` refuses keys that OpenSSL cannot
 * read, and object identifiers that need more characters than Node has room for.
 */
function inWords({ x509 }: CertificateFacts): PeerCertificate {
  return x509.toLegacyObject()
}

/** The root is its own issuer, as Node says it. */
function detailedCertificate(path: readonly CertificateFacts[]): DetailedPeerCertificate {
  const all = path.map(inWords) as DetailedPeerCertificate[]
  for (const [index, certificate] of all.entries()) {
    const issuer = all[index + 1] ?? (path[index]?.selfIssued ? certificate : undefined)
    if (issuer) certificate.issuerCertificate = issuer
  }
  return all[0] as DetailedPeerCertificate
}

/** A certificate of its own for each caller, which knows its issuer. */
function withIssuers(path: readonly CertificateFacts[]): X509Certificate | undefined {
  return path.toReversed().reduce<X509Certificate | undefined>((issuer, { x509 }) => {
    const certificate = new X509Certificate(x509.raw)
    return Object.defineProperty(certificate, 'issuerCertificate', { value: issuer })
  }, undefined)
}
