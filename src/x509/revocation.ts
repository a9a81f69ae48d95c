import { isDeepStrictEqual } from 'node:util'
import type { CertificateFacts } from './certificate.js'
import type { CrlFacts, RevokedEntry } from './crl.js'
import { covers, everything } from './crl-scope.js'

export type RevocationStatus = 'good' | 'revoked' | 'no-list' | 'list-expired' | 'list-not-yet-valid'

/**
 * The lists that this issuer signed, newest first: with the same date, the higher number counts as newer (RFC 5280
 * section 5.2.3).
 */
export function listsBy(issuer: CertificateFacts, lists: readonly CrlFacts[]): readonly CrlFacts[] {
  return lists.filter((list) => list.isSignedBy(issuer)).sort((one, other) => age(one, other))
}

/**
 * What the lists of its issuer, newest first, say about a certificate: the newest one already valid counts. A list that
 * is out of date, or not yet valid, still revokes, but confirms no certificate.
 */
export function statusIn(
  lists: readonly CrlFacts[],
  certificate: CertificateFacts,
  now: Date,
): RevocationStatus {
  const about = lists.filter(({ scope }) => covers(scope, certificate))
  const toCome = about.filter(({ thisUpdate }) => thisUpdate > now)
  const counting = about[toCome.length] ?? about[0]
  if (!counting) return 'no-list'
  // For two lists of the same moment it may be unknown which is newer: both count.
  const asked = about.filter((list) => toCome.includes(list) || age(list, counting) === 0)
  if (asked.some(({ revoked }) => revoked.has(certificate.serial))) return 'revoked'
  if (now > counting.nextUpdate) return 'list-expired'
  return now < counting.thisUpdate ? 'list-not-yet-valid' : 'good'
}

/** Negative when the first is newer. */
function age(one: CrlFacts, other: CrlFacts): number {
  const byDate = other.thisUpdate.getTime() - one.thisUpdate.getTime()
  return byDate || Number((other.number ?? -1n) - (one.number ?? -1n))
}

/** When and why these lists revoke a certificate. */
export function entryIn(lists: readonly CrlFacts[], certificate: CertificateFacts): RevokedEntry | undefined {
  const about = lists.filter(({ scope }) => covers(scope, certificate))
  return about.map(({ revoked }) => revoked.get(certificate.serial)).find((entry) => entry !== undefined)
}

/** Lists that no newer one of the same CA has replaced: the others are no longer used. */
export function withoutSuperseded(
  lists: readonly CrlFacts[],
  authorities: readonly CertificateFacts[],
  now: Date,
): readonly CrlFacts[] {
  return lists.filter(
    (list) => !authorities.some((authority) => isSuperseded(list, listsBy(authority, lists), now)),
  )
}

function isSuperseded(list: CrlFacts, ofOneCa: readonly CrlFacts[], now: Date): boolean {
  const newer = ofOneCa.slice(0, Math.max(0, ofOneCa.indexOf(list)))
  return newer.some(
    (other) =>
      age(other, list) < 0 &&
      other.thisUpdate <= now &&
      (isDeepStrictEqual(other.scope, everything) || isDeepStrictEqual(other.scope, list.scope)),
  )
}
