import { type Identity, identityFrom } from '../auth/identity.js'
import { MtlsError, type MtlsErrorCode } from '../errors.js'
import { authorityFault } from '../judge/authority.js'
import { constraintFault } from '../judge/constraints.js'
import { fabricFaults } from '../judge/fabric.js'
import type { PathFault } from '../judge/fault.js'
import type { CertificatePath } from '../judge/path.js'
import { isMarkedAsCa, type Purpose, purposeFaults } from '../judge/purpose.js'
import type { CertificateFacts } from '../x509/certificate.js'
import { coversServerName } from '../x509/server-name.js'
import type { CrlSet } from './crl-set.js'

/** What one handshake told about the other side. */
export interface PeerFacts {
  /** Undefined when the peer showed no certificate. */
  readonly path: CertificatePath | undefined
  /** What came with the leaf: another way may lead over it once this one has ended. */
  readonly presented?: readonly CertificateFacts[]
  /** What OpenSSL said against the chain at the full handshake, Node's `authorizationError`. */
  readonly authorizationError: string | undefined
  /** Why the certificate it showed cannot be read. */
  readonly unreadable?: string
}

export type Verification = {
  readonly mode: 'strict' | 'demo'
  /** Undefined when no revocation list is in use. */
  readonly crls: CrlSet | undefined
} & ({ readonly peer: 'client' } | { readonly peer: 'server'; readonly serverName: string })

/** What demo mode let pass: the three rows of its table. */
export type Relaxation = 'issuer-unknown' | 'self-signed-ca' | 'name-mismatch'

export type Verdict =
  | {
      readonly accepted: true
      readonly identity: Identity
      readonly path: CertificatePath
      readonly relaxed: readonly Relaxation[]
    }
  | { readonly accepted: false; readonly code: MtlsErrorCode; readonly message: string }

export type Refusal = Extract<Verdict, { accepted: false }>

/**
 * May this peer go on? The one predicate for both sides, at the handshake and at every request.
 * Pure: what OpenSSL found comes in as a fact, and whatever is not plainly right is refused.
 */
export function verdict(peer: PeerFacts, rules: Verification, now: Date): Verdict {
  const { path, unreadable } = peer
  if (unreadable !== undefined) return refuse('CERT_INVALID', unreadable, rules)
  if (!path) return refuse('CLIENT_CERT_REQUIRED', `the ${rules.peer} showed no certificate`, rules)
  const [leaf] = path.certificates
  const issuerKnown = path.anchored && !path.selfSigned && mayBeOverruled(peer.authorizationError)
  const refusal =
    signatureRefusal(path, peer.authorizationError, rules) ??
    validityRefusal(path, rules, now) ??
    (rules.mode === 'strict' && !issuerKnown
      ? issuerRefusal(path, peer.authorizationError, rules)
      : undefined) ??
    (path.anchored ? revocationRefusal(path, rules, now) : undefined) ??
    (path.anchored ? authorityRefusal(path, rules) : undefined) ??
    usageRefusal(path, rules) ??
    fabricRefusal(path, rules) ??
    // Last: what we find ourselves has words, and what OpenSSL says here often has none.
    (issuerKnown ? undefined : chainErrorRefusal(path, peer.authorizationError, rules))
  if (refusal) return refusal

  const nameFits = rules.peer === 'client' || coversServerName(leaf.names, rules.serverName)
  if (!nameFits && rules.mode === 'strict')
    return refuse('SERVER_NAME_MISMATCH', nameMismatch(leaf, rules.serverName), rules)

  const relaxed: Relaxation[] = []
  if (!issuerKnown) relaxed.push('issuer-unknown')
  if (isMarkedAsCa(leaf) || !leaf.extendedKeyUsage) relaxed.push('self-signed-ca')
  if (!nameFits) relaxed.push('name-mismatch')
  if (rules.mode === 'strict' && relaxed.length > 0)
    return refuse('CERT_INVALID', `certificate ${leaf.subject} is not acceptable`, rules)
  try {
    return { accepted: true, identity: identityFrom(leaf, relaxed.length === 0, rules.peer), path, relaxed }
  } catch (error) {
    return refuse(
      'CERT_INVALID',
      error instanceof MtlsError ? error.message : 'no identity in the certificate',
      rules,
    )
  }
}

/** The moment at which this path stops being valid: the earliest end on it. */
export function expiryOf(path: CertificatePath): Date {
  return new Date(Math.min(...path.certificates.map((certificate) => certificate.notAfter.getTime())))
}

/** `CERT_INVALID` and the two issuer codes name a side; the other codes are the same for both. */
function refuse(code: MtlsErrorCode, message: string, rules: Verification): Refusal {
  const ofServer =
    rules.peer === 'server' && /^(CERT_INVALID|CLIENT_CERT_REJECTED|CLIENT_CERT_REQUIRED)$/.test(code)
  return { accepted: false, code: ofServer ? 'SERVER_CERT_INVALID' : code, message }
}

function signatureRefusal(
  path: CertificatePath,
  error: string | undefined,
  rules: Verification,
): Refusal | undefined {
  // Demo mode takes unknown issuers, and not whoever bears the name of one that is known.
  const namesake = rules.mode === 'demo' ? path.namesake : undefined
  const bad =
    path.badSignature ?? namesake ?? (error === 'CERT_SIGNATURE_FAILURE' ? path.certificates[0] : undefined)
  return bad && refuse('CERT_INVALID', `the signature of certificate ${bad.subject} is wrong`, rules)
}

