import { dayMs } from '../../text/duration.js'
import type { CertificateFacts } from '../../x509/certificate.js'
import type { CrlFacts } from '../../x509/crl.js'
import { expiringFrom } from '../../x509/life.js'
import { withoutSuperseded } from '../../x509/revocation.js'
import { type CheckFinding, checkFinding } from './check-finding.js'

/** Everything that is wrong with a revocation list, an empty list when nothing is. */
export function checkCrl(
  crl: CrlFacts,
  authorities: readonly CertificateFacts[],
  {
    withinDays,
    now = new Date(),
    among = [crl],
  }: {
    readonly withinDays?: number | undefined
    readonly now?: Date | undefined
    /** The lists it stands among: a newer one of its CA may have come in its place. */
    readonly among?: readonly CrlFacts[] | undefined
  } = {},
): readonly CheckFinding[] {
  const { issuer, thisUpdate, nextUpdate } = crl
  const list = `the revocation list of ${issuer}`
  const found: CheckFinding[] = []
  // A list lives a month or less: with a window that is meant for certificates it would be late from its first day on.
  const from =
    withinDays === undefined
      ? expiringFrom(thisUpdate, nextUpdate)
      : Math.max(nextUpdate.getTime() - withinDays * dayMs, lastThirdOf(thisUpdate, nextUpdate))
  if (!withoutSuperseded(among, authorities, now).includes(crl)) return []
  if (now < thisUpdate)
    found.push(
      checkFinding(
        'CRL_INVALID',
        `${list} is not valid before ${thisUpdate.toISOString()}`,
        'Check the clocks.',
      ),
    )
  else if (now > nextUpdate)
    found.push(checkFinding('CRL_EXPIRED', `${list} expired on ${nextUpdate.toISOString()}`))
  else if (now.getTime() >= Number(from))
    found.push(checkFinding('CRL_EXPIRING', `${list} expires on ${nextUpdate.toISOString()}`))
  if (!authorities.some((authority) => crl.isNamedAfter(authority)))
    found.push(checkFinding('CRL_INVALID', `${list} is of a CA that is not trusted here`))
  else if (!authorities.some((authority) => crl.isSignedBy(authority)))
    found.push(
      checkFinding('CRL_INVALID', `${list} does not have the signature of that CA, or it may not sign one`),
    )
  return found
}

function lastThirdOf(begins: Date, ends: Date): number {
  return ends.getTime() - (ends.getTime() - begins.getTime()) / 3
}
