import { randomBytes } from 'node:crypto'
import { MtlsError } from '../../errors.js'
import { findings } from '../../judge/findings.js'
import { buildPath } from '../../judge/path.js'
import { type CertificateFacts, readCertificate } from '../../x509/certificate.js'
import { readCertificates } from '../../x509/pem.js'
import { privateKeyBlocks, readPrivateKey } from '../../x509/private-key.js'
import { generateKey, generateKeyLike, type PemSource, privateKeyPem } from './key.js'
import { type AuthorityOptions, type CertificateRequest, parseRequests, type Request } from './request.js'

/** A certificate with its key. The key is not enumerable: no log, JSON or copy of the object shows it. */
export interface Issued {
  /** PEM. */
  readonly certificate: string
  readonly facts: CertificateFacts
  /** PKCS#8 PEM. */
  readonly privateKey: string
}

/** A CA: what it takes to issue. */
export interface Authority extends Issued {
  /** The CAs above it, as far as its file holds them: their limits count too. */
  readonly above?: readonly CertificateFacts[]
}

/** What a caller may hold; tests do. */
export interface IssueOptions {
  readonly now?: Date
  /** Whether this CA gave a serial number out before. */
  readonly isUsed?: (serial: string) => boolean
  /** Certify this key instead of a fresh one, PKCS#8 PEM. */
  readonly privateKey?: string
}

const day = 86_400_000
/** Clocks differ: what is made now counts from five minutes ago. */
export const backdated = 5 * 60_000

/** A new private root CA, good for issuing leaves only. Throws `CONFIG_INVALID` for bad options. */
export async function createAuthority(
  options: AuthorityOptions = {},
  held: IssueOptions = {},
): Promise<Authority> {
  const commonName = options.commonName ?? `mcp-mtls CA ${randomBytes(3).toString('hex')}`
  return make({ ...options, type: 'ca', commonName }, undefined, held)
}

/**
 * A CA from its files, of whatever maker. A bundle may hold several certificates: the one of the key counts.
 * Throws `CERT_INVALID`, `KEY_ENCRYPTED` or `KEY_MISMATCH`, naming the file.
 */
export function openAuthority(
  certificates: PemSource,
  privateKey: PemSource,
  passphrase?: string,
): Authority {
  const key = readPrivateKey(privateKey.text, privateKey.path, passphrase)
  const all = readCertificates(certificates.text, certificates.path)
  const facts = all.find(({ x509 }) => x509.checkPrivateKey(key))
  if (!facts) throw new MtlsError('KEY_MISMATCH', `${privateKey.path} is not the key of ${certificates.path}`)
  if (!facts.isCa || facts.keyUsage?.includes('keyCertSign') === false)
    throw new MtlsError('CERT_INVALID', `${certificates.path}: ${facts.subject} may not issue certificates`, {
      hint: 'Use the certificate of a CA: basic constraints CA:TRUE, and keyCertSign among its key usage.',
    })
  const [, ...above] = buildPath(facts, all, all).certificates
  return keyed(facts.x509.toString(), privateKeyPem(key), facts, above)
}

/**
 * The CAs of a directory, the one that issues first: while a rotation is under way both files hold that of
 * before too. What it throws is listed at `openAuthority`.
 */
export function openAuthorities(
  certificates: PemSource,
  privateKeys: PemSource,
  passphrase?: string,
): readonly [Authority, ...Authority[]] {
  const [first = privateKeys.text, ...others] = privateKeyBlocks(privateKeys.text)
  const open = (text: string) => openAuthority(certificates, { ...privateKeys, text }, passphrase)
  return [open(first), ...others.map(open)]
}

/**
 * A certificate for a server or a client, signed by `authority`. It never outlives its CA.
 * Throws `CONFIG_INVALID` with every problem of the request, `CERT_EXPIRED` or
 * `CERT_NOT_YET_VALID` when the CA cannot sign now, `CERT_INVALID` for what it may not sign.
 */
export async function issue(
  authority: Authority,
  request: CertificateRequest,
  held: IssueOptions = {},
): Promise<Issued> {
  return make(request, authority, held)
}

/** A certificate that vouches for itself: for demo mode, which alone accepts it. */
export async function selfSigned(request: CertificateRequest, held: IssueOptions = {}): Promise<Issued> {
  return make(request, undefined, held)
}

export interface ReissueOptions extends IssueOptions {
  /** As long as the life of before by default. */
  readonly validityDays?: number | undefined
}

/**
 * `before` again, of whatever maker: the same subject, names, usage and type of key, with a new life and, unless
 * one is given, a new key. Throws what `issue` throws, `CERT_INVALID` for a type of key that is not made here.
 */
