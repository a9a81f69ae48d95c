import type { CertificateFacts } from './certificate.js'
import type { CrlFacts } from './crl.js'
import { covers } from './crl-scope.js'

export type RevocationStatus = 'good' | 'revoked' | 'no-list' | 'list-expired' | 'list-not-yet-valid'

/** The lists that this issuer signed, the newest first. */
export function listsBy(issuer: CertificateFacts, lists: readonly CrlFacts[]): readonly CrlFacts[] {
  return lists
    .filter((list) => list.isSignedBy(issuer))
    .sort((one, other) => other.thisUpdate.getTime() - one.thisUpdate.getTime())
}

/** The newest of these that is about this certificate. */
export function listFor(certificate: CertificateFacts, lists: readonly CrlFacts[]): CrlFacts | undefined {
  return lists.find(({ scope }) => covers(scope, certificate))
}

/** What the list of its issuer says about a certificate. A list out of date still revokes, and vouches for nobody. */
export function statusIn(
  list: CrlFacts | undefined,
  { serial }: Pick<CertificateFacts, 'serial'>,
  now: Date,
): RevocationStatus {
  if (!list) return 'no-list'
  if (list.revoked.has(serial)) return 'revoked'
  if (now > list.nextUpdate) return 'list-expired'
  return now < list.thisUpdate ? 'list-not-yet-valid' : 'good'
}
