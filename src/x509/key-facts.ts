import { contentsOf, type Element, elementAt, elementsIn, expected } from './der/der.js'
import { objectIdText } from './der/object-id.js'

export type KeyAlgorithm = 'ec' | 'rsa' | 'ed25519' | 'ed448' | 'dsa' | 'other'

export interface KeyFacts {
  readonly type: KeyAlgorithm
  /** Modulus length of RSA and DSA, field size of a curve, 0 when unknown. */
  readonly bits: number
  /** For people: `EC P-256`, `RSA 2048`, `Ed25519`. */
  readonly text: string
  /** Bits of the public exponent of RSA, which determines the cost of a check. */
  readonly exponentBits?: number
}

const [integer, objectId, sequence] = [0x02, 0x06, 0x30]

/** Algorithm and parameters of a public key (RFC 3279 section 2.3, RFC 4055, RFC 5480, RFC 8410). */
const types: Readonly<Record<string, KeyAlgorithm>> = {
  '1.2.840.113549.1.1.1': 'rsa',
  '1.2.840.113549.1.1.10': 'rsa',
  '1.2.840.10040.4.1': 'dsa',
  '1.2.840.10045.2.1': 'ec',
  '1.3.101.112': 'ed25519',
  '1.3.101.113': 'ed448',
}

/** Keys that cannot sign, or whose signatures are not accepted here. */
const others: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.3.1': 'dh',
  '1.2.840.10046.2.1': 'dh',
  '1.3.101.110': 'x25519',
  '1.3.101.111': 'x448',
  '2.16.840.1.101.3.4.3.17': 'ML-DSA-44',
  '2.16.840.1.101.3.4.3.18': 'ML-DSA-65',
  '2.16.840.1.101.3.4.3.19': 'ML-DSA-87',
}

const curves: Readonly<Record<string, readonly [name: string, bits: number]>> = {
  '1.2.840.10045.3.1.7': ['P-256', 256],
  '1.3.132.0.34': ['P-384', 384],
  '1.3.132.0.35': ['P-521', 521],
  '1.2.840.10045.3.1.1': ['secp192r1', 192],
  '1.3.132.0.33': ['secp224r1', 224],
  '1.3.132.0.10': ['secp256k1', 256],
  '1.3.132.0.39': ['sect571r1', 571],
  '1.3.36.3.3.2.8.1.1.7': ['brainpoolP256r1', 256],
  '1.3.36.3.3.2.8.1.1.11': ['brainpoolP384r1', 384],
  '1.3.36.3.3.2.8.1.1.13': ['brainpoolP512r1', 512],
}

/**
 * The key in a SubjectPublicKeyInfo: `algorithm` is its first part, `bits` are those of its second. Throws `RangeError`
 * if it is not such a key. Written by hand: Node 20 and 22 crash when asked for the curve of a key that is not a point
 * on it.
 */
export function keyFacts(algorithm: Element, bits: Uint8Array): KeyFacts {
  const [id, parameters] = [...elementsIn(expected(algorithm, sequence))]
  const oid = objectIdText(contentsOf(expected(id, objectId)))
  const type = Object.hasOwn(types, oid) ? types[oid] : undefined
  switch (type) {
    case 'rsa': {
      const [modulus, exponent] = [...elementsIn(expected(elementAt(bits, 0), sequence))].map(bitsOf)
      return { type, bits: modulus ?? 0, text: `RSA ${modulus ?? '?'}`, exponentBits: exponent ?? 0 }
    }
    case 'dsa': {
      const [prime] = parameters?.tag === sequence ? [...elementsIn(parameters)].map(bitsOf) : []
      return { type, bits: prime ?? 0, text: `DSA ${prime ?? '?'}` }
    }
    case 'ec': {
      // A curve given by explicit parameters instead of a name can be any curve (CVE-2020-0601; RFC 5480 section
      // 2.1.1).
      if (parameters?.tag !== objectId) return { type, bits: 0, text: 'EC explicit parameters' }
      const curve = objectIdText(contentsOf(parameters))
      const [name, size] = (Object.hasOwn(curves, curve) ? curves[curve] : undefined) ?? [curve, 0]
      return { type, bits: size, text: `EC ${name}` }
    }
    case 'ed25519':
      return { type, bits: 256, text: 'Ed25519' }
    case 'ed448':
      return { type, bits: 456, text: 'Ed448' }
    default:
      return { type: 'other', bits: 0, text: Object.hasOwn(others, oid) ? (others[oid] ?? oid) : oid }
  }
}

/** The length of a positive INTEGER. */
function bitsOf(number: Element): number {
  const bytes = contentsOf(expected(number, integer))
  const first = bytes.findIndex((byte) => byte !== 0)
  return first < 0 ? 0 : (bytes.length - first) * 8 - Math.clz32(bytes[first] ?? 0) + 24
}
