import { isSpiffeId } from '../../text/spiffe.js'
import type { CertificateFacts } from '../../x509/certificate.js'
import { publicKeyHash } from '../../x509/public-key-hash.js'
import { idIn, uriForm } from '../identity.js'

/** What a verified leaf says of its bearer, as far as rules can name it. */
export interface PolicySubject {
  /** As `Identity.id`. */
  readonly id: string
  /** False for what demo mode let pass, and without TLS: such a peer matches no rule. */
  readonly verified: boolean
  /**
   * Every name of the leaf, written as in a policy: `spiffe://…`, `dns:…`, `cn:…`, `email:…`, `ou:…`, `o:…`, `issuer:…`, `serial:…`,
   * `fingerprint:sha256:HEX`, `spki:sha256:HEX`, `ca:…`. Empty when unverified.
   */
  readonly names: readonly string[]
  /** Whether any trust domain is bound: then a name that is no SPIFFE ID counts only together with its CA. */
  readonly domainsBound: boolean
  /** For conditions; empty when the leaf lacks it. */
  readonly spiffeId: string
  readonly subjectAltNames: readonly string[]
  readonly subjectCn: string
  readonly issuer: string
  readonly serial: string
  readonly fingerprint256: string
}

export interface SubjectOptions {
  /** Whether its chain was verified. */
  readonly verified: boolean
  /** The trust domain that its anchor is bound to. */
  readonly trustDomain?: string | undefined
  /** Whether trust domains are bound at all. */
  readonly domainsBound: boolean
}

/** The subject of rules that a leaf certificate is. Pure; never throws. */
export function subjectOf(leaf: CertificateFacts, options: SubjectOptions): PolicySubject {
  const { verified, trustDomain, domainsBound } = options
  const found = idIn(leaf, 'client')
  const spiffeId = verified ? (leaf.names.uri.find(isSpiffeId) ?? '') : ''
  return Object.freeze({
    id: verified && 'id' in found ? found.id : `unverified:sha256:${leaf.fingerprint256}`,
    verified,
    names: Object.freeze(verified ? [...new Set(namesIn(leaf, trustDomain))] : []),
    domainsBound,
    spiffeId,
    subjectAltNames: Object.freeze(verified ? alternativeNames(leaf) : []),
    subjectCn: verified ? (leaf.commonName ?? '') : '',
    issuer: leaf.issuer,
    serial: leaf.serial,
    fingerprint256: leaf.fingerprint256,
  })
}

/** A peer without a certificate. */
export const nobody: PolicySubject = Object.freeze({
  id: '',
  verified: false,
  names: Object.freeze([]),
  domainsBound: false,
  spiffeId: '',
  subjectAltNames: Object.freeze([]),
  subjectCn: '',
  issuer: '',
  serial: '',
  fingerprint256: '',
})

function namesIn(leaf: CertificateFacts, trustDomain: string | undefined): string[] {
  const { dns, email, uri } = leaf.names
  const written = (kind: string, names: readonly string[]) =>
    names.filter((name) => name !== '').map((name) => `${kind}:${name}`)
  return [
    ...uri.filter(isSpiffeId),
    ...written('dns', dns.map(dnsForm).filter(isOneHost)),
    ...written('cn', leaf.commonNames),
    ...written('email', email.flatMap(emailForm)),
    ...written('ou', leaf.organizationalUnits),
    ...written('o', leaf.organizations),
    ...written('issuer', [leaf.issuer]),
    ...written('serial', [leaf.serial]),
    `fingerprint:sha256:${leaf.fingerprint256}`,
    `spki:sha256:${publicKeyHash(leaf)}`,
    ...(trustDomain === undefined ? [] : [`ca:${trustDomain}`]),
  ]
}

/** As conditions see them. Those that are no name of one host or mailbox stay away. */
function alternativeNames({ names: { dns, ip, email, uri } }: CertificateFacts): readonly string[] {
  return [
    ...uri.map(uriForm),
    ...dns
      .map(dnsForm)
      .filter(isOneHost)
      .map((name) => `dns:${name}`),
    ...ip.map((name) => `ip:${name}`),
    ...email.flatMap(emailForm).map((name) => `email:${name}`),
  ]
}

/** A DNS name for comparison: ASCII letters in lower case, without the dot of the root. No other letter has a second form. */
export function dnsForm(name: string): string {
  return asciiLower(name).replace(/\.$/, '')
}

/** A mailbox for comparison, none if it is not one: its domain compares without case, its local part letter by letter. */
export function emailForm(address: string): [] | [string] {
  const [local, domain, ...more] = address.split('@')
  return local && domain && more.length === 0 ? [`${local}@${asciiLower(domain)}`] : []
}

/** Hex without separators, case or leading zeros. */
export function serialForm(serial: string): string {
  return asciiLower(serial.replaceAll(':', '')).replace(/^0+(?=.)/, '')
}

/** The hex digits of `sha256:HEX`, `sha256/BASE64`; undefined if it is neither. */
export function digestForm(text: string): string | undefined {
  const [, separator, digest = ''] = /^sha256([:/])(.*)$/s.exec(text) ?? []
  if (separator === ':') {
    const hex = asciiLower(digest.replaceAll(':', ''))
    return /^[\da-f]{64}$/.test(hex) ? hex : undefined
  }
  // 43 digits and one of padding are 32 bytes; the last digit has two bits that must be zero.
  return /^[A-Za-z\d+/]{42}[AEIMQUYcgkosw048]=?$/.test(digest)
    ? Buffer.from(digest, 'base64').toString('hex')
    : undefined
}

function isOneHost(name: string): boolean {
  return name !== '' && !name.includes('*')
}

function asciiLower(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}
