import { identityFrom } from '../../auth/identity.js'
import { bindTrustDomains, noTrustDomains, type TrustDomains } from '../../auth/trust-domains.js'
import { MtlsError } from '../../errors.js'
import { CrlSet } from '../../judge/crl-set.js'
import { dateFault } from '../../judge/dates.js'
import { type Finding, findings } from '../../judge/findings.js'
import { buildPath, type CertificatePath } from '../../judge/path.js'
import { dayMs } from '../../text/duration.js'
import { claimsSpiffe } from '../../text/spiffe.js'
import type { CertificateFacts } from '../../x509/certificate.js'
import type { CrlFacts } from '../../x509/crl.js'
import { expiringFrom } from '../../x509/life.js'
import { readPrivateKey } from '../../x509/private-key.js'
import type { LeafType } from '../certificate/request.js'
import * as kind from '../option-kinds.js'
import { type OptionKinds, requireArguments, requireOptions } from '../require-options.js'
import { type CheckFinding, checkFinding, explained, invalid, usageOf } from './check-finding.js'

export interface CheckOptions {
  /** Revocation lists: every CA of the chain needs one. By default revocation is not judged. */
  readonly crls?: readonly CrlFacts[] | undefined
  /** Whether a CA without a list revokes nothing, instead of being a finding; false by default. */
  readonly crlMissingAllowed?: boolean | undefined
  /** What it is to be used for; by default `ca` when it is marked as one, otherwise its use is not judged. */
  readonly type?: LeafType | 'ca' | undefined
  /** The key it should belong to, PEM; by default no key is judged. */
  readonly privateKey?: string | undefined
  /** How messages call that key; `key of SUBJECT` by default. */
  readonly keyPath?: string | undefined
  /** Passphrase of that key when it is encrypted; none by default. */
  readonly passphrase?: string | undefined
  /** The CAs it should lead to; by default neither chain nor revocation is judged. */
  readonly trusted?: readonly CertificateFacts[] | undefined
  /** Intermediate certificates that come with it; none by default. */
  readonly chain?: readonly CertificateFacts[] | undefined
  /** The host its names should cover; not judged by default. */
  readonly serverName?: string | undefined
  /** Warn of what ends within so many days; by default each by its own life, see `expiringFrom`. */
  readonly withinDays?: number | undefined
  /** Judge as demo mode does, which accepts unknown issuers and what signed itself; false by default. */
  readonly demoMode?: boolean | undefined
  /** The moment for which it is judged; the clock of this machine by default. */
  readonly now?: Date | undefined
}

export const checkKinds = {
  crls: kind.crls,
  crlMissingAllowed: kind.flag,
  type: kind.oneOf('server', 'client', 'ca'),
  privateKey: kind.text,
  keyPath: kind.text,
  passphrase: kind.text,
  trusted: kind.factsList,
  chain: kind.factsList,
  serverName: kind.text,
  withinDays: kind.daysOrNone,
  demoMode: kind.flag,
  now: kind.moment,
} satisfies OptionKinds<CheckOptions>

/** Everything that is wrong with a certificate (facts: see `inspect`), an empty list when nothing is. */
export function check(certificate: CertificateFacts, options: CheckOptions = {}): readonly CheckFinding[] {
  const call = "check((await inspect('server.crt'))[0])"
  requireArguments(kind.facts.fits(certificate), 'the facts of a certificate', call)
  requireOptions(options, checkKinds, call)
  return findingsOf(certificate, options)
}

/** What commands know beside that. */
export interface JudgingOptions extends CheckOptions {
  /** Which of the trusted CAs may give which SPIFFE IDs; what they say of themselves by default. */
  readonly domains?: TrustDomains | undefined
  /** The identities of which a server must have one, as they are compared, instead of covering a host. */
  readonly serverIds?: readonly string[] | undefined
}

