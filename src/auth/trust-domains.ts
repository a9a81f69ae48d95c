import { MtlsError } from '../errors.js'
import { claimsSpiffe, trustDomainOf } from '../text/spiffe.js'
import type { CertificateFacts } from '../x509/certificate.js'

/** Which trusted CA speaks for which trust domain: an immutable value, made anew with the CAs. */
export interface TrustDomains {
  /** By the key of a trusted CA (`keyId`): all certificates of one key speak for one domain. */
  readonly byKey: ReadonlyMap<string, string>
}

/** No trusted CA is bound: any may issue any SPIFFE ID, unless one on the path says its own domain. */
export const noTrustDomains: TrustDomains = Object.freeze({ byKey: new Map() })

/** CAs that a setting binds to a domain. */
export interface BoundAuthorities {
  readonly domain: string
  /** The file, for messages. */
  readonly path: string
  readonly certificates: readonly CertificateFacts[]
}

/** Whether any trusted CA is bound: then one that is not may issue no SPIFFE ID. */
export function areDomainsBound({ byKey }: TrustDomains): boolean {
  return byKey.size > 0
}

/**
 * Binds trusted CAs: by the settings, and by the `spiffe://` URI that one carries itself, unless the settings name others
 * for that domain: a CA could call itself anything. Throws `CERT_INVALID` for one
 * that is bound to two domains: it would be able to speak for both.
 */
export function bindTrustDomains(
  trusted: readonly CertificateFacts[],
  bySetting: readonly BoundAuthorities[] = [],
): TrustDomains {
  const byKey = new Map<string, string>()
  const bind = ({ keyId, subject }: CertificateFacts, domain: string, where: string) => {
    const other = byKey.get(keyId)
    if (other !== undefined && other !== domain) throw twice(subject, [other, domain], where)
    byKey.set(keyId, domain)
  }
  for (const { domain, path, certificates } of bySetting)
    for (const certificate of certificates) {
      const own = ownDomain(certificate)
      if (own !== undefined && own !== domain)
        throw twice(certificate.subject, [domain, own || 'what its own URI says, which is no domain'], path)
      bind(certificate, domain, path)
    }
  const settled = new Set(bySetting.map(({ domain }) => domain))
  for (const certificate of trusted) {
    const own = ownDomain(certificate)
    if (own && (!settled.has(own) || byKey.has(certificate.keyId))) bind(certificate, own, 'the trusted CAs')
  }
  return Object.freeze({ byKey })
}

/**
 * The trust domain that vouches for a leaf: that of the trusted CA which is bound. Undefined when there is none, or when
 * the CAs of the path speak for different domains. `path` is anchored, the leaf first.
 */
export function vouchingDomain(path: readonly CertificateFacts[], domains: TrustDomains): string | undefined {
  const authorities = path.slice(1)
  const granted = authorities.flatMap(({ keyId }) => domains.byKey.get(keyId) ?? [])[0]
  const agree = authorities.every((ca) => domainsOf(ca, domains).every((domain) => domain === granted))
  return agree ? granted : undefined
}

/**
 * Why the CAs of a path may not give the leaf its SPIFFE ID, with words that complete "certificate X …"; undefined when
 * they may, or it has none. Each CA that is bound, trusted or shown by the peer, must be bound to the domain of the ID; and
 * once any trusted CA is bound, one of this path must be.
 */
export function foreignSpiffeId(
  path: readonly [CertificateFacts, ...CertificateFacts[]],
  anchored: boolean,
  domains: TrustDomains,
): string | undefined {
  const [leaf, ...authorities] = path
  const ids = leaf.names.uri.filter(claimsSpiffe)
  if (ids.length === 0 || authorities.length === 0) return undefined
  for (const id of ids) {
    const wanted = trustDomainOf(id)
    for (const authority of authorities) {
      const other = domainsOf(authority, domains).find((domain) => domain !== wanted)
      if (other !== undefined)
        return `has the SPIFFE ID ${id}, which ${authority.subject} may not give: ${otherWords(other)}`
    }
    const isVouched = authorities.some(({ keyId }) => domains.byKey.has(keyId))
    if (anchored && areDomainsBound(domains) && !isVouched) {
      const claims = authorities.some((authority) => ownDomain(authority) === wanted)
      const why = claims ? `other CAs are bound to ${wanted}` : 'it is bound to no trust domain'
      return `has the SPIFFE ID ${id}, which ${authorities.at(-1)?.subject} may not give: ${why}`
    }
  }
  return undefined
}

/** Names of roots that may all give any SPIFFE ID: undefined for one root, or when a CA is bound. */
export function unboundRoots(
  trusted: readonly CertificateFacts[],
  domains: TrustDomains,
): readonly string[] | undefined {
  if (areDomainsBound(domains)) return undefined
  const roots = trusted.filter(({ selfIssued }) => selfIssued)
  const byKey = new Map(roots.map(({ keyId, subject }) => [keyId, subject]))
  return byKey.size > 1 ? [...byKey.values()] : undefined
}

/** The domains that bind a CA: what its own certificate says counts beside what is known of its key. */
function domainsOf(authority: CertificateFacts, { byKey }: TrustDomains): string[] {
  return [byKey.get(authority.keyId), ownDomain(authority)].filter((domain) => domain !== undefined)
}

/**
 * The domain that a CA's own URI binds it to (X.509-SVID section 3.1); undefined without such a URI. Empty, which is no
 * domain of any ID, for a URI that is no SPIFFE ID, and for several of them.
 */
function ownDomain({ names: { uri } }: CertificateFacts): string | undefined {
  const [first, ...others] = uri.filter(claimsSpiffe)
  if (first === undefined) return undefined
  return others.length > 0 ? '' : (trustDomainOf(first) ?? '')
}

function otherWords(domain: string): string {
  return domain === '' ? 'its own SPIFFE ID is not valid' : `it speaks for ${domain} alone`
}

function twice(subject: string, domains: readonly string[], where: string): MtlsError {
  return new MtlsError(
    'CERT_INVALID',
    `${where}: the CA ${subject} is bound to two trust domains, ${domains.join(' and ')}`,
    {
      hint: 'A CA speaks for one trust domain: name its file under one, or let each domain have a CA of its own.',
    },
  )
}
