import { MtlsError } from '../errors.js'
import type { CertificateFacts } from '../x509/certificate.js'
import type { CrlFacts } from '../x509/crl.js'
import { buildPath, type CertificatePath } from '../x509/path.js'
import { listOf, type RevocationStatus, statusIn } from '../x509/revocation.js'
import { coversServerName } from '../x509/server-name.js'
import { weakKey, weakSignature } from '../x509/strength.js'
import { readPrivateKey } from './key.js'
import { type Problem, problem } from './problem.js'
import type { LeafType } from './request.js'

export interface CheckOptions {
  /** What it is to be used for; `ca` when it is marked as one, otherwise not judged without this. */
  readonly type?: LeafType | 'ca' | undefined
  /** The key it should belong to, PEM. */
  readonly privateKey?: string | undefined
  /** How messages call that key. */
  readonly keyPath?: string | undefined
  readonly passphrase?: string | undefined
  /** The CAs it should lead to; without them neither chain nor revocation is judged. */
  readonly trusted?: readonly CertificateFacts[] | undefined
  /** Intermediate certificates that come with it. */
  readonly chain?: readonly CertificateFacts[] | undefined
  /** Revocation lists: every CA of the chain needs one. Without this revocation is not judged. */
  readonly crls?: readonly CrlFacts[] | undefined
  /** Whether a CA without a list revokes nothing, instead of being a problem. */
  readonly crlMissingAllowed?: boolean | undefined
  /** The host its names should cover. */
  readonly serverName?: string | undefined
  /** Warn of what ends within so many days; nothing is warned of without this. */
  readonly withinDays?: number | undefined
  /** Judge as demo mode does, which accepts unknown issuers and what signed itself. */
  readonly demoMode?: boolean | undefined
  readonly now?: Date | undefined
}

export const dayMs = 86_400_000

/** Everything that is wrong with a certificate, an empty list when nothing is. */
export function check(certificate: CertificateFacts, options: CheckOptions = {}): readonly Problem[] {
  const { now = new Date(), trusted, chain = [], demoMode = false } = options
  const type = options.type ?? (certificate.isCa ? 'ca' : undefined)
  const path = buildPath(certificate, chain, trusted ?? [])
  const judged = trusted ? path.certificates : [certificate]
  const isRoot = (facts: CertificateFacts) =>
    trusted?.some(({ fingerprint256 }) => fingerprint256 === facts.fingerprint256) ?? facts.isCa
  return [
    ...judged.flatMap((facts) => dateProblems(facts, now, options.withinDays)),
    ...judged.flatMap((facts) => fabricProblems(facts, isRoot(facts))),
    ...issuerProblems(path, trusted !== undefined && !demoMode, type),
    ...(path.anchored ? authorityProblems(path, type, now) : []),
    ...(path.anchored ? revocationProblems(path, options, now) : []),
    ...usageProblems(certificate, type, demoMode && path.selfSigned),
    ...nameProblems(certificate, type, options),
    ...keyProblems(certificate, options),
  ]
}

function invalid({ subject }: CertificateFacts, what: string, hint: string): Problem {
  return problem('CERT_INVALID', `${subject} ${what}`, hint)
}

function dateProblems(
  { subject, notBefore, notAfter }: CertificateFacts,
  now: Date,
  withinDays: number | undefined,
): Problem[] {
  const end = notAfter.toISOString()
  if (now < notBefore)
    return [problem('CERT_NOT_YET_VALID', `${subject} is not valid before ${notBefore.toISOString()}`)]
  if (now > notAfter) return [problem('CERT_EXPIRED', `${subject} expired on ${end}`)]
  if (withinDays === undefined || notAfter.getTime() - now.getTime() > withinDays * dayMs) return []
  return [problem('CERT_EXPIRING', `${subject} expires on ${end}`)]
}

/** What the certificate is made of. The signature on a trusted root proves nothing: it is trusted because it is in the store. */
function fabricProblems(facts: CertificateFacts, isRoot: boolean): Problem[] {
  const weaknesses = [weakKey(facts), isRoot ? undefined : weakSignature(facts)].filter(
    (weakness) => weakness !== undefined,
  )
  return [
    ...weaknesses.map((weakness) =>
      invalid(facts, weakness, 'Issue it anew with a strong key and SHA-256, as `mcp-mtls cert-gen` does.'),
    ),
    ...facts.unknownCritical.map((extension) =>
      invalid(
        facts,
        `has the unknown critical extension ${extension}`,
        'Issue it anew without that extension: who does not know it has to refuse it.',
      ),
    ),
  ]
}

const trustHint =
  'Trust the CA that issued it (--ca-cert FILE), or issue it anew from the CA that is trusted.'

