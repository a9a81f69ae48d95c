import type { CertificateFacts } from '../x509/certificate.js'
import type { CrlFacts } from '../x509/crl.js'
import { listOf, type RevocationStatus, statusIn } from '../x509/revocation.js'

/** Revocation lists by issuer. Signatures are checked once per issuer, so that asking at every request stays cheap. */
export class CrlSet {
  readonly #byIssuer = new WeakMap<CertificateFacts, CrlFacts | undefined>()

  constructor(
    readonly lists: readonly CrlFacts[],
    /** Whether an issuer without a list revokes nothing, instead of being refused. */
    readonly missingAllowed = false,
  ) {}

  status(certificate: CertificateFacts, issuer: CertificateFacts, now: Date): RevocationStatus {
    const status = statusIn(this.#listOf(issuer), certificate, now)
    return status === 'no-list' && this.missingAllowed ? 'good' : status
  }

  #listOf(issuer: CertificateFacts): CrlFacts | undefined {
    if (!this.#byIssuer.has(issuer)) this.#byIssuer.set(issuer, listOf(issuer, this.lists))
    return this.#byIssuer.get(issuer)
  }
}
