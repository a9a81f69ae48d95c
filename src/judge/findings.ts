import type { TrustDomains } from '../auth/trust-domains.js'
import type { CertificateFacts } from '../x509/certificate.js'
import { coversServerName } from '../x509/server-name.js'
import { hostsOf } from '../x509/subject-names.js'
import { authorityFault } from './authority.js'
import { constraintFault } from './constraints.js'
import type { CrlSet } from './crl-set.js'
import { dateFault } from './dates.js'
import { fabricFaults } from './fabric.js'
import type { PathFault } from './fault.js'
import type { CertificatePath } from './path.js'
import { type Purpose, purposeFaults } from './purpose.js'
import { type RevocationFault, revocationFaults } from './revocation.js'
import { serverIdFault } from './server-id.js'
import { trustDomainFault } from './trust-domain.js'

/** What demo mode accepts: the three rows of its table. */
export type Relaxation = 'issuer-unknown' | 'self-signed-ca' | 'name-mismatch'

export interface Finding extends RevocationFault {
  /** The name under which demo mode accepts it; undefined if demo mode does not. */
  readonly relaxed?: Relaxation
}

export interface Question {
  readonly now: Date
  /** What the leaf is presented for; without it its use is not judged. */
  readonly purpose: Purpose | undefined
  /** The host that was called; without it names are not judged. */
  readonly serverName?: string | undefined
  /** The identities of which the server must be one, instead of the host: SPIFFE IDs and `sha256:<hex>` of its key. */
  readonly serverIds?: readonly string[] | undefined
  /** Which CA may give which SPIFFE IDs; without it only what CAs say of themselves is judged. */
  readonly domains?: TrustDomains | undefined
  /** Without it revocation is not judged. */
  readonly revocation?: CrlSet | undefined
}

/**
 * Everything that is wrong with a peer at this moment, in the order in which a refusal reports it: the first finding
 * that the mode does not relax is the verdict.
 */
export function* findings(path: CertificatePath, question: Question): Generator<Finding, void, undefined> {
  const { certificates, anchored, selfSigned, badSignature } = path
  const { now, purpose, serverName, serverIds, revocation, domains } = question
  const [leaf] = certificates
  if (badSignature)
    yield { kind: 'signature', certificate: badSignature, words: 'is not signed by the issuer it names' }
  for (const certificate of certificates) {
    const fault = dateFault(certificate, now)
    if (fault) yield fault
  }
  if (selfSigned)
    yield { kind: 'issuer', certificate: leaf, words: 'is self-signed', relaxed: 'issuer-unknown' }
  else if (!anchored && !badSignature) yield issuerUnknown(path)
  if (anchored && revocation) yield* revocationFaults(certificates, revocation, now)
  for (const fault of [
    authorityFault(certificates, purpose),
    constraintFault(certificates),
    trustDomainFault(certificates, anchored, domains),
  ])
    if (fault) yield fault
  if (purpose)
    for (const { passesInDemo, ...fault } of purposeFaults(leaf, purpose))
      yield passesInDemo && selfSigned ? { ...fault, relaxed: 'self-signed-ca' } : fault
  for (const [index, certificate] of certificates.entries())
    yield* fabricFaults(certificate, anchored && index === certificates.length - 1)
  if (serverIds) {
    const fault = serverIdFault(leaf, serverIds, anchored && !selfSigned)
    if (fault) yield fault
  } else if (serverName !== undefined && !coversServerName(leaf.names, serverName))
    yield { ...nameFault(leaf, serverName), relaxed: 'name-mismatch' }
}

/** Of the certificate where the path ends, or whose root is unknown. */
function issuerUnknown({ certificates }: CertificatePath): Finding {
  const certificate = certificates.findLast(({ selfIssued }) => !selfIssued) ?? certificates[0]
  const words = `was issued by ${certificate.issuer}, which is not a trusted CA here`
  return { kind: 'issuer', certificate, words, relaxed: 'issuer-unknown' }
}

function nameFault(certificate: CertificateFacts, serverName: string): PathFault {
  const { names } = certificate
  const covered = hostsOf(names).filter((name) => name !== '')
  const words = `does not cover ${serverName}, only ${covered.length > 0 ? covered.join(', ') : 'no name at all'}`
  const hint =
    'The certificate has no DNS name: ask for the identity of the server instead, `serverId` (`--server-id spiffe://…`, or sha256/… of its public key).'
  return { kind: 'name', certificate, words, ...(names.dns.length === 0 && { hint }) }
}
