import { readTime } from '../time.js'
import { checkDer, contentsOf, type Element, elementAt, elementsIn, encodingOf, expected } from './der.js'
import { type Extension, extensionsIn } from './extension.js'

const [integer, bitString, sequence] = [0x02, 0x03, 0x30]
const [explicit0, explicit3] = [0xa0, 0xa3]
/** Unique identifiers of issuer and subject, which are not used in practice (RFC 5280 section 4.1.2.8). */
const uniqueIds: readonly number[] = [0x81, 0x82]

/** A certificate as defined by RFC 5280 section 4.1. */
export interface CertificateParts {
  /** 1, 2 or 3. */
  readonly version: number
  /** The contents of the INTEGER. */
  readonly serial: Uint8Array
  /** Names and the algorithm of the signature, each a whole encoding. */
  readonly issuer: Uint8Array
  readonly subject: Uint8Array
  readonly signatureAlgorithm: Uint8Array
  readonly notBefore: Date
  readonly notAfter: Date
  /** The public key with its algorithm: a whole encoding of SubjectPublicKeyInfo. */
  readonly keyInfo: Uint8Array
  /** Of the public key, with its parameters. */
  readonly keyAlgorithm: Element
  /** The bits of the public key. */
  readonly publicKey: Uint8Array
  readonly extensions: readonly Extension[]
}

/**
 * Splits a certificate into its parts. Throws `RangeError` if it is not one, or not in DER. Written by hand: the
 * library also reads everything inside octet strings, and a stranger's certificates are read before the peer is known.
 */
export function certificateParts(der: Uint8Array): CertificateParts {
  checkDer(der)
  const [body, algorithm, signature, ...more] = [...elementsIn(expected(elementAt(der, 0), sequence))]
  const parts = [...elementsIn(expected(body, sequence))]
  const version = parts[0]?.tag === explicit0 ? versionIn(parts.shift()) : 1
  const [serial, , issuer, validity, subject, key, ...rest] = parts
  const [notBefore, notAfter] = [...elementsIn(expected(validity, sequence))]
  const [keyAlgorithm, publicKey] = [...elementsIn(expected(key, sequence))]
  const extensions = rest.at(-1)?.tag === explicit3 ? rest.pop() : undefined
  if (more.length > 0 || !rest.every(({ tag }) => uniqueIds.includes(tag)))
    throw new RangeError('not the parts of a certificate')
  expected(signature, bitString)
  return {
    version,
    serial: contentsOf(expected(serial, integer)),
    issuer: encodingOf(expected(issuer, sequence)),
    subject: encodingOf(expected(subject, sequence)),
    signatureAlgorithm: encodingOf(expected(algorithm, sequence)),
    notBefore: new Date(readTime(expected(notBefore))),
    notAfter: new Date(readTime(expected(notAfter))),
    keyInfo: encodingOf(expected(key, sequence)),
    keyAlgorithm: expected(keyAlgorithm, sequence),
    publicKey: contentsOf(expected(publicKey, bitString)).subarray(1),
    extensions: extensionsIn(extensions && only(extensions)),
  }
}

function versionIn(wrapper: Element | undefined): number {
  const [number = -1, ...more] = contentsOf(expected(only(expected(wrapper)), integer))
  if (more.length > 0 || number > 2 || number < 0) throw new RangeError('an unknown version')
  return number + 1
}

/** The contents of an explicit tag. Throws `RangeError` if that is not one value. */
export function only(wrapper: Element): Element {
  const [element, ...more] = [...elementsIn(wrapper)]
  if (more.length > 0) throw new RangeError('more than one value')
  return expected(element)
}