function issuerProblems(path: CertificatePath, judged: boolean, type: CheckOptions['type']): Problem[] {
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
function authorityProblems(
  { certificates }: CertificatePath,
  type: CheckOptions['type'],
  now: Date,
): Problem[] {
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
  for (const [index, authority] of certificates.entries()) {
    if (index === 0) continue
    // RFC 5280 section 4.2.1.9: self-issued ones do not count.
    const below = certificates.slice(1, index).filter(({ selfIssued }) => !selfIssued).length
    if (below > (authority.pathLength ?? Infinity))
      found.push(
        invalid(
          authority,
          `allows only ${authority.pathLength} CAs below it, and here are ${below}`,
          'Issue the certificate from a CA nearer to the root.',
        ),
      )
    // OpenSSL takes the extended key usage of a CA as a limit of what it may issue for.
    const wanted = type === 'ca' || type === undefined ? undefined : usageOf[type]
    if (wanted && authority.extendedKeyUsage?.includes(wanted) === false)
      found.push(
        invalid(
          authority,
          `may not issue certificates for ${wanted} (extended key usage)`,
          'Issue the certificate from a CA that has no such limit.',
        ),
      )
  }
  return found
}

function revocationProblems(
  { certificates }: CertificatePath,
  { crls, crlMissingAllowed = false }: CheckOptions,
  now: Date,
): Problem[] {
  if (!crls) return []
  return certificates.flatMap((certificate, index) => {
    const issuer = certificates[index + 1]
    if (!issuer) return []
    const list = listOf(issuer, crls)
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

const usageOf = { server: 'serverAuth', client: 'clientAuth' } as const

function usageProblems(
  certificate: CertificateFacts,
  type: CheckOptions['type'],
  relaxed: boolean,
): Problem[] {
  const { extendedKeyUsage, keyUsage, isCa } = certificate
  const mayCertify = keyUsage?.includes('keyCertSign')
  if (type === undefined) return []
  if (type === 'ca') {
    const hint = 'Make a CA with `mcp-mtls cert-gen`: CA:TRUE, and keyCertSign among its key usage.'
    if (!isCa) return [invalid(certificate, 'is not marked as a CA', hint)]
    return mayCertify === false ? [invalid(certificate, 'may not sign certificates (key usage)', hint)] : []
  }
  const wanted = usageOf[type]
  const hint = `Issue one for this use with \`mcp-mtls cert-gen ${type} NAME\`.`
  if (extendedKeyUsage && !extendedKeyUsage.includes(wanted))
    return [invalid(certificate, `is for ${extendedKeyUsage.join(', ')}, not for ${wanted}`, hint)]
  if (isCa || mayCertify)
    return relaxed ? [] : [invalid(certificate, `is a CA certificate, not one of a ${type}`, hint)]
  if (!extendedKeyUsage)
    return relaxed ? [] : [invalid(certificate, `has no extended key usage (${wanted} is needed)`, hint)]
  return keyUsage?.includes('digitalSignature') === false
    ? [invalid(certificate, 'may not sign (key usage)', hint)]
    : []
}

/** RFC 9525: the common name of a server is no name. A client is known by its SPIFFE ID, a DNS name or its common name. */
function nameProblems(
  certificate: CertificateFacts,
  type: CheckOptions['type'],
  { serverName, demoMode = false }: CheckOptions,
): Problem[] {
  const { names, commonName } = certificate
  const found: Problem[] = []
  const ids = names.uri.filter((uri) => /^spiffe:\/\//i.test(uri))
  const hint = 'Issue it anew with the names it should have: `mcp-mtls cert-gen … --san NAME`.'
  if (type !== 'ca' && ids.length > 1) found.push(invalid(certificate, 'has more than one SPIFFE ID', hint))
  if (type === 'server' && !demoMode && names.dns.length + names.ip.length === 0)
    found.push(
      invalid(certificate, 'names no host: no DNS name or IP address, and the common name is none', hint),
    )
  if (type === 'client' && ids.length + names.dns.length === 0 && !commonName)
    found.push(invalid(certificate, 'names nobody: no SPIFFE ID, DNS name or common name', hint))
  if (serverName !== undefined && !demoMode && !coversServerName(names, serverName))
    found.push(problem('SERVER_NAME_MISMATCH', `${certificate.subject} does not cover ${serverName}`))
  return found
}

function keyProblems(
  certificate: CertificateFacts,
  { privateKey, keyPath = `key of ${certificate.subject}`, passphrase }: CheckOptions,
): Problem[] {
  if (privateKey === undefined) return []
  try {
    if (certificate.x509.checkPrivateKey(readPrivateKey(privateKey, keyPath, passphrase))) return []
    return [problem('KEY_MISMATCH', `the ${keyPath} is not that of ${certificate.subject}`)]
  } catch (error) {
    if (error instanceof MtlsError) return [problem(error.code, error.message, error.hint)]
    throw error
  }
}
