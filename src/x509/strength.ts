import { isStrongHash } from './algorithm.js'
import type { CertificateFacts } from './certificate.js'

/** What is weak about the key of a certificate, to be read after its name; undefined when nothing is. */
export function weakKey({ key }: Pick<CertificateFacts, 'key'>): string | undefined {
  if (key.type === 'ec' && !curves.includes(key.text))
    return `has a key on a curve that is not taken (${key.text}; taken are P-256, P-384 and P-521)`
  const strong =
    (key.type === 'rsa' && key.bits >= 2048) ||
    key.type === 'ec' ||
    key.type === 'ed25519' ||
    key.type === 'ed448'
  return strong ? undefined : `has a weak key (${key.text})`
}

const curves: readonly string[] = ['EC P-256', 'EC P-384', 'EC P-521']

/** What is weak about its signature. Not to be asked of a trusted root: that one is trusted because it is in the store. */
export function weakSignature({
  signatureHash,
}: Pick<CertificateFacts, 'signatureHash'>): string | undefined {
  return isStrongHash(signatureHash)
    ? undefined
    : `has a weak signature (${signatureHash ?? 'unknown algorithm'})`
}
