import { constants } from 'node:crypto'
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls'
import { MtlsError } from '../../errors.js'
import type { CertificateFacts } from '../../x509/certificate.js'

/** ECDHE with AEAD only (RFC 9325 section 4.2). */
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

/**
 * No finite-field groups: one of 8192 bits costs a server 0.2 s of CPU before any certificate was shown. P-521 stays
 * for clients with such a key, whom TLS 1.2 refuses otherwise. With ML-KEM where the runtime has it.
 */
const groups = takenGroups('X25519MLKEM768:X25519:P-256:P-384:P-521') ?? 'X25519:P-256:P-384:P-521'

function takenGroups(ecdhCurve: string): string | undefined {
  try {
    createSecureContext({ ecdhCurve })
    return ecdhCurve
  } catch {
    return undefined
  }
}

/** Our certificate with its key, and the CAs that we trust, in PEM for OpenSSL. It does not accept a `KeyObject`. */
export type TlsIdentity = Pick<SecureContextOptions, 'cert' | 'key' | 'ca'>

/** The inputs of a context. */
export interface ContextSource {
  readonly identity: TlsIdentity
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3'
}

export function contextOptions({ identity, minVersion }: ContextSource): SecureContextOptions {
  return {
    ...identity,
    minVersion,
    ciphers,
    ecdhCurve: groups,
    honorCipherOrder: true,
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  }
}

/** A context for one side. Throws `CERT_INVALID` for what OpenSSL rejects, for example a key that is too short. */
export function secureContext(
  source: ContextSource & { readonly role: string; readonly certificate: CertificateFacts },
  others: SecureContextOptions = {},
): SecureContext {
  try {
    return createSecureContext({ ...contextOptions(source), ...others })
  } catch (error) {
    throw unusable(`the ${source.role} certificate ${source.certificate.subject}`, error)
  }
}

/** Objections of OpenSSL's security level, which the system or OPENSSL_CONF sets, to a certificate. */
const tooWeak: readonly (readonly [code: RegExp, what: string])[] = [
  [/EE_KEY_TOO_SMALL/, 'its key is'],
  [/CA_KEY_TOO_SMALL/, 'the key of a CA above it is'],
  [/CA_MD_TOO_WEAK/, 'its signature, or that of a CA above it, is'],
]

/** Says why OpenSSL rejects `what`, a certificate of our own. */
export function unusable(what: string, cause: unknown): MtlsError {
  const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error'
  const weak = tooWeak.find(([pattern]) => pattern.test(code))
  if (!weak)
    return new MtlsError('CERT_INVALID', `${what} cannot be used: ${code}`, {
      hint: 'See what is wrong with it: `mcp-mtls cert-check FILE`.',
      cause,
    })
  const policy = `the security level of OpenSSL on this machine demands (${code})`
  return new MtlsError('CERT_INVALID', `${what} cannot be used: ${weak[1]} weaker than ${policy}`, {
    hint: 'Make stronger ones in a new directory, `mcp-mtls cert-gen --key-type ec-p384 --cert-dir DIR`: they are enough up to level 4. Or lower the level where it is set, in the file that OPENSSL_CONF names.',
    cause,
  })
}
