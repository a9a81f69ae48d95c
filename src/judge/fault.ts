import type { CertificateFacts } from '../x509/certificate.js'

/** What is wrong with a path, or with a certificate on it. */
export interface PathFault {
  readonly kind:
    | 'signature'
    | 'expired'
    | 'not-yet-valid'
    | 'issuer'
    | 'revoked'
    | 'no-list'
    | 'list-expired'
    | 'list-not-yet-valid'
    | 'authority'
    | 'constraint'
    | 'purpose'
    | 'fabric'
    | 'name'
  /** Whose fault it is. */
  readonly certificate: CertificateFacts
  /** Completes "certificate X …". */
  readonly words: string
}
