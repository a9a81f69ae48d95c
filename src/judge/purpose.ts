import type { CertificateFacts } from '../x509/certificate.js'
import type { PathFault } from './fault.js'

/** What a certificate is used for: extended key usage of RFC 5280 section 4.2.1.12. */
export type Purpose = 'clientAuth' | 'serverAuth'

export interface PurposeFault extends PathFault {
  /** Demo mode accepts it on a certificate that signed itself: those are often marked as CAs, or name no use at all. */
  readonly passesInDemo: boolean
}

/** Everything that keeps a leaf from being used for `purpose`, the most serious first. */
export function purposeFaults(certificate: CertificateFacts, purpose: Purpose): readonly PurposeFault[] {
  const { extendedKeyUsage, keyUsage, netscapeUsage } = certificate
  const found: PurposeFault[] = []
  const add = (words: string, passesInDemo = false) =>
    found.push({ kind: 'purpose', certificate, words, passesInDemo })
  if (extendedKeyUsage && !extendedKeyUsage.includes(purpose))
    add(`is for ${extendedKeyUsage.join(', ')}, not for ${purpose}`)
  if (netscapeUsage?.includes(purpose) === false)
    add(`is not for ${purpose} by its Netscape certificate type`)
  if (isMarkedAsCa(certificate)) add('is a CA certificate', true)
  if (!extendedKeyUsage) add(`has no extended key usage (${purpose} is needed)`, true)
  if (keyUsage && !keyUsage.includes('digitalSignature') && !isMarkedAsCa(certificate))
    add('may not sign (key usage)')
  return found
}

/** By its basic constraints or by its key usage. */
export function isMarkedAsCa({ isCa, keyUsage }: CertificateFacts): boolean {
  return isCa || (keyUsage?.includes('keyCertSign') ?? false)
}