export async function reissue(
  authority: Authority,
  before: CertificateFacts,
  {
    now = new Date(),
    isUsed = () => false,
    privateKey,
    validityDays = lifeInDays(before),
  }: ReissueOptions = {},
): Promise<Issued> {
  const validity = validityOf(validityDays, authority.facts, now)
  const key = privateKey
    ? readPrivateKey(privateKey, `key of ${before.subject}`)
    : await generateKeyLike(before.x509.publicKey)
  const signer = {
    key: readPrivateKey(authority.privateKey, 'key of the CA'),
    issuer: authority.facts,
  }
  const { rebuildCertificate } = await import('./builder.js')
  const certificate = await rebuildCertificate(before, key, newSerial(isUsed), validity, signer)
  return keyed(certificate, privateKeyPem(key), permitted(readCertificate(certificate), authority, now))
}

function lifeInDays({ notBefore, notAfter }: CertificateFacts): number {
  return (notAfter.getTime() - notBefore.getTime() - backdated) / day
}

async function make(
  request: Request,
  authority: Authority | undefined,
  { now = new Date(), isUsed = () => false, privateKey }: IssueOptions,
): Promise<Issued> {
  const [specification] = parseRequests([request])
  const validity = validityOf(specification.validityDays, authority?.facts, now)
  const key = privateKey
    ? readPrivateKey(privateKey, `key of ${specification.commonName}`)
    : await generateKey(specification.keyType, specification.keySize)
  const signer = authority ? readPrivateKey(authority.privateKey, 'key of the CA') : key
  const { buildCertificate } = await import('./builder.js')
  const certificate = await buildCertificate(specification, key, newSerial(isUsed), validity, {
    key: signer,
    issuer: authority?.facts,
  })
  const facts = readCertificate(certificate)
  return keyed(certificate, privateKeyPem(key), authority ? permitted(facts, authority, now) : facts)
}

/** What was made, unless every verifier would refuse it, for what a CA above it is or forbids (RFC 5280 section 6.1). */
function permitted(
  facts: CertificateFacts,
  { facts: ca, above = [] }: Authority,
  now: Date,
): CertificateFacts {
  const path = {
    certificates: [facts, ca, ...above] as const,
    anchored: true, // as far as is known here
    selfSigned: false,
    badSignature: undefined,
  }
  const purposes = (['serverAuth', 'clientAuth'] as const).filter((use) =>
    facts.extendedKeyUsage?.includes(use),
  )
  for (const purpose of purposes) {
    for (const { kind, certificate, words } of findings(path, { now, purpose })) {
      // The end of the CA's own life is told before.
      if (kind === 'expired' || kind === 'not-yet-valid') continue
      throw new MtlsError(
        'CERT_INVALID',
        `nobody would accept a certificate ${facts.subject} from this CA: ${certificate.subject} ${words}`,
        {
          hint: 'Ask for names and a use that this CA may give (--san, server or client), or issue from another CA (--ca-dir).',
        },
      )
    }
  }
  return facts
}

function validityOf(validityDays: number, ca: CertificateFacts | undefined, now: Date) {
  if (ca && now > ca.notAfter)
    throw new MtlsError('CERT_EXPIRED', `the CA ${ca.subject} expired on ${ca.notAfter.toISOString()}`, {
      hint: 'Change to a new CA with `mcp-mtls cert-rotate-ca`, then `mcp-mtls cert-renew`.',
    })
  if (ca && now < ca.notBefore)
    throw new MtlsError(
      'CERT_NOT_YET_VALID',
      `the CA ${ca.subject} is not valid before ${ca.notBefore.toISOString()}`,
    )
  const notBefore = wholeSecond(Math.max(now.getTime() - backdated, ca?.notBefore.getTime() ?? 0))
  const notAfter = wholeSecond(
    Math.min(now.getTime() + validityDays * day, ca?.notAfter.getTime() ?? Infinity),
  )
  return { notBefore, notAfter }
}

/** Certificates and lists know whole seconds only. */
export function wholeSecond(time: number): Date {
  return new Date(Math.floor(time / 1000) * 1000)
}

/** 16 random bytes that are a positive number of full length whatever they are (RFC 5280 section 4.1.2.2). */
function newSerial(isUsed: (serial: string) => boolean): string {
  for (;;) {
    const bytes = randomBytes(16)
    bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
    const serial = bytes.toString('hex')
    if (!isUsed(serial)) return serial
  }
}

function keyed(
  certificate: string,
  privateKey: string,
  facts: CertificateFacts,
  above?: readonly CertificateFacts[],
): Authority {
  const issued = { certificate, facts, ...(above && { above }) }
  return Object.freeze(Object.defineProperty(issued, 'privateKey', { value: privateKey })) as Authority
}
