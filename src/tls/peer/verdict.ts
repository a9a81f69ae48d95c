import { type Identity, identityFrom } from '../../auth/identity.js'
import { areDomainsBound, noTrustDomains, type TrustDomains } from '../../auth/trust-domains.js'
import { MtlsError, type MtlsErrorCode } from '../../errors.js'
import type { CrlSet } from '../../judge/crl-set.js'
import { faultCodes, type PathFault } from '../../judge/fault.js'
import { findings, type Relaxation } from '../../judge/findings.js'
import type { CertificatePath } from '../../judge/path.js'
import { isMarkedAsCa } from '../../judge/purpose.js'
import { shortened } from '../../text/shortened.js'
import type { CertificateFacts } from '../../x509/certificate.js'

export type { Relaxation } from '../../judge/findings.js'

/** The facts from one handshake about the other side. */
export interface PeerFacts {
  /** Undefined when the peer showed no certificate. */
  readonly path: CertificatePath | undefined
  /** What came with the leaf: another path may use it once this one has expired. */
  readonly presented?: readonly CertificateFacts[]
  /** What OpenSSL said against the chain at the full handshake, Node's `authorizationError`. */
  readonly authorizationError: string | undefined
  /** Why the certificate it showed cannot be read. */
  readonly unreadable?: string
  /** What came with the leaf was not read: too much has come from this peer or address. */
  readonly isUnseen?: true
  /** It shows more than an honest peer does, to make us spend time on reading it. */
  readonly isExcessive?: true
}

export type Verification = {
  readonly mode: 'strict' | 'demo'
  /** Undefined when no revocation list is in use. */
  readonly crls: CrlSet | undefined
  /** Which CA may give which SPIFFE IDs; without it none is bound. */
  readonly domains?: TrustDomains | undefined
} & (
  | { readonly peer: 'client' }
  | {
      readonly peer: 'server'
      readonly serverName: string
      /** The identities of which it must be one, instead of having that name. */
      readonly serverIds?: readonly string[] | undefined
    }
)

export type Verdict =
  | {
      readonly accepted: true
      readonly identity: Identity
      readonly path: CertificatePath
      readonly relaxed: readonly Relaxation[]
      /** Up to this moment the verdict cannot change with the same trust. */
      readonly validUntil: Date
    }
  | {
      readonly accepted: false
      readonly code: MtlsErrorCode
      readonly message: string
      /** What to do about it, where that is not what the code says. */
      readonly hint?: string
      /** Not the peer's fault: our revocation list is missing or out of date. */
      readonly listFault?: boolean
    }

export type Refusal = Extract<Verdict, { accepted: false }>

/**
 * Whether this peer may continue. The only check for both sides, at the handshake and at every request. Pure: what
 * OpenSSL found comes in as a fact, and anything not clearly valid is refused.
 */
export function verdict(peer: PeerFacts, rules: Verification, now: Date): Verdict {
  const { path, unreadable } = peer
  if (unreadable !== undefined) return refusalFor('CERT_INVALID', unreadable, rules)
  if (!path) return refusalFor('CLIENT_CERT_REQUIRED', `the ${rules.peer} showed no certificate`, rules)
  const { mode, crls: revocation, domains = noTrustDomains } = rules
  const purpose = rules.peer === 'client' ? 'clientAuth' : 'serverAuth'
  const { serverName, serverIds } = rules.peer === 'server' ? rules : {}
  const refusal = ({ kind, certificate, words, hint }: PathFault): Refusal => ({
    ...refusalFor(
      faultCodes[kind],
      `certificate ${shortened(certificate.subject, 100)} ${words}${kind === 'issuer' && peer.isUnseen ? unseenWords : ''}`,
      rules,
    ),
    ...(hint !== undefined && { hint }),
    ...(/list/.test(kind) && { listFault: true }),
  })
  const forged = forgedOn(path, peer.authorizationError, mode)
  if (forged) return refusal(forged)
  const relaxed: Relaxation[] = []
  let fault: PathFault | undefined
  for (const finding of findings(path, { now, purpose, serverName, serverIds, revocation, domains })) {
    if (mode === 'demo' && finding.relaxed) relaxed.push(finding.relaxed)
    else {
      fault = finding
      break
    }
  }
  if (fault && !isAboutName(fault)) return refusal(fault)
  // Our own findings have a message, OpenSSL's often have none; but OpenSSL's weigh more than a name mismatch.
  const refused = openSslRefusal(path, peer.authorizationError, rules)
  if (refused) return refused
  if (fault) return refusal(fault)
  const [leaf] = path.certificates
  try {
    return {
      accepted: true,
      identity: identityFrom(leaf, relaxed.length === 0, rules.peer, {
        trustDomain: path.trustDomain,
        domainsBound: areDomainsBound(domains),
      }),
      path,
      relaxed: [...new Set(relaxed)],
      validUntil: validUntil(path, revocation, now),
    }
  } catch (error) {
    return refusalFor(
      'CERT_INVALID',
      error instanceof MtlsError ? error.message : 'no identity in the certificate',
      rules,
    )
  }
}

function isAboutName({ kind }: PathFault): boolean {
  return kind === 'name' || kind === 'server-id'
}

const unseenWords = '; what was shown beside it was not looked at, since too much has come from there today'

