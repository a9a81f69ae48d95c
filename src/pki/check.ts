import { MtlsError } from '../errors.js'
import { fabricFaults } from '../judge/fabric.js'
import { buildPath } from '../judge/path.js'
import { purposeFaults } from '../judge/purpose.js'
import type { CertificateFacts } from '../x509/certificate.js'
import { coversServerName } from '../x509/server-name.js'
import {
  authorityProblems,
  issuerProblems,
  type RevocationOptions,
  revocationProblems,
} from './check-path.js'
import { readPrivateKey } from './key.js'
import { dayMs, faulty, invalid, type Problem, problem, usageOf } from './problem.js'
import type { LeafType } from './request.js'

export { dayMs } from './problem.js'

export interface CheckOptions extends RevocationOptions {
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
  /** The host its names should cover. */
  readonly serverName?: string | undefined
  /** Warn of what ends within so many days; nothing is warned of without this. */
  readonly withinDays?: number | undefined
  /** Judge as demo mode does, which accepts unknown issuers and what signed itself. */
  readonly demoMode?: boolean | undefined
  readonly now?: Date | undefined
}

/** Everything that is wrong with a certificate, an empty list when nothing is. */
export function check(certificate: CertificateFacts, options: CheckOptions = {}): readonly Problem[] {
  const { now = new Date(), trusted, chain = [], demoMode = false } = options
  const type = options.type ?? (certificate.isCa ? 'ca' : undefined)
  const purpose = type === 'server' || type === 'client' ? usageOf[type] : undefined
  const path = buildPath(certificate, chain, trusted ?? [], { now, ...(purpose && { purpose }) })
  const judged = trusted ? path.certificates : [certificate]
  const isRoot = (facts: CertificateFacts) =>
    trusted?.some(({ fingerprint256 }) => fingerprint256 === facts.fingerprint256) ?? facts.isCa
  return [
    ...judged.flatMap((facts) => dateProblems(facts, now, options.withinDays)),
    ...judged.flatMap((facts) =>
      fabricFaults(facts, isRoot(facts)).map((fault) => faulty(fault, fabricHint)),
    ),
    ...issuerProblems(path, trusted !== undefined && !demoMode, type),
    ...(path.anchored ? authorityProblems(path, type, now) : []),
    ...(path.anchored ? revocationProblems(path, options, now) : []),
    ...usageProblems(certificate, type, demoMode && path.selfSigned),
    ...nameProblems(certificate, type, options),
    ...keyProblems(certificate, options),
  ]
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

function usageProblems(
  certificate: CertificateFacts,
  type: CheckOptions['type'],
  relaxed: boolean,
): Problem[] {
  const { keyUsage, isCa } = certificate
  if (type === undefined) return []
  if (type === 'ca') {
    const hint = 'Make a CA with `mcp-mtls cert-gen`: CA:TRUE, and keyCertSign among its key usage.'
    if (!isCa) return [invalid(certificate, 'is not marked as a CA', hint)]
    const mayCertify = keyUsage?.includes('keyCertSign') ?? true
    return mayCertify ? [] : [invalid(certificate, 'may not sign certificates (key usage)', hint)]
  }
  const hint = `Issue one for this use with \`mcp-mtls cert-gen ${type} NAME\`.`
  return purposeFaults(certificate, usageOf[type])
    .filter(({ passesInDemo }) => !(passesInDemo && relaxed))
    .map((fault) => faulty(fault, hint))
}

const fabricHint =
  'Issue it anew as `mcp-mtls cert-gen` does: with a strong key, SHA-256, and no extension that others may not know.'

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
