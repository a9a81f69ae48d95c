import type { CertificateFacts } from '../x509/certificate.js'
import { checkCost } from '../x509/strength.js'
import { authorityFault } from './authority.js'
import { constraintFault } from './constraints.js'
import { dateFault } from './dates.js'
import type { PathFault } from './fault.js'
import type { Purpose } from './purpose.js'

/** The way from a leaf up to a trust anchor, as far as it goes; every signature on it was checked. */
export interface CertificatePath {
  /** Leaf first; the trust anchor last when `anchored`. */
  readonly certificates: readonly [CertificateFacts, ...CertificateFacts[]]
  /** It ends in a trusted certificate that signed itself. */
  readonly anchored: boolean
  /** The leaf signed itself. */
  readonly selfSigned: boolean
  /** A certificate whose issuer is known but whose signature is not that issuer's. */
  readonly badSignature: CertificateFacts | undefined
  /** A certificate that names an issuer who is known here, and the key of another: perhaps a CA of the same name. */
  readonly namesake?: CertificateFacts
}

export interface PathRules {
  /** At which moment it is to be valid. Without it dates do not choose between paths. */
  readonly now?: Date
  /** What the leaf is to be used for. Without it the usages of CAs do not choose between paths. */
  readonly purpose?: Purpose
}

const maximumLength = 10
/** A peer that shows more is not looked at. */
export const maximumPresented = 10
// What one search may cost, whatever a stranger presents; as much as Go and rustls-webpki spend.
/** Of all checks together, in the microseconds of `checkCost`: fifty of the usual keys, five of P-521. */
const maximumCost = 5000
const maximumPaths = 100

/**
 * Builds the path from `leaf` over `presented` and `trusted` certificates to one of those that are trusted and signed
 * themselves (RFC 5280 section 6.1). Where several lead there, one that is valid is taken; otherwise the first one
 * tells what is wrong, or the one that got furthest. Signatures are checked here; the use and the strength of the leaf,
 * and revocation, are the verdict's.
 */
export function buildPath(
  leaf: CertificateFacts,
  presented: readonly CertificateFacts[],
  trusted: readonly CertificateFacts[],
  rules: PathRules = {},
): CertificatePath {
  const search = new Search(presented, trusted)
  let furthest: CertificatePath | undefined
  for (const path of search.from([leaf])) {
    if (path.anchored && pathFault(path, rules) === undefined) return path
    if (!furthest || (path.anchored && !furthest.anchored)) furthest = path
  }
  return furthest as CertificatePath // there is one at least, the leaf alone
}

/** Why an anchored path does not hold, apart from what its leaf is: the first reason, in words, with its certificate. */
export function pathFault(
  { certificates }: Pick<CertificatePath, 'certificates'>,
  { now, purpose }: PathRules,
): PathFault | undefined {
  if (now)
    for (const certificate of certificates) {
      const fault = dateFault(certificate, now)
      if (fault) return fault
    }
  return authorityFault(certificates, purpose) ?? constraintFault(certificates)
}

class Search {
  readonly #anchors: ReadonlySet<string>
  readonly #candidates: readonly CertificateFacts[]
  /** Each pair is checked once. */
  readonly #checked = new Map<string, boolean>()
  #paths = 0
  #cost = 0

  constructor(presented: readonly CertificateFacts[], trusted: readonly CertificateFacts[]) {
    this.#anchors = new Set(trusted.filter(isSelfSigned).map(({ fingerprint256 }) => fingerprint256))
    // A stranger's key may be made to cost seconds; that of a CA that we trust is what it is.
    const shown = presented.slice(0, maximumPresented).filter(({ key }) => checkCost(key) < Infinity)
    const all = [...trusted, ...shown].filter(maySign)
    this.#candidates = [...new Map(all.map((facts) => [facts.fingerprint256, facts])).values()]
  }

  /** Every way up from here, trusted ones first, until what a search may cost is spent. */
  *from(path: readonly [CertificateFacts, ...CertificateFacts[]]): Generator<CertificatePath> {
    const top = path.at(-1) ?? path[0]
    const end = { certificates: path, anchored: false, selfSigned: false, badSignature: undefined }
    const alone = path.length === 1
    if (this.#anchors.has(top.fingerprint256)) {
      this.#paths++
      return yield { ...end, anchored: true, selfSigned: alone }
    }
    if (top.selfIssued && this.#signs(top, top)) return yield { ...end, selfSigned: alone }
    if (path.length >= maximumLength) return yield end
    const issuers = this.#candidates.filter((issuer) => namesAsIssuer(top, issuer))
    const signers = issuers.filter((issuer) => this.#signs(issuer, top))
    if (signers.length === 0) {
      if ((issuers.length > 0 || top.selfIssued) && !this.#isSpent) return yield { ...end, badSignature: top }
      const claims = this.#candidates.some(({ subject }) => subject === top.issuer)
      return yield claims ? { ...end, namesake: top } : end
    }
    let climbed = false
    for (const signer of signers) {
      // The same key under the same name twice is a circle, whatever certificate says so.
      if (this.#isSpent || path.some((below) => isSameCa(below, signer))) continue
      climbed = true
      yield* this.from([...path, signer])
    }
    if (!climbed) yield end
  }

  get #isSpent(): boolean {
    return this.#cost >= maximumCost || this.#paths >= maximumPaths
  }

  #signs(issuer: CertificateFacts, certificate: CertificateFacts): boolean {
    const pair = `${issuer.fingerprint256} ${certificate.fingerprint256}`
    const known = this.#checked.get(pair)
    if (known !== undefined || this.#isSpent) return known ?? false
    const signs = isSignedBy(certificate, issuer)
    this.#cost += Math.min(checkCost(issuer.key), 1000)
    this.#checked.set(pair, signs)
    return signs
  }
}

const selfSigned = new WeakMap<CertificateFacts, boolean>()

/** Whether it signed itself. One that only bears its own name may be the link between an old key of a CA and a new one. */
export function isSelfSigned(certificate: CertificateFacts): boolean {
  const known = selfSigned.get(certificate)
  if (known !== undefined) return known
  const found = certificate.selfIssued && isSignedBy(certificate, certificate)
  selfSigned.set(certificate, found)
  return found
}

/**
 * What OpenSSL is given of the trusted certificates, PEM: those that end a path. With others beside them Node's walk from a
 * certificate to its issuers may never end (two CAs that signed each other; RFC 4210 section 4.4).
 */
export function rootsPem(trusted: readonly CertificateFacts[]): string[] {
  return trusted.filter(isSelfSigned).map(({ x509 }) => x509.toString())
}

/** RFC 5280 section 4.2.1.1: names must chain; key identifiers too where both sides have them. */
function namesAsIssuer(certificate: CertificateFacts, issuer: CertificateFacts): boolean {
  if (certificate.issuer !== issuer.subject) return false
  const { authorityKeyId } = certificate
  return (
    authorityKeyId === undefined ||
    issuer.subjectKeyId === undefined ||
    authorityKeyId === issuer.subjectKeyId
  )
}

function maySign(issuer: CertificateFacts): boolean {
  return issuer.isCa && (issuer.keyUsage?.includes('keyCertSign') ?? true)
}

function isSameCa(one: CertificateFacts, other: CertificateFacts): boolean {
  return (
    one.fingerprint256 === other.fingerprint256 ||
    (one.subject === other.subject && one.keyId === other.keyId)
  )
}

function isSignedBy(certificate: CertificateFacts, issuer: CertificateFacts): boolean {
  try {
    return certificate.x509.verify(issuer.x509.publicKey)
  } catch {
    return false // a key of another type than the signature
  }
}
