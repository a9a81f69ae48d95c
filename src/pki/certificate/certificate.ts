import { type KeyObject, randomBytes } from 'node:crypto'
import { MtlsError } from '../../errors.js'
import { findings } from '../../judge/findings.js'
import { dayMs } from '../../text/duration.js'
import { type CertificateFacts, readCertificate } from '../../x509/certificate.js'
import { readPrivateKey } from '../../x509/private-key.js'
import * as kind from '../option-kinds.js'
import { isObject, type OptionKinds, requireArguments, requireOptions } from '../require-options.js'
import { buildCertificate } from './builder.js'
import { generateKey, generateKeyLike, privateKeyPem } from './key.js'
import {
  type AuthorityOptions,
  authorityKinds,
  type CertificateRequest,
  longestValidityDays,
  parseAuthority,
  parseRequest,
  requestKinds,
  type Specification,
} from './request.js'

/** A certificate with its key. The key is not enumerable: no log, JSON or copy of the object shows it. */
export interface Issued {
  /** PEM. */
  readonly certificate: string
  readonly facts: CertificateFacts
  /** PKCS#8 PEM without a passphrase. */
  readonly privateKey: string
  /** The same key, opened; not enumerable either. */
  readonly keyObject: KeyObject
}

/** A CA: what it takes to issue. */
export interface Authority extends Issued {
  /** The CAs above it, as far as its file holds them: their limits count too. */
  readonly above?: readonly CertificateFacts[]
}

/** What a caller may hold; tests do. */
export interface IssueOptions {
  /** When it is made; the clock of this machine by default. */
  readonly now?: Date | undefined
  /** Whether this CA gave a serial number (lower-case hex) out before; none by default. */
  readonly isUsed?: ((serial: string) => boolean) | undefined
  /** Certify this key, PEM or opened, instead of a fresh one. */
  readonly privateKey?: string | KeyObject | undefined
}

const issueKinds = {
  now: kind.moment,
  isUsed: kind.predicate,
  privateKey: kind.privateKey,
} satisfies OptionKinds<IssueOptions>

export interface ReissueOptions extends IssueOptions {
  /** Life in days; as long as the one before by default. */
  readonly validityDays?: number | undefined
}

const reissueKinds = {
  ...issueKinds,
  validityDays: kind.days(longestValidityDays),
} satisfies OptionKinds<ReissueOptions>

/** A new private root CA, good for issuing leaves only. Throws `CONFIG_INVALID` for bad options. */
export async function createAuthority(
  options: AuthorityOptions = {},
  held: IssueOptions = {},
): Promise<Authority> {
  const call = "createAuthority({ commonName: 'Example CA' })"
  requireOptions(options, authorityKinds, call)
  requireOptions(held, issueKinds, call)
  return makeCertificate(parseAuthority(options), undefined, held)
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
  const call = "issue(authority, { type: 'server', commonName: 'mcp-server' })"
  requireArguments(isAuthority(authority) && isObject(request), 'a CA and a request', call)
  requireOptions(request, requestKinds, call)
  requireOptions(held, issueKinds, call)
  return makeCertificate(parseRequest(request), authority, held)
}

/** A certificate that vouches for itself: for demo mode, which alone accepts it. Throws `CONFIG_INVALID`. */
export async function selfSigned(request: CertificateRequest, held: IssueOptions = {}): Promise<Issued> {
  const call = "selfSigned({ type: 'server', commonName: 'mcp-server' })"
  requireOptions(request, requestKinds, call)
  requireOptions(held, issueKinds, call)
  return makeCertificate(parseRequest(request), undefined, held)
}

/**
 * `before` again, of whatever maker: the same subject, names, usage and type of key, with a new life and, unless
 * one is given, a new key. Throws what `issue` throws, `CERT_INVALID` for a type of key that is not made here.
 */
export async function reissue(
  authority: Authority,
  before: CertificateFacts,
  held: ReissueOptions = {},
): Promise<Issued> {
  const call = 'reissue(authority, before)'
  const fine = isAuthority(authority) && kind.facts.fits(before)
  requireArguments(fine, 'a CA and the facts of a certificate', call)
  requireOptions(held, reissueKinds, call)
  const { validityDays = lifeInDays(before) } = held
  const newKey = () => generateKeyLike(before.x509.publicKey)
  return make({ content: before, validityDays, newKey }, authority, held)
}