function validityRefusal(path: CertificatePath, rules: Verification, now: Date): Refusal | undefined {
  for (const { subject, notBefore, notAfter } of path.certificates) {
    if (now > notAfter)
      return refuse('CERT_EXPIRED', `certificate ${subject} expired on ${notAfter.toISOString()}`, rules)
    if (now < notBefore) {
      return refuse(
        'CERT_NOT_YET_VALID',
        `certificate ${subject} is not valid before ${notBefore.toISOString()}`,
        rules,
      )
    }
  }
  return undefined
}

/** What OpenSSL says when it simply does not know the issuer; anything else it says is fatal in every mode. */
const unknownIssuerErrors = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
])

const dateErrors = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'])

/**
 * OpenSSL follows one path, over what the peer shows and the trusted roots alone. Where it finds none, or meets an old
 * certificate on it, and ours is complete and valid, ours counts. Whatever else it says stands.
 */
function mayBeOverruled(error: string | undefined): boolean {
  return error === undefined || unknownIssuerErrors.has(error) || dateErrors.has(error)
}

function authorityRefusal({ certificates }: CertificatePath, rules: Verification): Refusal | undefined {
  return faultRefusal(authorityFault(certificates, purposeOf(rules)) ?? constraintFault(certificates), rules)
}

function issuerRefusal(
  path: CertificatePath,
  error: string | undefined,
  rules: Verification,
): Refusal | undefined {
  // Known to us, and OpenSSL has another reason: that one is told.
  if (path.anchored && !path.selfSigned && !mayBeOverruled(error)) return undefined
  const [leaf] = path.certificates
  const why = path.selfSigned
    ? 'is self-signed'
    : `was issued by ${leaf.issuer}, which is not a trusted CA here`
  return refuse('CLIENT_CERT_REJECTED', `certificate ${leaf.subject} ${why}`, rules)
}

function revocationRefusal(path: CertificatePath, rules: Verification, now: Date): Refusal | undefined {
  if (!rules.crls) return undefined
  for (const [index, certificate] of path.certificates.entries()) {
    const issuer = path.certificates[index + 1]
    if (!issuer) break
    switch (rules.crls.status(certificate, issuer, now)) {
      case 'good':
        break
      case 'revoked':
        return refuse(
          'CERT_REVOKED',
          `certificate ${certificate.subject} (serial ${certificate.serial}) is revoked`,
          rules,
        )
      case 'no-list':
        return refuse('CLIENT_CERT_REJECTED', `there is no revocation list of ${issuer.subject}`, rules)
      case 'list-expired':
        return refuse('CLIENT_CERT_REJECTED', `the revocation list of ${issuer.subject} has expired`, rules)
      case 'list-not-yet-valid':
        return refuse(
          'CLIENT_CERT_REJECTED',
          `the revocation list of ${issuer.subject} is not valid yet`,
          rules,
        )
    }
  }
  return undefined
}

function chainErrorRefusal(
  path: CertificatePath,
  error: string | undefined,
  rules: Verification,
): Refusal | undefined {
  if (error === undefined || unknownIssuerErrors.has(error)) return undefined
  const [leaf] = path.certificates
  // OpenSSL goes on after an unknown issuer and tells its last complaint. This one only demo mode meets here: a
  // self-signed CA may sign certificates, not handshakes.
  if (error === 'INVALID_PURPOSE' && path.selfSigned && isMarkedAsCa(leaf)) return undefined
  switch (error) {
    case 'CERT_HAS_EXPIRED':
      return refuse('CERT_EXPIRED', `the chain of certificate ${leaf.subject} has expired`, rules)
    case 'CERT_NOT_YET_VALID':
      return refuse('CERT_NOT_YET_VALID', `the chain of certificate ${leaf.subject} is not valid yet`, rules)
    case 'CERT_REVOKED':
      return refuse('CERT_REVOKED', `certificate ${leaf.subject} is revoked`, rules)
    default:
      return refuse('CERT_INVALID', `certificate ${leaf.subject} was not accepted (${error})`, rules)
  }
}

function usageRefusal(path: CertificatePath, rules: Verification): Refusal | undefined {
  const faults = purposeFaults(path.certificates[0], purposeOf(rules))
  // Only demo mode comes this far with one that signed itself.
  return faultRefusal(
    faults.find(({ passesInDemo }) => !(passesInDemo && path.selfSigned)),
    rules,
  )
}

function fabricRefusal(
  { certificates, anchored }: CertificatePath,
  rules: Verification,
): Refusal | undefined {
  for (const [index, certificate] of certificates.entries()) {
    const isRoot = anchored && index === certificates.length - 1
    const [fault] = fabricFaults(certificate, isRoot)
    if (fault) return faultRefusal(fault, rules)
  }
  return undefined
}

function purposeOf({ peer }: Verification): Purpose {
  return peer === 'client' ? 'clientAuth' : 'serverAuth'
}

function faultRefusal(fault: PathFault | undefined, rules: Verification): Refusal | undefined {
  return fault && refuse('CERT_INVALID', `certificate ${fault.certificate.subject} ${fault.words}`, rules)
}

function nameMismatch(leaf: CertificateFacts, serverName: string): string {
  const names = [...leaf.names.dns, ...leaf.names.ip]
  return `the server's certificate does not cover ${serverName}, only ${names.length > 0 ? names.join(', ') : 'no name at all'}`
}
