import type { MtlsErrorCode } from '../errors.js'
import type { CertificateFacts } from '../x509/certificate.js'

/** Every kind of fault, with the code used to refuse a peer for it. */
export const faultCodes = {
  signature: 'CERT_INVALID',
  expired: 'CERT_EXPIRED',
  'not-yet-valid': 'CERT_NOT_YET_VALID',
  issuer: 'CLIENT_CERT_REJECTED',
  revoked: 'CERT_REVOKED',
  'no-list': 'CLIENT_CERT_REJECTED',
  'list-expired': 'CLIENT_CERT_REJECTED',
  'list-not-yet-valid': 'CLIENT_CERT_REJECTED',
  authority: 'CERT_INVALID',
  constraint: 'CERT_INVALID',
  'trust-domain': 'CERT_INVALID',
  purpose: 'CERT_INVALID',
  fabric: 'CERT_INVALID',
  name: 'SERVER_NAME_MISMATCH',
  'server-id': 'SERVER_NAME_MISMATCH',
} as const satisfies Record<string, MtlsErrorCode>

/** What is wrong with a path, or with a certificate on it. */
export interface PathFault {
  readonly kind: keyof typeof faultCodes
  /** The certificate at fault. */
  readonly certificate: CertificateFacts
  /** Completes "certificate X …". */
  readonly words: string
  /** What to do about it, where that is not what the code says. */
  readonly hint?: string
}
