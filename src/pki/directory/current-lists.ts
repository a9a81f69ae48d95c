import type { CrlFacts } from '../../x509/crl.js'
import type { Authority } from '../certificate/authority.js'
import { createCrl } from '../certificate/crl.js'
import type { RecordedRevocation } from './issued-index.js'
import { listsOf, type Registry } from './registry.js'
import { listDueAt } from './schedule.js'

export interface CurrentLists {
  /** What `ca.crl` of the CA is to hold, its own lists first; empty when there is no revocation list in use. */
  readonly lists: readonly CrlFacts[]
  /** Those that were made now. */
  readonly signed: readonly CrlFacts[]
}

/**
 * The revocation lists of a CA as they should be: one of each authority once there was any, with everything that is
 * recorded, not older than half its life; those of other CAs as they are.
 */
export function currentLists(
  registry: Pick<Registry, 'files' | 'caFiles' | 'issued' | 'authorities' | 'revocations'>,
  authorities: readonly Authority[],
  now: Date,
  revocations: Registry['revocations'] = registry.revocations,
): CurrentLists {
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
  const known = [...authorities, ...registry.authorities].map(({ facts }) => facts)
  const ours = [...known, ...registry.issued.filter(({ isCa }) => isCa)]
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