/** The earliest end of a certificate on the path, or of a list that counts now. */
function validUntil({ certificates }: CertificatePath, revocation: CrlSet | undefined, now: Date): Date {
  const ends = certificates.map(({ notAfter }) => notAfter.getTime())
  const ofLists = (revocation?.lists ?? []).map(({ nextUpdate }) => nextUpdate.getTime())
  return new Date(Math.min(...ends, ...ofLists.filter((end) => end >= now.getTime())))
}

/** `CERT_INVALID` and the two issuer codes name a side; the other codes are the same for both. */
function refusalFor(code: MtlsErrorCode, message: string, rules: Verification): Refusal {
  const ofServer =
    rules.peer === 'server' && /^(CERT_INVALID|CLIENT_CERT_REJECTED|CLIENT_CERT_REQUIRED)$/.test(code)
  return { accepted: false, code: ofServer ? 'SERVER_CERT_INVALID' : code, message: shortened(message) }
}

/** Demo mode accepts unknown issuers, but not an issuer with the name of a known one. */
function forgedOn(
  { anchored, badSignature, namesake, certificates: [leaf] }: CertificatePath,
  error: string | undefined,
  mode: Verification['mode'],
): PathFault | undefined {
  const certificate =
    badSignature ??
    (mode === 'demo' ? namesake : undefined) ??
    (error === 'CERT_SIGNATURE_FAILURE' && !anchored ? leaf : undefined)
  return certificate && { kind: 'signature', certificate, words: 'is not signed by the issuer it names' }
}

/** What OpenSSL says when it simply does not know the issuer; anything else it says is fatal in every mode. */
const unknownIssuerErrors = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
])

/** What it says of a CA that was not the right one: an old one, or another of the same name. */
const wayErrors = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID', 'CERT_SIGNATURE_FAILURE'])

/** What it says of a CA, possibly one on a path that we do not use. Most have no name in Node. */
const detourErrors = new Set([
  ...['PATH_LENGTH_EXCEEDED', 'INVALID_PURPOSE', 'INVALID_CA', 'unhandled critical extension'],
  'key usage does not include certificate signing',
  ...['permitted subtree violation', 'excluded subtree violation'],
  ...['CA certificate key too weak', 'CA signature digest algorithm too weak'],
])

/**
 * OpenSSL follows one path, over trusted certificates and those of the peer. If it finds none, or meets an old
 * certificate or a CA with the same name on it, and ours is complete and valid, ours counts; the same applies if an
 * invalid path exists beside ours and OpenSSL reports that one. Anything else it says stands.
 */
function mayBeOverruled(error: string | undefined, { isDetour }: CertificatePath): boolean {
  return (
    error === undefined ||
    unknownIssuerErrors.has(error) ||
    wayErrors.has(error) ||
    (isDetour === true && detourErrors.has(error))
  )
}

function openSslRefusal(
  path: CertificatePath,
  error: string | undefined,
  rules: Verification,
): Refusal | undefined {
  const isOurs = path.anchored && !path.selfSigned
  if (isOurs ? mayBeOverruled(error, path) : error === undefined || unknownIssuerErrors.has(error))
    return undefined
  const [leaf] = path.certificates
  // OpenSSL continues after an unknown issuer and reports its last complaint. Only demo mode meets this one here: a
  // self-signed CA may sign certificates, not handshakes.
  if (error === 'INVALID_PURPOSE' && path.selfSigned && isMarkedAsCa(leaf)) return undefined
  switch (error) {
    case 'CERT_HAS_EXPIRED':
      return refusalFor('CERT_EXPIRED', `the chain of certificate ${leaf.subject} has expired`, rules)
    case 'CERT_NOT_YET_VALID':
      return refusalFor(
        'CERT_NOT_YET_VALID',
        `the chain of certificate ${leaf.subject} is not valid yet`,
        rules,
      )
    case 'CERT_REVOKED':
      return refusalFor('CERT_REVOKED', `certificate ${leaf.subject} is revoked`, rules)
    default:
      return refusalFor('CERT_INVALID', `certificate ${leaf.subject} ${wordsOf(error)}`, rules)
  }
}

function wordsOf(error: string | undefined): string {
  const known = error !== undefined && Object.hasOwn(openSslWords, error) ? openSslWords[error] : undefined
  return known ?? 'is refused by OpenSSL, which gives no reason; `openssl verify -x509_strict` may tell one'
}

const mayNotSign = 'has a CA above it that may not sign certificates, says OpenSSL'
const policy = 'the machine that refuses it demands (the security level of its OpenSSL)'

/** Used if our search accepts and OpenSSL does not. Most of what it says has no name in Node. */
const openSslWords: Readonly<Record<string, string>> = {
  INVALID_PURPOSE: 'is not for this use, or a CA above it is not, says OpenSSL',
  INVALID_CA: mayNotSign,
  'key usage does not include certificate signing': mayNotSign,
  PATH_LENGTH_EXCEEDED: 'has more CAs above it than one of them allows, says OpenSSL',
  'EE certificate key too weak': `has a key that is weaker than ${policy}`,
  'CA certificate key too weak': `has a CA above it with a key that is weaker than ${policy}`,
  'CA signature digest algorithm too weak': `has a signature on its chain that is weaker than ${policy}`,
  CERT_CHAIN_TOO_LONG: 'has too many CAs above it, says OpenSSL',
}
