import { isStrongHash } from './algorithm.js'
import type { CertificateFacts } from './certificate.js'

/** What is weak about the key of a certificate, to be printed after its name; undefined if nothing is. */
export function weakKey({ key }: Pick<CertificateFacts, 'key'>): string | undefined {
  if (key.type === 'ec' && !Object.hasOwn(curves, key.text))
    return `has a key on a curve that is not taken (${key.text}; taken are P-256, P-384 and P-521)`
  if (checkCost(key) === Infinity)
    return `has a key that costs too much to check (${key.text}, exponent of ${key.exponentBits ?? 0} bits; taken are 8192 and 33)`
  const strong =
    (key.type === 'rsa' && key.bits >= 2048) ||
    key.type === 'ec' ||
    key.type === 'ed25519' ||
    key.type === 'ed448'
  return strong ? undefined : `has a weak key (${key.text})`
}

/**
 * The cost of checking a signature with this key, in microseconds on a typical machine; infinite for a key that is not
 * accepted (as rustls and Go have it: RSA of more than 8192 bits, exponents of more than 33, other curves).
 */
export function checkCost({ type, bits, text, exponentBits = 0 }: CertificateFacts['key']): number {
  switch (type) {
    case 'rsa':
      return bits > 8192 || exponentBits > 33 ? Infinity : bits > 4096 ? 800 : 100
    case 'ec':
      return curves[text] ?? Infinity
    case 'ed448':
      return 500
    default:
      return 200
  }
}

const curves: Readonly<Record<string, number>> = { 'EC P-256': 100, 'EC P-384': 1000, 'EC P-521': 2500 }

/**
 * What is weak about its signature. Do not use it for a trusted root: that one is trusted because it is in the store.
 */
export function weakSignature({
  signatureHash,
}: Pick<CertificateFacts, 'signatureHash'>): string | undefined {
  return isStrongHash(signatureHash)
    ? undefined
    : `has a weak signature (${signatureHash ?? 'unknown algorithm'})`
}
