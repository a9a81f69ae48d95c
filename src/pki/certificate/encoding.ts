import { type KeyObject, sign } from 'node:crypto'
import { encoded } from '../../x509/der/der.js'
import { signatureScheme } from './signature.js'

// The parts of which certificates and revocation lists are made (RFC 5280 sections 4.1 and 5.1), in DER.

export function sequence(...parts: readonly Uint8Array[]): Uint8Array {
  return encoded(0x30, ...parts)
}

/** An object identifier, from dotted numbers. */
export function objectId(text: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number)
  const bytesOf = (arc: number, more = 0): number[] => [
    ...(arc < 128 ? [] : bytesOf(Math.floor(arc / 128), 0x80)),
    (arc % 128) | more,
  ]
  return encoded(0x06, Uint8Array.from([first * 40 + second, ...rest].flatMap((arc) => bytesOf(arc))))
}

/** An INTEGER that is not negative, from hex. */
export function integer(hex: string): Uint8Array {
  const even = hex.padStart(hex.length + (hex.length % 2), '0').replace(/^(?:00)+(?=[0-9a-f])/, '')
  return encoded(0x02, Buffer.from(/^[89a-f]/.test(even) ? `00${even}` : even, 'hex'))
}

/** A BIT STRING of whole bytes, or with so many bits of the last that are not used. */
export function bitString(bytes: Uint8Array, unused = 0): Uint8Array {
  return encoded(0x03, Uint8Array.of(unused), bytes)
}

/** RFC 5280 section 4.1.2.5: two digits of the year until 2049, four from then on. */
export function time(at: Date): Uint8Array {
  const digits = at.toISOString().replace(/[-:T]|\.\d+/g, '')
  return at.getTime() < Date.UTC(2050, 0)
    ? encoded(0x17, Buffer.from(digits.slice(2), 'latin1'))
    : encoded(0x18, Buffer.from(digits, 'latin1'))
}

/** That it is not critical is the default, which DER leaves out. */
export function extension(id: string, value: Uint8Array, critical = false): Uint8Array {
  const flag = critical ? [encoded(0x01, Uint8Array.of(0xff))] : []
  return sequence(objectId(id), ...flag, encoded(0x04, value))
}

/** The key of an issuer by its identifier alone. */
export function authorityKeyId(hex: string): Uint8Array {
  return extension('2.5.29.35', sequence(encoded(0x80, Buffer.from(hex, 'hex'))))
}

/** The algorithm with which a key signs: inside of what it signs, and after it. Throws `CERT_INVALID` for one that does not sign here. */
export function signatureAlgorithm(key: KeyObject): Uint8Array {
  // RFC 4055 section 5: the parameters of RSA are NULL; others have none.
  const parameters = key.asymmetricKeyType === 'rsa' ? [encoded(0x05)] : []
  return sequence(objectId(signatureScheme(key).objectId), ...parameters)
}

/** What is to be signed, with its signature. */
export function signed(body: Uint8Array, key: KeyObject): Buffer {
  const signature = sign(signatureScheme(key).hash, body, key)
  return Buffer.from(sequence(body, signatureAlgorithm(key), bitString(signature)))
}
