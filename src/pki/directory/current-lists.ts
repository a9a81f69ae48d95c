import type { CrlFacts } from '../../x509/crl.js'
import type { Authority } from '../certificate/certificate.js'
import { createCrl } from '../certificate/crl.js'
import type { RecordedRevocation } from './issued-index.js'
import { knownAuthorities, listsOf, type Registry } from './registry.js'
import { listDueAt } from './schedule.js'

export interface CurrentLists {
  /** What `ca.crl` of the CA is to hold, its own lists first; empty when there is no revocation list in use. */
  readonly lists: readonly CrlFacts[]
  /** Those that were made now. */
  readonly signed: readonly CrlFacts[]
}

/**
 * The revocation lists of these authorities as they should be: one of each authority once there was any, with everything that is
 * recorded, not older than half its life; those of other CAs as they are.
 */
export function currentLists(
  registry: Registry,
  now: Date,
  authorities: readonly Authority[] = registry.authorities,
): CurrentLists {
  const { revocations } = registry
  const present = listsOf(registry)
  if (present.length === 0 && revocations.size === 0) return { lists: [], signed: [] }
  const signed: CrlFacts[] = []
  const own = authorities.flatMap((authority) => {
    const revoked = of(revocations, authority)
    if (revoked.size === 0 && authority.facts.keyUsage?.includes('cRLSign') === false) return []
    const previous = latest(present.filter((list) => list.isSignedBy(authority.facts)))
    const isCurrent =
      previous &&
      now < listDueAt(previous.thisUpdate, previous.nextUpdate) &&
      [...revoked.keys()].every((serial) => previous.revoked.has(serial))
    if (isCurrent) return [previous]
    signed.push(createCrl(authority, revoked, { now, previous }))
    return signed.slice(-1)
  })
  const ours = [...authorities.map(({ facts }) => facts), ...knownAuthorities(registry)]
  const foreign = present.filter((list) => !ours.some((authority) => list.isSignedBy(authority)))
  return { lists: [...own, ...foreign], signed }
}

function of(revocations: Registry['revocations'], { facts }: Authority): Map<string, RecordedRevocation> {
  return new Map([...revocations].filter(([, { authority }]) => authority === facts.fingerprint256))
}

function latest(lists: readonly CrlFacts[]): CrlFacts | undefined {
  const order = ({ number, thisUpdate }: CrlFacts) => number ?? BigInt(thisUpdate.getTime())
  return lists.toSorted((one, other) => (order(other) > order(one) ? 1 : -1))[0]
}
