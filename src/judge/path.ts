import { areDomainsBound, noTrustDomains, type TrustDomains, vouchingDomain } from '../auth/trust-domains.js'
import { claimsSpiffe } from '../text/spiffe.js'
import type { CertificateFacts } from '../x509/certificate.js'
import { isSameName } from '../x509/name.js'
import { checkCost } from '../x509/strength.js'
import { authorityFault } from './authority.js'
import { constraintFault } from './constraints.js'
import type { CrlSet } from './crl-set.js'
import { dateFault } from './dates.js'
import { fabricFaults } from './fabric.js'
import type { PathFault } from './fault.js'
import type { Purpose } from './purpose.js'
import { revocationFaults } from './revocation.js'
import { trustDomainFault } from './trust-domain.js'

/** The path from a leaf up to a trust anchor, as far as it goes; every signature on it was checked. */
export interface CertificatePath {
  /** Leaf first; the trust anchor last when `anchored`. */
  readonly certificates: readonly [CertificateFacts, ...CertificateFacts[]]
  /** It ends in a trusted certificate that signed itself. */
  readonly anchored: boolean
  /** The leaf signed itself. */
  readonly selfSigned: boolean
  /** A certificate whose issuer is known but whose signature is not that issuer's. */
  readonly badSignature: CertificateFacts | undefined
  /** A certificate that names a trusted issuer who did not sign it: another CA has the same name. */
  readonly namesake?: CertificateFacts
  /** A CA on it shares its name with another, so that another path may exist. */
  readonly isDetour?: true
  /** The trust domain that vouches for the leaf; undefined when none does, or when valid paths lead to different ones. */
  readonly trustDomain?: string
}

export interface PathRules {
  /** The moment at which it must be valid. Without it dates do not choose between paths. */
  readonly now?: Date
  /** The intended use of the leaf. Without it the usages of CAs do not choose between paths. */
  readonly purpose?: Purpose
  /** Without it revocation does not choose between paths. */
  readonly revocation?: CrlSet | undefined
  /** Which CA may give which SPIFFE IDs. Without it only what CAs say of themselves chooses between paths. */
  readonly domains?: TrustDomains | undefined
  /** The limit for checking signatures, in the microseconds of `checkCost`. */
  readonly maximumCost?: number
}

/** A peer that shows more is refused unread. */
export const maximumPresented = 10
/** With a root, which need not be sent. */
const maximumLength = maximumPresented + 1
// Limit for one search, whatever a peer presents; as much as Go and rustls-webpki allow.
/** Limit for all checks together: two hundred of the usual keys, eight of P-521. */
const defaultCost = 20_000
const maximumSteps = 200

/**
 * Builds the path from `leaf` over `presented` and `trusted` certificates to a trusted one that signed itself (RFC 5280
 * section 6.1). If there are several paths, a valid one is taken: for a leaf with a SPIFFE ID one whose CAs may give it,
 * for others one that a trust domain vouches for. Otherwise the first one, or the one that got
 * furthest, says what is wrong. Signatures are checked here; the verdict checks the use and the strength of the leaf,
 * and revocation.
 */
export function buildPath(
  leaf: CertificateFacts,
  presented: readonly CertificateFacts[],
  trusted: readonly CertificateFacts[],
  rules: PathRules = {},
): CertificatePath {
  const search = new Search(presented, trusted, rules.maximumCost ?? defaultCost)
  const { domains = noTrustDomains } = rules
  // A SPIFFE ID says which domain it is of; for other names all paths are looked at.
  const isDecided = !areDomainsBound(domains) || leaf.names.uri.some(claimsSpiffe)
  const valid = new Map<string | undefined, CertificatePath>()
  let furthest: CertificatePath | undefined
  for (const path of search.from([leaf])) {
    if (path.anchored && pathFault(path, rules) === undefined) {
      const domain = vouchingDomain(path.certificates, domains)
      if (!valid.has(domain)) valid.set(domain, path)
      if (isDecided) break
    } else if (!furthest || (path.anchored && !furthest.anchored)) furthest = path
  }
  if (valid.size > 0) return vouched(valid, (path) => hasFork(path, [...presented, ...trusted]))
  // There is at least one: the leaf alone.
  return withNamesake(furthest as CertificatePath, trusted)
}

/** Of valid paths, by the domain that vouches for them, the one to use. */
function vouched(
  valid: ReadonlyMap<string | undefined, CertificatePath>,
  isDetour: (path: CertificatePath) => boolean,
): CertificatePath {
  const ofDomains = [...valid].filter(([domain]) => domain !== undefined)
  const [trustDomain, path] = ofDomains[0] ?? [undefined, valid.get(undefined) as CertificatePath]
  return {
    ...path,
    ...(isDetour(path) && { isDetour: true }),
    ...(trustDomain !== undefined && ofDomains.length === 1 && { trustDomain }),
  }
}

/**
 * Why an anchored path is not valid, apart from the leaf's own faults: the first reason, as text, with its certificate.
 */
export function pathFault(
  { certificates }: Pick<CertificatePath, 'certificates'>,
  { now, purpose, revocation, domains }: PathRules,
): PathFault | undefined {
  if (now)
    for (const certificate of certificates) {
      const fault = dateFault(certificate, now)
      if (fault) return fault
    }
  if (now && revocation) for (const fault of revocationFaults(certificates, revocation, now)) return fault
  return (
    authorityFault(certificates, purpose) ??
    constraintFault(certificates) ??
    trustDomainFault(certificates, true, domains) ??
    certificates.flatMap((one, at) => (at === 0 ? [] : fabricFaults(one, at === certificates.length - 1)))[0]
  )
}

