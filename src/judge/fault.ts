import type { CertificateFacts } from '../x509/certificate.js'

/** Why a path does not hold, apart from what its leaf is. */
export interface PathFault {
  readonly kind: 'expired' | 'not-yet-valid' | 'authority' | 'constraint'
  /** Whose fault it is. */
  readonly certificate: CertificateFacts
  /** Completes "certificate X …". */
  readonly words: string
}
