import { createHash, randomBytes } from 'node:crypto'
import type { SecureContext } from 'node:tls'
import type { TrustDomains } from '../../auth/trust-domains.js'
import type { Role, TlsConfig } from '../../config/index.js'
import { MtlsError } from '../../errors.js'
import { CrlSet } from '../../judge/crl-set.js'
import { buildPath } from '../../judge/path.js'
import { type CertificateFacts, pemOf } from '../../x509/certificate.js'
import { type CrlFacts, readCrls } from '../../x509/crl.js'
import { withoutSuperseded } from '../../x509/revocation.js'
import { coversServerName } from '../../x509/server-name.js'
import { type DomainText, readAuthorities } from './authorities.js'
import { secureContext, type TlsIdentity } from './context.js'
import { readOwnCertificate, type SourceText } from './own-certificate.js'
import { type TicketSecret, ticketKeysFor } from './ticket-keys.js'

/** Everything one side needs to speak TLS, loaded and checked: an immutable value. */
export interface Material {
  readonly role: Role
  readonly mode: 'strict' | 'demo'
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3'
  /** Our own leaf. */
  readonly certificate: CertificateFacts
  /** Whether one of the CAs below issued it; a public CA may have issued it instead. */
  readonly ownIssuer: boolean
  /** The CAs whose certificates we accept; may be empty in demo mode. */
  readonly anchors: readonly CertificateFacts[]
  /** Which of them may give which SPIFFE IDs. */
  readonly domains: TrustDomains
  readonly crls: CrlSet | undefined
  /** Who else can read our key; undefined if that is no problem. */
  readonly keyExposure: string | undefined
  /** Changes whenever a file's content changes; reveals nothing about the key. */
  readonly version: string
  /** Changes whenever the CAs, their trust domains or the revocation lists change. */
  readonly trustVersion: string
  /** Changes whenever the file of the revocation lists changes. */
  readonly listVersion: string
  /** Only for `tls.createSecureContext`: it holds the key. */
  readonly identity: TlsIdentity
  /**
   * The key that seals a server's session tickets. Different keys after a change of trust: earlier tickets become
   * invalid.
   */
  readonly ticketKeys: Buffer
  /** What they are made from, where several processes share them; otherwise they are random. */
  readonly ticketSecret: TicketSecret | undefined
  /** Created from the identity, for every connection. */
  readonly context: SecureContext
}

/** The inputs of material, from any source. PEM. */
export interface MaterialTexts {
  readonly certificate: SourceText
  readonly key: SourceText
  /** The CAs to trust; undefined only in demo mode. */
  readonly ca: SourceText | undefined
  readonly crl: SourceText | undefined
  /** More CAs to trust, each file bound to a trust domain; none by default. */
  readonly trustDomains?: readonly DomainText[] | undefined
  /** Who else can read the key. */
  readonly keyExposure: string | undefined
  /** Of a server that shares its session tickets. */
  readonly ticketSecret?: TicketSecret | undefined
}

/** The side that uses the material. */
export type MaterialRules = Pick<
  TlsConfig,
  'demoMode' | 'minVersion' | 'crlMissing' | 'keyPassphrase' | 'caCert'
>

/** Whether our own certificate covers this host name. */
export function coversHost({ certificate }: Material, host: string): boolean {
  return coversServerName(certificate.names, host)
}

/** Changes with any of these texts. */
export function versionOf({
  certificate,
  key,
  ca,
  crl,
  trustDomains,
}: Omit<MaterialTexts, 'keyExposure' | 'ticketSecret'>): string {
  return digest(certificate.text, key.text, ca?.text, crl?.text, ...domainTexts(trustDomains))
}

function domainTexts(trustDomains: readonly DomainText[] = []): string[] {
  return trustDomains.flatMap(({ domain, text }) => [domain, text])
}

/**
 * Checks what one side needs, also with OpenSSL. Throws `CERT_INVALID`, `CERT_EXPIRED`, `CERT_NOT_YET_VALID`,
 * `KEY_MISMATCH` or `KEY_ENCRYPTED`, naming where it came from.
 */
