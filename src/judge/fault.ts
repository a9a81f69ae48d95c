import type { CertificateFacts } from '../x509/certificate.js'

/** What is wrong with a path, or with a certificate on it. */
export interface PathFault {
  readonly kind: 'expired' | 'not-yet-valid' | 'authority' | 'constraint' | 'purpose' | 'fabric'
  /** Whose fault it is. */
  readonly certificate: CertificateFacts
  /** Completes "certificate X …". */
  readonly words: string
}
