import { MtlsError, type MtlsErrorCode } from '../errors.js'
import { ownCertificateHints, readBadGateway, readRefusal, readRejection } from './rejection.js'

/** Alerts about our certificate (RFC 8446 section 6.2), as OpenSSL names them. */
const alerts: readonly (readonly [pattern: RegExp, code: MtlsErrorCode, what: string])[] = [
  [/CERTIFICATE_REQUIRED/, 'CLIENT_CERT_REQUIRED', 'it wants one and was shown none'],
  [/CERTIFICATE_EXPIRED/, 'CERT_EXPIRED', 'it has expired'],
  [/CERTIFICATE_REVOKED/, 'CERT_REVOKED', 'it is revoked'],
  [/UNKNOWN_CA|ACCESS_DENIED/, 'CLIENT_CERT_REJECTED', 'it does not trust the CA that issued it'],
  // This alert may mean anything: Java sends it for an unknown CA.
  [
    /CERTIFICATE_UNKNOWN/,
    'CLIENT_CERT_REJECTED',
    'it does not accept it, for a reason that it does not tell',
  ],
  [/(BAD|UNSUPPORTED)_CERTIFICATE/, 'CERT_INVALID', 'it cannot use it, or does not trust its CA'],
]

/** The refusal in an alert of the server, undefined when it is about something else. */
export function refusalInAlert(code: string | undefined, server: string): MtlsError | undefined {
  const found = alerts.find(([pattern]) => /ALERT/.test(code ?? '') && pattern.test(code ?? ''))
  if (!found) return undefined
  const [, reason, what] = found
  return new MtlsError(reason, `${server} refused our client certificate: ${what} (${code})`, {
    hint: ownCertificateHints[reason] ?? rejectedHint,
  })
}

/** The refusal in an answer from one of our servers, or from nginx; undefined when it is about something else. */
export function refusalInAnswer(status: number, body: string, server: string): MtlsError | undefined {
  if (status === 429) return readRefusal(body, server)
  if (status === 502) return readBadGateway(body, server)
  return status === 403
    ? (readRejection(body, server) ?? readRefusal(body, server))
    : nginxRefusal(status, body, server)
}

export const rejectedHint =
  'Compare the issuer of our certificate (`mcp-mtls cert-check`) with the CAs that the server trusts; its log knows more.'

/** nginx answers after the handshake, with its own status codes. */
function nginxRefusal(status: number, body: string, server: string): MtlsError | undefined {
  if (!/^(400|495|496)$/.test(String(status)) || !/SSL certificate/i.test(body)) return undefined
  const none = status === 496 || /No required/i.test(body)
  return none
    ? new MtlsError('CLIENT_CERT_REQUIRED', `${server} wants a client certificate (HTTP ${status})`)
    : new MtlsError('CLIENT_CERT_REJECTED', `${server} refused our client certificate (HTTP ${status})`, {
        hint: rejectedHint,
      })
}
