import { createHash } from 'node:crypto'
import type { CertificateFacts } from './certificate.js'
import { certificateParts } from './der/certificate-parts.js'

const known = new WeakMap<CertificateFacts, string>()

/** SHA-256 of a certificate's public key with its algorithm (SubjectPublicKeyInfo, as RFC 7469 pins it), lower-case hex. */
export function publicKeyHash(certificate: CertificateFacts): string {
  const found = known.get(certificate)
  if (found !== undefined) return found
  const hash = createHash('sha256').update(certificateParts(certificate.x509.raw).keyInfo).digest('hex')
  known.set(certificate, hash)
  return hash
}