export function makeMaterial(
  texts: MaterialTexts,
  rules: MaterialRules,
  role: Role,
  previous: Material | undefined,
  now: Date,
): Material {
  const { ca, crl } = texts
  const { certificate, chain, key } = readOwnCertificate(
    texts.certificate,
    texts.key,
    rules.keyPassphrase,
    role,
    now,
  )
  const { anchors, domains } = readAuthorities(ca, texts.trustDomains)
  const ownIssuer = buildPath(certificate, chain, anchors).anchored
  if (previous?.ownIssuer && !ownIssuer) {
    throw new MtlsError(
      'CERT_INVALID',
      `${texts.certificate.path} was not issued by a CA in ${rules.caCert}, as it was before`,
      {
        hint: 'Put the certificate and the CA of one set there.',
      },
    )
  }
  const material = {
    role,
    mode: rules.demoMode ? 'demo' : 'strict',
    minVersion: rules.minVersion,
    certificate,
    ownIssuer,
    anchors,
    domains,
    crls: crl && new CrlSet(readOwnCrls(crl, rules, anchors), rules.crlMissing === 'allow'),
    keyExposure: texts.keyExposure,
    version: versionOf(texts),
    trustVersion: digest(ca?.text, crl?.text, ...domainTexts(texts.trustDomains)),
    listVersion: digest(crl?.text),
  } as const
  const identity: TlsIdentity = {
    cert: pemOf([certificate, ...chain]).join(''),
    key: key.export({ type: 'pkcs8', format: 'pem' }),
    // An empty list, never undefined: without one Node would trust the public CAs.
    ca: pemOf(anchors),
  }
  return withContext(material, identity, previous, texts.ticketSecret)
}

/**
 * OpenSSL must accept it. Fields that hold keys are not enumerable: no log, JSON or copy of the material shows them.
 */
function withContext(
  material: Omit<Material, 'identity' | 'ticketKeys' | 'ticketSecret' | 'context'>,
  identity: TlsIdentity,
  previous: Material | undefined,
  ticketSecret: TicketSecret | undefined,
): Material {
  const isSameTrust = material.trustVersion === previous?.trustVersion
  const own = isSameTrust ? previous?.ticketKeys : randomBytes(48)
  const ticketKeys = ticketSecret ? ticketKeysFor(ticketSecret, material) : own
  const context = secureContext(
    { ...material, identity },
    // Without an id of its own OpenSSL does not resume sessions of a server that asks for certificates.
    material.role === 'server' ? { ticketKeys, sessionIdContext: 'mcp-mtls' } : {},
  )
  return Object.freeze(
    Object.defineProperties(
      { ...material },
      {
        identity: { value: identity },
        ticketKeys: { value: ticketKeys },
        ticketSecret: { value: ticketSecret },
        context: { value: context },
      },
    ),
  ) as Material
}

/**
 * `previous` with these revocation lists; `previous` itself when they are already in use. The lists already in use
 * continue to count beside the new ones: this never accepts more peers. Throws `CERT_INVALID` for invalid lists.
 */
export function withLists(previous: Material, crl: SourceText, rules: MaterialRules): Material {
  const listVersion = digest(crl.text)
  if (listVersion === previous.listVersion) return previous
  const lists = [...readOwnCrls(crl, rules, previous.anchors), ...(previous.crls?.lists ?? [])]
  const distinct = [...new Map(lists.map((list) => [list.pem, list])).values()]
  const counting = withoutSuperseded(distinct, previous.anchors, new Date())
  return withContext(
    {
      ...previous,
      crls: new CrlSet(counting, rules.crlMissing === 'allow'),
      // No valid files have these: whatever is loaded next differs.
      version: digest(previous.version, crl.text),
      trustVersion: digest(previous.trustVersion, crl.text),
      listVersion,
    },
    previous.identity,
    previous,
    previous.ticketSecret,
  )
}

/** `previous` with tickets from this secret; `previous` itself when it is the one in use. */
export function withTicketSecret(previous: Material, secret: TicketSecret | undefined): Material {
  if (!secret || previous.ticketSecret?.bytes.equals(secret.bytes)) return previous
  return withContext({ ...previous }, previous.identity, previous, secret)
}

function digest(...texts: readonly (string | undefined)[]): string {
  return createHash('sha256')
    .update(texts.map((text) => text ?? '').join('\0'))
    .digest('hex')
}

/** If none of the lists is by a CA we trust, they would refuse everyone: that is a mistake, not a policy. */
function readOwnCrls(
  { text, path }: SourceText,
  { caCert }: MaterialRules,
  anchors: readonly CertificateFacts[],
): readonly CrlFacts[] {
  const lists = readCrls(text, path)
  if (anchors.length > 0 && !lists.some((list) => anchors.some((anchor) => list.isSignedBy(anchor))))
    throw new MtlsError('CERT_INVALID', `${path} is not a revocation list of a CA in ${caCert}`)
  return lists
}
