import type { CertificateFacts } from '../x509/certificate.js'
import type { PathFault } from './fault.js'

/**
 * Why a certificate is not valid at this moment. Both ends of its validity period are included (RFC 5280 section
 * 4.1.2.5).
 */
export function dateFault(certificate: CertificateFacts, now: Date): PathFault | undefined {
  const { notBefore, notAfter } = certificate
  if (now > notAfter) return { kind: 'expired', certificate, words: `expired on ${notAfter.toISOString()}` }
  if (now < notBefore)
    return { kind: 'not-yet-valid', certificate, words: `is not valid before ${notBefore.toISOString()}` }
  return undefined
}
