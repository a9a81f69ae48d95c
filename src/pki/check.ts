import { errorCodes, MtlsError, type MtlsErrorCode } from '../errors.js'
import type { CertificateFacts } from '../x509/certificate.js'
import { buildPath } from '../x509/path.js'
import { coversServerName } from '../x509/server-name.js'
import { weakKey, weakSignature } from '../x509/strength.js'
import { readPrivateKey } from './key.js'
import type { LeafType } from './request.js'

/** One thing that is wrong with a certificate. */
export interface Problem {
  readonly code: MtlsErrorCode
  readonly message: string
  readonly hint: string
}

export interface CheckOptions {
  /** What it is to be used for; `ca` when it is marked as one, otherwise not judged without this. */
  readonly type?: LeafType | 'ca'
  /** The key it should belong to, PEM. */
  readonly privateKey?: string
  readonly passphrase?: string
  /** The CAs it should lead to; without them the chain is not judged. */
  readonly trusted?: readonly CertificateFacts[]
  /** Intermediate certificates that come with it. */
  readonly chain?: readonly CertificateFacts[]
  /** The host its names should cover. */
  readonly serverName?: string
  readonly now?: Date
}

/** Everything that is wrong with a certificate, an empty list when nothing is. Revocation is not judged here. */
export function check(certificate: CertificateFacts, options: CheckOptions = {}): readonly Problem[] {
  const { now = new Date(), trusted, chain = [], serverName } = options
  const path = buildPath(certificate, chain, trusted ?? [])
  const judged = trusted ? path.certificates : [certificate]
  const found: [MtlsErrorCode, string][] = []
  const invalid = (text: string | undefined, facts = certificate) => {
    if (text !== undefined) found.push(['CERT_INVALID', `${facts.subject} ${text}`])
  }

  for (const facts of judged) {
    if (now > facts.notAfter)
      found.push(['CERT_EXPIRED', `${facts.subject} expired on ${facts.notAfter.toISOString()}`])
    if (now < facts.notBefore)
      found.push([
        'CERT_NOT_YET_VALID',
        `${facts.subject} is not valid before ${facts.notBefore.toISOString()}`,
      ])
    invalid(weakKey(facts), facts)
    const isRoot =
      trusted?.some(({ fingerprint256 }) => fingerprint256 === facts.fingerprint256) ?? facts.isCa
    if (!isRoot) invalid(weakSignature(facts), facts)
  }
  if (path.badSignature) invalid('is not signed by the issuer it names', path.badSignature)
  else if (trusted && !path.anchored)
    invalid(
      path.selfSigned
        ? 'is self-signed'
        : `was issued by ${path.certificates.at(-1)?.issuer}, which is not trusted`,
    )
  invalid(usageProblem(certificate, options.type))
  if (serverName !== undefined && !coversServerName(certificate.names, serverName))
    found.push(['SERVER_NAME_MISMATCH', `${certificate.subject} does not cover ${serverName}`])

  const problems = found.map(([code, message]) => ({ code, message, hint: errorCodes[code] }))
  return [...problems, ...keyProblems(certificate, options)]
}

function usageProblem(certificate: CertificateFacts, type: CheckOptions['type']): string | undefined {
  const { extendedKeyUsage, keyUsage, isCa, unknownCritical } = certificate
  if (unknownCritical.length > 0) return `has the unknown critical extension ${unknownCritical.join(', ')}`
  if (type === 'ca' || (type === undefined && isCa)) {
    if (!isCa) return 'is not marked as a CA'
    return keyUsage?.includes('keyCertSign') === false ? 'may not sign certificates (key usage)' : undefined
  }
  if (type === undefined) return undefined
  const wanted = type === 'server' ? 'serverAuth' : 'clientAuth'
  if (isCa || keyUsage?.includes('keyCertSign')) return `is a CA certificate, not one of a ${type}`
  if (!extendedKeyUsage) return `has no extended key usage (${wanted} is needed)`
  if (!extendedKeyUsage.includes(wanted)) return `is for ${extendedKeyUsage.join(', ')}, not for ${wanted}`
  return keyUsage?.includes('digitalSignature') === false ? 'may not sign (key usage)' : undefined
}

function keyProblems(
  certificate: CertificateFacts,
  { privateKey, passphrase }: CheckOptions,
): readonly Problem[] {
  if (privateKey === undefined) return []
  try {
    const key = readPrivateKey(privateKey, `key of ${certificate.subject}`, passphrase)
    if (certificate.x509.checkPrivateKey(key)) return []
    return [new MtlsError('KEY_MISMATCH', `the key is not that of ${certificate.subject}`).toJSON()]
  } catch (error) {
    if (error instanceof MtlsError) return [error.toJSON()]
    throw error
  }
}
