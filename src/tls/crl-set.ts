import type { CertificateFacts } from '../x509/certificate.js'
import type { CrlFacts } from '../x509/crl.js'

export type RevocationStatus = 'good' | 'revoked' | 'no-list' | 'list-expired' | 'list-not-yet-valid'

/** Revocation lists by issuer. Signatures are checked once per issuer, so that asking at every request stays cheap. */
export class CrlSet {
  readonly #byIssuer = new WeakMap<CertificateFacts, CrlFacts | undefined>()

  constructor(
    readonly lists: readonly CrlFacts[],
    /** Whether an issuer without a list revokes nothing, instead of being refused. */
    readonly missingAllowed = false,
  ) {}

  status(certificate: CertificateFacts, issuer: CertificateFacts, now: Date): RevocationStatus {
    const list = this.#listOf(issuer)
    if (!list) return this.missingAllowed ? 'good' : 'no-list'
    if (list.revoked.has(certificate.serial)) return 'revoked'
    if (now > list.nextUpdate) return 'list-expired'
    return now < list.thisUpdate ? 'list-not-yet-valid' : 'good'
  }

  #listOf(issuer: CertificateFacts): CrlFacts | undefined {
    if (!this.#byIssuer.has(issuer)) {
      const signed = this.lists.filter((list) => list.isSignedBy(issuer))
      signed.sort((one, other) => other.thisUpdate.getTime() - one.thisUpdate.getTime())
      this.#byIssuer.set(issuer, signed[0])
    }
    return this.#byIssuer.get(issuer)
  }
}
