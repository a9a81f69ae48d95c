import type { CertificateFacts } from '../x509/certificate.js'
import type { CrlFacts, RevokedEntry } from '../x509/crl.js'
import { entryIn, listsBy, type RevocationStatus, statusIn } from '../x509/revocation.js'

/** Revocation lists by issuer. Signatures are checked once per issuer, so that a check at every request stays cheap. */
export class CrlSet {
  readonly #byIssuer = new WeakMap<CertificateFacts, readonly CrlFacts[]>()

  constructor(
    readonly lists: readonly CrlFacts[],
    /** Whether an issuer without a list counts as revoking nothing, instead of being refused. */
    readonly missingAllowed = false,
  ) {}

  status(certificate: CertificateFacts, issuer: CertificateFacts, now: Date): RevocationStatus {
    const status = statusIn(this.#listsBy(issuer), certificate, now)
    return status === 'no-list' && this.missingAllowed ? 'good' : status
  }

  /** When and why a certificate was revoked, if its issuer's list says so. */
  entry(certificate: CertificateFacts, issuer: CertificateFacts): RevokedEntry | undefined {
    return entryIn(this.#listsBy(issuer), certificate)
  }

  #listsBy(issuer: CertificateFacts): readonly CrlFacts[] {
    const known = this.#byIssuer.get(issuer) ?? listsBy(issuer, this.lists)
    this.#byIssuer.set(issuer, known)
    return known
  }
}