/** The same for those who have looked at the options themselves. */
export function findingsOf(certificate: CertificateFacts, options: JudgingOptions): readonly CheckFinding[] {
  const { now = new Date(), trusted, chain = [], demoMode = false } = options
  const type = options.type ?? (certificate.isCa ? 'ca' : undefined)
  const purpose = type === 'server' || type === 'client' ? usageOf[type] : undefined
  const anchors = trusted ?? (certificate.isCa ? [certificate] : [])
  const { crls, crlMissingAllowed, serverName, serverIds, domains = boundBy(anchors) } = options
  const revocation = crls && new CrlSet(crls, crlMissingAllowed)
  const path = buildPath(certificate, chain, anchors, {
    now,
    revocation,
    domains,
    ...(purpose && { purpose }),
  })
  const judged = trusted ? path.certificates : [certificate]
  const counts = ({ kind, certificate: whose, relaxed }: Finding) => {
    if (demoMode && relaxed) return false
    if (kind === 'issuer') return trusted !== undefined && !(type === 'ca' && path.anchored)
    return kind === 'signature' || judged.includes(whose)
  }
  return [
    ...[...findings(path, { now, purpose, serverName, serverIds, revocation, domains })]
      .filter(counts)
      .map((finding) => explained(finding, type)),
    ...judged.flatMap((facts) => expiryFindings(facts, now, options.withinDays)),
    ...(path.anchored ? lifeFindings(path, now) : []),
    ...(type === 'ca' ? caFindings(certificate) : []),
    ...nameFindings(certificate, type, demoMode),
    ...keyFindings(certificate, options),
  ]
}

/** What the CAs say of themselves. Two that contradict each other are told of where both are trusted. */
function boundBy(anchors: readonly CertificateFacts[]): TrustDomains {
  try {
    return bindTrustDomains(anchors.filter(({ isCa }) => isCa))
  } catch {
    return noTrustDomains
  }
}

function expiryFindings(
  facts: CertificateFacts,
  now: Date,
  withinDays: number | undefined,
): readonly CheckFinding[] {
  const { notBefore, notAfter } = facts
  const ownWindow = () => notAfter.getTime() - expiringFrom(notBefore, notAfter).getTime()
  const window = withinDays === undefined ? ownWindow() : withinDays * dayMs
  if (dateFault(facts, now) || notAfter.getTime() - now.getTime() > window) return []
  return [checkFinding('CERT_EXPIRING', `${facts.subject} expires on ${facts.notAfter.toISOString()}`)]
}

function lifeFindings({ certificates: [leaf, issuer] }: CertificatePath, now: Date): readonly CheckFinding[] {
  // Less than a day is nothing to act on: both were made in one go.
  if (!issuer || issuer.notAfter <= now || leaf.notAfter.getTime() - issuer.notAfter.getTime() <= dayMs)
    return []
  const [own, above] = [leaf, issuer].map(({ notAfter }) => notAfter.toISOString())
  return [
    checkFinding(
      'CERT_OUTLIVES_CA',
      `${leaf.subject} is valid until ${own}, its CA ${issuer.subject} only until ${above}`,
    ),
  ]
}

function caFindings(certificate: CertificateFacts): readonly CheckFinding[] {
  const hint = 'Make a CA with `mcp-mtls cert-gen`: CA:TRUE, and keyCertSign among its key usage.'
  if (!certificate.isCa) return [invalid(certificate, 'is not marked as a CA', hint)]
  const mayCertify = certificate.keyUsage?.includes('keyCertSign') ?? true
  return mayCertify ? [] : [invalid(certificate, 'may not sign certificates (key usage)', hint)]
}

/** Whom it speaks for: a server without a host name for nobody that can be called (RFC 9525: the common name is none). */
function nameFindings(
  certificate: CertificateFacts,
  type: CheckOptions['type'],
  demoMode: boolean,
): CheckFinding[] {
  if (type !== 'server' && type !== 'client') return []
  const { dns, ip, uri } = certificate.names
  const hint = 'Issue it anew with the names it should have: `mcp-mtls cert-gen … --san NAME`.'
  try {
    identityFrom(certificate, !demoMode, type)
  } catch (error) {
    if (!(error instanceof MtlsError)) throw error
    return [checkFinding('CERT_INVALID', error.message, hint)]
  }
  // One with a SPIFFE ID is asked for by that.
  if (type === 'client' || demoMode || dns.length + ip.length > 0 || uri.some(claimsSpiffe)) return []
  return [invalid(certificate, 'names no host: no DNS name or IP address, and the common name is none', hint)]
}

function keyFindings(
  certificate: CertificateFacts,
  { privateKey, keyPath = `key of ${certificate.subject}`, passphrase }: CheckOptions,
): CheckFinding[] {
  if (privateKey === undefined) return []
  try {
    if (certificate.x509.checkPrivateKey(readPrivateKey(privateKey, keyPath, passphrase))) return []
    return [checkFinding('KEY_MISMATCH', `the ${keyPath} is not that of ${certificate.subject}`)]
  } catch (error) {
    if (error instanceof MtlsError) return [checkFinding(error.code, error.message, error.hint)]
    throw error
  }
}
