import type { KeyObject } from 'node:crypto'
import { MtlsError } from '../../errors.js'

/** How a CA key signs certificates and revocation lists: as their DER and Node name it. */
export interface SignatureScheme {
  /** RFC 5758 section 3.2, RFC 4055 section 5, RFC 8410 section 3. */
  readonly objectId: string
  /** Undefined: the algorithm brings its own. */
  readonly hash: 'SHA-256' | 'SHA-384' | 'SHA-512' | undefined
}

const schemes: Readonly<Record<string, SignatureScheme>> = {
  rsa: { objectId: '1.2.840.113549.1.1.11', hash: 'SHA-256' },
  ed25519: { objectId: '1.3.101.112', hash: undefined },
  prime256v1: { objectId: '1.2.840.10045.4.3.2', hash: 'SHA-256' },
  secp384r1: { objectId: '1.2.840.10045.4.3.3', hash: 'SHA-384' },
  secp521r1: { objectId: '1.2.840.10045.4.3.4', hash: 'SHA-512' },
}

/** Throws `CERT_INVALID` for a key that does not sign here. */
export function signatureScheme(key: KeyObject): SignatureScheme {
  const { asymmetricKeyType = '', asymmetricKeyDetails } = key
  const name = asymmetricKeyType === 'ec' ? (asymmetricKeyDetails?.namedCurve ?? '') : asymmetricKeyType
  const scheme = Object.hasOwn(schemes, name) ? schemes[name] : undefined
  if (scheme) return scheme
  throw new MtlsError('CERT_INVALID', `a CA key of type ${asymmetricKeyType} cannot sign here`, {
    hint: 'Use a CA with an RSA, Ed25519, P-256, P-384 or P-521 key.',
  })
}
