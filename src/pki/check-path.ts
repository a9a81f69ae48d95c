import { authorityFault } from '../judge/authority.js'
import { constraintFault } from '../judge/constraints.js'
import type { CertificatePath } from '../judge/path.js'
import type { CrlFacts } from '../x509/crl.js'
import { listFor, listsBy, type RevocationStatus, statusIn } from '../x509/revocation.js'
import { dayMs, faulty, invalid, type Problem, problem, usageOf } from './problem.js'
import type { LeafType } from './request.js'

type Type = LeafType | 'ca' | undefined

const trustHint =
  'Trust the CA that issued it (--ca-cert FILE), or issue it anew from the CA that is trusted.'

const authorityHint = 'Issue the certificate from a CA that has no such limit, or is nearer to the root.'
const constraintHint = 'Issue it with names that its CA may give, or from a CA that may give these.'

export function issuerProblems(path: CertificatePath, judged: boolean, type: Type): Problem[] {
  const [leaf] = path.certificates
  const { badSignature } = path
  if (badSignature) return [invalid(badSignature, 'is not signed by the issuer it names', trustHint)]
  if (!judged) return []
  if (path.selfSigned && (type !== 'ca' || !path.anchored))
    return [
      invalid(
        leaf,
        'is self-signed',
        'Issue one from a CA with `mcp-mtls cert-gen`; only demo mode accepts this one.',
      ),
    ]
  if (path.anchored) return []
  return [invalid(leaf, `was issued by ${path.certificates.at(-1)?.issuer}, which is not trusted`, trustHint)]
}

/** What the CAs above a certificate have to allow: its length of life, their own path length, its use. */
export function authorityProblems({ certificates }: CertificatePath, type: Type, now: Date): Problem[] {
  const [leaf, issuer] = certificates
  const found: Problem[] = []
  // Less than a day is nothing to act on: both were made in one go.
  if (issuer && issuer.notAfter > now && leaf.notAfter.getTime() - issuer.notAfter.getTime() > dayMs)
    found.push(
      problem(
        'CERT_OUTLIVES_CA',
        `${leaf.subject} is valid until ${leaf.notAfter.toISOString()}, its CA ${issuer.subject} only until ${issuer.notAfter.toISOString()}`,
      ),
    )
  const wanted = type === 'ca' || type === undefined ? undefined : usageOf[type]
  const fault = authorityFault(certificates, wanted)
  if (fault) found.push(faulty(fault, authorityHint))
  const name = constraintFault(certificates)
  if (name) found.push(faulty(name, constraintHint))
  return found
}

export interface RevocationOptions {
  /** Revocation lists: every CA of the chain needs one. Without this revocation is not judged. */
  readonly crls?: readonly CrlFacts[] | undefined
  /** Whether a CA without a list revokes nothing, instead of being a problem. */
  readonly crlMissingAllowed?: boolean | undefined
}

export function revocationProblems(
  { certificates }: CertificatePath,
  { crls, crlMissingAllowed = false }: RevocationOptions,
  now: Date,
): Problem[] {
  if (!crls) return []
  return certificates.flatMap((certificate, index) => {
    const issuer = certificates[index + 1]
    if (!issuer) return []
    const list = listFor(certificate, listsBy(issuer, crls))
    const ofIssuer = `of ${issuer.subject}`
    const hint = 'Check the clocks of this machine and of the CA.'
    const { at, reason } = list?.revoked.get(certificate.serial) ?? {}
    const found: Record<RevocationStatus, Problem | undefined> = {
      good: undefined,
      revoked: problem(
        'CERT_REVOKED',
        `${certificate.subject}, serial ${certificate.serial}, was revoked on ${at?.toISOString()}${reason ? ` (${reason})` : ''}`,
      ),
      'no-list': crlMissingAllowed
        ? undefined
        : problem('CRL_INVALID', `there is no revocation list ${ofIssuer}`),
      'list-expired': problem('CRL_EXPIRED', `the revocation list ${ofIssuer} has expired`),
      'list-not-yet-valid': problem('CRL_INVALID', `the revocation list ${ofIssuer} is not valid yet`, hint),
    }
    return found[statusIn(list, certificate, now)] ?? []
  })
}
