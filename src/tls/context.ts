import { constants } from 'node:crypto'
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls'
import { MtlsError } from '../errors.js'
import type { Material } from './material.js'

/** ECDHE with AEAD only. The groups are the runtime's own: X25519MLKEM768 comes first where it exists. */
const ciphers = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
].join(':')

/** The whole option set of a context: `setSecureContext` forgets whatever is not given again. */
export function contextOptions(material: Pick<Material, 'identity' | 'minVersion'>): SecureContextOptions {
  return {
    ...material.identity,
    minVersion: material.minVersion,
    ciphers,
    honorCipherOrder: true,
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  }
}

/** A context of this material. Throws `CERT_INVALID` for what OpenSSL will not use, a key that is too short for one. */
export function secureContext(material: Material): SecureContext {
  try {
    return createSecureContext(contextOptions(material))
  } catch (error) {
    throw contextError(error, material)
  }
}

export function contextError(error: unknown, material: Material): MtlsError {
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown error'
  return new MtlsError(
    'CERT_INVALID',
    `the ${material.role} certificate ${material.certificate.subject} cannot be used: ${code}`,
  )
}
