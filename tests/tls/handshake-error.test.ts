import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MtlsError } from '../../src/errors.js'
import { handshakeError } from '../../src/tls/handshake-error.js'

const coded = (code: string) => Object.assign(new Error(code), { code })

// As seen on OpenSSL 3.0 and 3.5, on either side.
test.each([
  ['ERR_TLS_HANDSHAKE_TIMEOUT', 'TLS_HANDSHAKE_TIMEOUT'],
  ['ERR_SSL_HTTP_REQUEST', 'NOT_TLS'],
  ['ERR_SSL_HTTPS_PROXY_REQUEST', 'NOT_TLS'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'NOT_TLS'],
  ['ERR_SSL_PACKET_LENGTH_TOO_LONG', 'NOT_TLS'],
  ['ERR_SSL_RECORD_TOO_SMALL', 'TLS_HANDSHAKE_FAILED'],
  ['ERR_SSL_UNSUPPORTED_PROTOCOL', 'UNSUPPORTED_TLS_VERSION'],
  ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'UNSUPPORTED_TLS_VERSION'],
  ['ERR_SSL_INAPPROPRIATE_FALLBACK', 'UNSUPPORTED_TLS_VERSION'],
  ['ERR_SSL_NO_SHARED_CIPHER', 'CIPHER_MISMATCH'],
  ['ERR_SSL_NO_SUITABLE_KEY_SHARE', 'CIPHER_MISMATCH'],
  ['ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', 'CIPHER_MISMATCH'],
  ['ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE', 'CIPHER_MISMATCH'],
  ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'CLIENT_CERT_REQUIRED'],
  ['ERR_SSL_BAD_SIGNATURE', 'TLS_HANDSHAKE_FAILED'],
  ['ERR_SSL_PROVIDER_SIGNATURE_FAILURE', 'TLS_HANDSHAKE_FAILED'],
  ['ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR', 'TLS_HANDSHAKE_FAILED'],
  ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'TLS_HANDSHAKE_FAILED'],
  ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', 'TLS_HANDSHAKE_FAILED'],
  ['ECONNRESET', 'TLS_HANDSHAKE_FAILED'],
  ['EPIPE', 'TLS_HANDSHAKE_FAILED'],
  ['ERR_SSL_SOMETHING_NEW', 'TLS_HANDSHAKE_FAILED'],
])('%s is %s', (code, wanted) => {
  const cause = coded(code)
  const error = handshakeError(cause, 'the server at localhost:8443')
  expect(error.code).toBe(wanted)
  expect(error.message).toMatch(/^the server at localhost:8443 /)
  expect(error.cause).toBe(cause)
})

test('it tells whose proof of a key failed', () => {
  const theirs = handshakeError(coded('ERR_SSL_BAD_SIGNATURE'), 'the client at ::1')
  expect(theirs.message).toContain('could not prove that it has the key of its certificate')
  const ours = handshakeError(coded('ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR'), 'the server at ::1')
  expect(ours.message).toContain('did not take our proof')
})

test('whatever an error says becomes one of ours', () => {
  fc.assert(
    fc.property(fc.string(), fc.option(fc.string(), { nil: undefined }), (message, code) => {
      const error = handshakeError(
        Object.assign(new Error(message), code !== undefined && { code }),
        'the peer',
      )
      expect(error).toBeInstanceOf(MtlsError)
      expect(error.message).toMatch(/^the peer /)
    }),
  )
})