/** Whether another certificate has the name of a CA on this path. */
function hasFork({ certificates }: CertificatePath, all: readonly CertificateFacts[]): boolean {
  const [, ...authorities] = certificates
  return all.some(
    (other) =>
      authorities.some(({ subjectRdns }) => isSameName(subjectRdns, other.subjectRdns)) &&
      !authorities.some(({ fingerprint256 }) => fingerprint256 === other.fingerprint256),
  )
}

/** A path that does not end in trust may use a trusted name: that is not an unknown issuer, but a forgery. */
function withNamesake(path: CertificatePath, trusted: readonly CertificateFacts[]): CertificatePath {
  if (path.anchored || path.badSignature) return path
  const { certificates } = path
  const namesake = certificates.find(
    (certificate, at) =>
      trusted.some((ca) => namesIssuer(certificate, ca)) &&
      !trusted.includes(certificates[at + 1] ?? certificate),
  )
  return namesake ? { ...path, namesake } : path
}

class Search {
  readonly #anchors: ReadonlySet<string>
  readonly #candidates: readonly CertificateFacts[]
  /** Checks each pair once. */
  readonly #checked = new Map<string, boolean>()
  readonly #maximumCost: number
  #steps = 0
  #cost = 0

  constructor(
    presented: readonly CertificateFacts[],
    trusted: readonly CertificateFacts[],
    maximumCost: number,
  ) {
    this.#maximumCost = maximumCost
    this.#anchors = new Set(trusted.filter(isSelfSigned).map(({ fingerprint256 }) => fingerprint256))
    const all = [...trusted, ...presented.slice(0, maximumPresented)].filter(maySign)
    this.#candidates = [...new Map(all.map((facts) => [facts.fingerprint256, facts])).values()]
  }

  /** Every path up from here, trusted ones first, until the limit of a search is reached. */
  *from(path: readonly [CertificateFacts, ...CertificateFacts[]]): Generator<CertificatePath> {
    const top = path.at(-1) ?? path[0]
    const end = { certificates: path, anchored: false, selfSigned: false, badSignature: undefined }
    const alone = path.length === 1
    this.#steps++
    if (this.#anchors.has(top.fingerprint256)) return yield { ...end, anchored: true, selfSigned: alone }
    if (top.selfIssued && this.#signs(top, top)) return yield { ...end, selfSigned: alone }
    if (path.length >= maximumLength) return yield end
    const issuers = this.#candidates.filter((issuer) => namesAsIssuer(top, issuer))
    const signers = issuers.filter((issuer) => this.#signs(issuer, top))
    if (signers.length === 0) {
      const isForged = (issuers.length > 0 || top.selfIssued) && !this.#isSpent
      return yield isForged ? { ...end, badSignature: top } : end
    }
    let climbed = false
    for (const signer of signers) {
      // The same key under the same name twice is a loop, whatever the certificates say.
      if (this.#steps >= maximumSteps || path.some((below) => isSameCa(below, signer))) continue
      climbed = true
      yield* this.from([...path, signer])
    }
    if (!climbed) yield end
  }

  get #isSpent(): boolean {
    return this.#cost >= this.#maximumCost
  }

  #signs(issuer: CertificateFacts, certificate: CertificateFacts): boolean {
    // A key that we do not accept may be made to cost seconds. No path over it is valid anyway, so its claim is not
    // checked.
    if (checkCost(issuer.key) === Infinity) return true
    const pair = `${issuer.fingerprint256} ${certificate.fingerprint256}`
    const known = this.#checked.get(pair)
    if (known !== undefined || this.#isSpent) return known ?? false
    const signs = isSignedBy(certificate, issuer)
    this.#cost += checkCost(issuer.key)
    this.#checked.set(pair, signs)
    return signs
  }
}

const selfSigned = new WeakMap<CertificateFacts, boolean>()

/**
 * Whether it signed itself. A certificate that only names itself as issuer may link an old key of a CA to a new one.
 */
export function isSelfSigned(certificate: CertificateFacts): boolean {
  const known = selfSigned.get(certificate)
  if (known !== undefined) return known
  const found = certificate.selfIssued && isSignedBy(certificate, certificate)
  selfSigned.set(certificate, found)
  return found
}

/** RFC 5280 section 4.2.1.1: names must chain; key identifiers too where both sides have them. */
function namesAsIssuer(certificate: CertificateFacts, issuer: CertificateFacts): boolean {
  if (!namesIssuer(certificate, issuer)) return false
  const { authorityKeyId } = certificate
  return (
    authorityKeyId === undefined ||
    issuer.subjectKeyId === undefined ||
    authorityKeyId === issuer.subjectKeyId
  )
}

/** Whether it names this subject as its issuer; case and spaces are ignored (RFC 5280 section 7.1). */
export function namesIssuer(certificate: CertificateFacts, { subjectRdns }: CertificateFacts): boolean {
  return isSameName(certificate.issuerRdns, subjectRdns)
}

function maySign(issuer: CertificateFacts): boolean {
  return issuer.isCa && (issuer.keyUsage?.includes('keyCertSign') ?? true)
}

function isSameCa(one: CertificateFacts, other: CertificateFacts): boolean {
  return (
    one.fingerprint256 === other.fingerprint256 ||
    (one.keyId === other.keyId && isSameName(one.subjectRdns, other.subjectRdns))
  )
}

function isSignedBy(certificate: CertificateFacts, issuer: CertificateFacts): boolean {
  try {
    return certificate.x509.verify(issuer.x509.publicKey)
  } catch {
    return false // a key of another type than the signature
  }
}
