import { RsaSaPssParams } from '@peculiar/asn1-rsa'
import { AsnConvert } from '@peculiar/asn1-schema'
import type { AlgorithmIdentifier } from '@peculiar/asn1-x509'

const hashes: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.2': 'md2',
  '1.2.840.113549.1.1.4': 'md5',
  '1.2.840.113549.1.1.5': 'sha1',
  '1.3.14.3.2.29': 'sha1',
  '1.2.840.113549.1.1.14': 'sha224',
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.10045.4.1': 'sha1',
  '1.2.840.10045.4.3.1': 'sha224',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
  '1.2.840.10040.4.3': 'sha1',
  '1.3.14.3.2.26': 'sha1',
  '1.3.101.112': 'built-in',
  '1.3.101.113': 'built-in',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
}
const rsassaPss = '1.2.840.113549.1.1.10'

const strong = new Set<string | undefined>(['sha224', 'sha256', 'sha384', 'sha512', 'built-in'])

/** Whether a signature over this hash is still secure: an allow-list, so that unknown hashes are refused. */
export function isStrongHash(hash: string | undefined): boolean {
  return strong.has(hash)
}

/** The hash of a signature algorithm; `built-in` for Ed25519 and Ed448, undefined for unknown algorithms. */
export function hashOf(algorithm: AlgorithmIdentifier): string | undefined {
  if (algorithm.algorithm !== rsassaPss) return hashes[algorithm.algorithm]
  // RFC 4055 section 3.1: SHA-1 is the default when the parameters are absent.
  if (!algorithm.parameters) return 'sha1'
  return hashes[AsnConvert.parse(algorithm.parameters, RsaSaPssParams).hashAlgorithm.algorithm]
}
