import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import { isIPv4 } from 'node:net'
import { bare } from '../../text/host.js'
import type { CertificateFacts } from '../../x509/certificate.js'
import { certificateParts } from '../../x509/der/certificate-parts.js'
import { contentsOf, elementAt, elementsIn, encoded, expected } from '../../x509/der/der.js'
import {
  authorityKeyId,
  bitString,
  extension,
  integer,
  objectId,
  sequence,
  signatureAlgorithm,
  signed,
  time,
} from './encoding.js'
import type { Specification } from './request.js'
import type { SubjectName } from './subject-name.js'

/** What a certificate says beside its subject, names and use, and who signs it. */
export interface Signing {
  /** The key that it certifies; its public half is enough. */
  readonly key: KeyObject
  /** Positive hex of at most 20 bytes (RFC 5280 section 4.1.2.2). */
  readonly serial: string
  readonly notBefore: Date
  readonly notAfter: Date
  readonly signingKey: KeyObject
  /** Undefined: the certificate signs itself. */
  readonly issuer: CertificateFacts | undefined
}

/** The DER of a signed certificate: what was specified, or the same subject, names and use as another, whoever made that. */
export function buildCertificate(
  content: Specification | CertificateFacts,
  { key, serial, notBefore, notAfter, signingKey, issuer }: Signing,
): Buffer {
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' })
  const { subject, extensions } =
    'x509' in content ? sameAs(content) : specified(content, key.asymmetricKeyType === 'rsa')
  const version3 = encoded(0xa0, integer('02'))
  const body = sequence(
    version3,
    integer(serial),
    signatureAlgorithm(signingKey),
    issuer ? certificateParts(issuer.x509.raw).subject : subject,
    sequence(time(notBefore), time(notAfter)),
    subject,
    publicKey,
    encoded(0xa3, sequence(...extensions, subjectKeyId(publicKey), ...issuerKeyId(issuer))),
  )
  return signed(body, signingKey)
}

interface Content {
  readonly subject: Uint8Array
  readonly extensions: readonly Uint8Array[]
}

const basicConstraints = '2.5.29.19'
const keyUsage = '2.5.29.15'
const extendedKeyUsage = '2.5.29.37'
const subjectAltName = '2.5.29.17'
/** Others point to the former CA. */
const kept = [basicConstraints, keyUsage, extendedKeyUsage, subjectAltName]

function sameAs({ x509 }: CertificateFacts): Content {
  const { subject, extensions } = certificateParts(x509.raw)
  return {
    subject,
    extensions: extensions
      .filter(({ id }) => kept.includes(id))
      .map(({ id, value, critical }) => extension(id, value, critical)),
  }
}

/** RFC 5280 section 4.2: what is critical here must be, the rest must or should not be. */
function specified(specification: Specification, isRsa: boolean): Content {
  const { type, names } = specification
  const authority = [
    extension(basicConstraints, sequence(encoded(0x01, Uint8Array.of(0xff)), integer('00')), true), // a CA, and none below it
    extension(keyUsage, bitString(Uint8Array.of(0b0000_0110), 1), true), // keyCertSign, cRLSign
  ]
  // RFC 8446 signs only; RSA key transport of TLS 1.2 encrypts, and old peers ask for the bit.
  const leafUsage = isRsa
    ? bitString(Uint8Array.of(0b1010_0000), 5)
    : bitString(Uint8Array.of(0b1000_0000), 7)
  const use = type === 'server' ? '1.3.6.1.5.5.7.3.1' : '1.3.6.1.5.5.7.3.2'
  const leaf = [
    extension(basicConstraints, sequence(), true),
    extension(keyUsage, leafUsage, true), // digitalSignature, and keyEncipherment
    extension(extendedKeyUsage, sequence(objectId(use))),
  ]
  const ours = names.length > 0 ? [extension(subjectAltName, sequence(...names.map(generalName)))] : []
  return { subject: subjectOf(specification), extensions: [...(type === 'ca' ? authority : leaf), ...ours] }
}

/** RFC 5280 appendix A.1: a country is a PrintableString; the others are UTF-8. */
function subjectOf({ country, organization, commonName }: Specification): Uint8Array {
  const attribute = (type: string, tag: number, text: string) =>
    encoded(0x31, sequence(objectId(type), encoded(tag, Buffer.from(text))))
  return sequence(
    ...(country ? [attribute('2.5.4.6', 0x13, country)] : []),
    ...(organization ? [attribute('2.5.4.10', 0x0c, organization)] : []),
    attribute('2.5.4.3', 0x0c, commonName),
  )
}

/** RFC 5280 section 4.2.1.2, method 1: SHA-1 of the bits of the key. */
function subjectKeyId(publicKey: Buffer): Uint8Array {
  const [, bits] = [...elementsIn(elementAt(publicKey, 0))]
  const digest = createHash('sha1')
    .update(contentsOf(expected(bits)).subarray(1))
    .digest()
  return extension('2.5.29.14', encoded(0x04, digest))
}

function issuerKeyId(issuer: CertificateFacts | undefined): Uint8Array[] {
  return issuer?.subjectKeyId ? [authorityKeyId(issuer.subjectKeyId)] : []
}

/** RFC 5280 section 4.2.1.6. */
function generalName({ kind, value }: SubjectName): Uint8Array {
  const tags = { email: 0x81, dns: 0x82, uri: 0x86, ip: 0x87 } as const
  return encoded(tags[kind], kind === 'ip' ? addressBytes(value) : Buffer.from(value, 'latin1'))
}

/** An address in its usual form; an IPv6 address may leave out zeros, and end in the form of IPv4. */
function addressBytes(address: string): Uint8Array {
  if (isIPv4(address)) return Uint8Array.from(address.split('.').map(Number))
  const canonical = bare(new URL(`http://[${address}]`).hostname)
  const [before = [], after = []] = canonical.split('::').map((half) => (half === '' ? [] : half.split(':')))
  const zeros = Array<string>(8 - before.length - after.length).fill('0')
  return Buffer.from([...before, ...zeros, ...after].map((group) => group.padStart(4, '0')).join(''), 'hex')
}