/** What was asked for and checked, made; without an authority it signs itself. Throws what `issue` throws. */
export function makeCertificate(
  specification: Specification,
  authority: Authority | undefined,
  held: IssueOptions = {},
): Promise<Issued> {
  const { validityDays, keyType, keySize } = specification
  const newKey = () => generateKey(keyType, keySize)
  return make({ content: specification, validityDays, newKey }, authority, held)
}

/** What the next certificate is made after. */
interface Model {
  /** Where subject, names and use come from. */
  readonly content: Specification | CertificateFacts
  readonly validityDays: number
  readonly newKey: () => Promise<KeyObject>
}

async function make(
  { content, validityDays, newKey }: Model,
  authority: Authority | undefined,
  { now = new Date(), isUsed = () => false, privateKey }: IssueOptions,
): Promise<Issued> {
  const validity = validityOf(validityDays, authority?.facts, now)
  const key =
    typeof privateKey === 'string'
      ? readPrivateKey(privateKey, `key of ${content.commonName}`)
      : (privateKey ?? (await newKey()))
  const der = buildCertificate(content, {
    ...validity,
    key,
    serial: newSerial(isUsed),
    signingKey: authority?.keyObject ?? key,
    issuer: authority?.facts,
  })
  const facts = readCertificate(der)
  if (authority) refuseUseless(facts, authority, now)
  return withKey(facts, key)
}

/** Throws `CERT_INVALID` when every verifier would refuse it for what a CA above it is or forbids (RFC 5280 section 6.1). */
function refuseUseless(leaf: CertificateFacts, { facts: ca, above = [] }: Authority, now: Date): void {
  const path = {
    certificates: [leaf, ca, ...above] as const,
    anchored: true, // as far as is known here
    selfSigned: false,
    badSignature: undefined,
  }
  for (const purpose of ['serverAuth', 'clientAuth'] as const) {
    if (!leaf.extendedKeyUsage?.includes(purpose)) continue
    for (const { kind, certificate, words } of findings(path, { now, purpose })) {
      // The end of the CA's own life is told before.
      if (kind === 'expired' || kind === 'not-yet-valid') continue
      throw new MtlsError(
        'CERT_INVALID',
        `nobody would accept a certificate ${leaf.subject} from this CA: ${certificate.subject} ${words}`,
        {
          hint: 'Ask for names and a use that this CA may give (--san, server or client), or issue from another CA (--ca-dir).',
        },
      )
    }
  }
}

/** Clocks differ: what is made now counts from five minutes ago. */
const backdatedMs = 5 * 60_000

/** From when on a certificate or a list that is made now counts. */
export function backdated(now: Date): Date {
  return wholeSecond(now.getTime() - backdatedMs)
}

function lifeInDays({ notBefore, notAfter }: CertificateFacts): number {
  return (notAfter.getTime() - notBefore.getTime() - backdatedMs) / dayMs
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
  const notBefore = Math.max(backdated(now).getTime(), ca?.notBefore.getTime() ?? 0)
  const notAfter = Math.min(now.getTime() + validityDays * dayMs, ca?.notAfter.getTime() ?? Infinity)
  return { notBefore: wholeSecond(notBefore), notAfter: wholeSecond(notAfter) }
}

/** Certificates and lists know whole seconds only. */
function wholeSecond(time: number): Date {
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

/** A certificate and its key as one value. */
export function withKey(
  facts: CertificateFacts,
  key: KeyObject,
  above?: readonly CertificateFacts[],
): Authority {
  const issued = { certificate: facts.x509.toString(), facts, ...(above && { above }) }
  const keys = { privateKey: { value: privateKeyPem(key) }, keyObject: { value: key } }
  return Object.freeze(Object.defineProperties(issued, keys)) as Authority
}

/** Whether it can sign; a copy cannot, the key is not copied. */
export function isAuthority(value: unknown): value is Authority {
  return isObject(value) && 'keyObject' in value
}
