import { MtlsError, type MtlsErrorCode } from '../errors.js'

/**
 * What OpenSSL and the network report about a failed handshake, by family: the exact names differ between OpenSSL
 * versions. The first match counts.
 */
const families: readonly (readonly [pattern: RegExp, code: MtlsErrorCode, what: string, hint?: string])[] = [
  [/TLS_HANDSHAKE_TIMEOUT/, 'TLS_HANDSHAKE_TIMEOUT', 'did not finish the TLS handshake in time'],
  [/HTTP_REQUEST|HTTPS_PROXY_REQUEST/, 'NOT_TLS', 'speaks plain HTTP, not TLS'],
  [
    /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|RECORD_TOO_LONG|TOO_LONG|BAD_RECORD_TYPE|UNEXPECTED_MESSAGE/,
    'NOT_TLS',
    'does not speak TLS',
  ],
  [
    /UNSUPPORTED_PROTOCOL|PROTOCOL_VERSION|VERSION_TOO_LOW|INAPPROPRIATE_FALLBACK/,
    'UNSUPPORTED_TLS_VERSION',
    'offers no TLS version that is allowed here',
  ],
  [
    /NO_SHARED_CIPHER|NO_SUITABLE|INSUFFICIENT_SECURITY|NO_CIPHERS/,
    'CIPHER_MISMATCH',
    'offers no cipher suite, group or signature that is allowed here',
  ],
  [/CERTIFICATE_REQUIRED/, 'CLIENT_CERT_REQUIRED', 'asks for a client certificate'],
  [/ALERT_DECRYPT_ERROR/, 'TLS_HANDSHAKE_FAILED', 'did not take our proof that we have our key'],
  [
    /BAD_SIGNATURE|SIGNATURE_FAILURE/,
    'TLS_HANDSHAKE_FAILED',
    'could not prove that it has the key of its certificate',
  ],
  [/ALERT.*(UNKNOWN_CA|CERTIFICATE)/, 'TLS_HANDSHAKE_FAILED', 'did not accept our certificate'],
  [/ALERT.*HANDSHAKE_FAILURE/, 'CIPHER_MISMATCH', 'found nothing in common with what is allowed here'],
  [
    /ECONNRESET|EPIPE/,
    'TLS_HANDSHAKE_FAILED',
    'closed the connection before the handshake was finished',
    'It said nothing. Some servers, like that of Java itself, refuse a client certificate in this way: compare the issuer of ours with the CAs it trusts, and see its log.',
  ],
]

/** A failed handshake as our error; `peer` names the other side, `the server at localhost:8443`. */
export function handshakeError(error: NodeJS.ErrnoException, peer: string): MtlsError {
  const found = families.find(([pattern]) => pattern.test(error.code ?? error.message))
  const [, code, what, hint] = found ?? [
    undefined,
    'TLS_HANDSHAKE_FAILED',
    `broke the TLS handshake (${error.code ?? error.message})`,
  ]
  return new MtlsError(code as MtlsErrorCode, `${peer} ${what}`, {
    ...(hint !== undefined && { hint }),
    cause: error,
  })
}
