import type { CertificateFacts } from '../x509/certificate.js'
import type { PathFault } from './fault.js'
import type { Purpose } from './purpose.js'

/** Limits set by the CAs above a leaf: how many CAs may stand below them, and what they may issue for. */
export function authorityFault(
  certificates: readonly CertificateFacts[],
  purpose: Purpose | undefined,
): PathFault | undefined {
  for (const [index, certificate] of certificates.entries()) {
    if (index === 0) continue
    const fault = (words: string): PathFault => ({ kind: 'authority', certificate, words })
    // RFC 5280 section 4.2.1.9: self-issued ones do not count.
    const below = certificates.slice(1, index).filter(({ selfIssued }) => !selfIssued).length
    if (below > (certificate.pathLength ?? Infinity))
      return fault(`allows only ${certificate.pathLength} CAs below it, and here are ${below}`)
    // OpenSSL treats the extended key usage of a CA as a limit on what it may issue for.
    if (purpose && certificate.extendedKeyUsage?.includes(purpose) === false)
      return fault(`may not issue certificates for ${purpose} (extended key usage)`)
  }
  return undefined
}
