import type { CertificateFacts } from '../x509/certificate.js'
import type { RevokedEntry } from '../x509/crl.js'
import type { CrlSet } from './crl-set.js'
import type { PathFault } from './fault.js'

export interface RevocationFault extends PathFault {
  /** When and why; shown only to its owner. */
  readonly detail?: string
}

/** What the lists say against a path: each certificate is looked up in the list of the one above it. */
export function* revocationFaults(
  certificates: readonly CertificateFacts[],
  revocation: CrlSet,
  now: Date,
): Generator<RevocationFault, void, undefined> {
  for (const [index, certificate] of certificates.entries()) {
    const issuer = certificates[index + 1]
    if (!issuer) return
    const kind = revocation.status(certificate, issuer, now)
    if (kind === 'revoked') {
      const words = `(serial ${certificate.serial}) is revoked`
      yield { kind, certificate, words, detail: revokedDetail(revocation.entry(certificate, issuer)) }
    } else if (kind !== 'good')
      yield { kind, certificate, words: `may be revoked: ${listWords[kind](issuer.subject)}` }
  }
}

function revokedDetail(entry: RevokedEntry | undefined): string {
  return `on ${entry?.at.toISOString()}${entry?.reason ? ` (${entry.reason})` : ''}`
}

const listWords = {
  'no-list': (issuer: string) => `there is no revocation list of ${issuer}`,
  'list-expired': (issuer: string) => `the revocation list of ${issuer} has expired`,
  'list-not-yet-valid': (issuer: string) => `the revocation list of ${issuer} is not valid yet`,
}
