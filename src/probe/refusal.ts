import { MtlsError, type MtlsErrorCode } from '../errors.js'
import { handshakeError } from '../tls/handshake-error.js'
import { readRejection } from '../tls/rejection.js'
import type { Exchange } from './exchange.js'

/** Alerts about our certificate (RFC 8446 section 6.2), as OpenSSL names them. */
const alerts: readonly (readonly [pattern: RegExp, code: MtlsErrorCode, what: string])[] = [
  [/CERTIFICATE_REQUIRED/, 'CLIENT_CERT_REQUIRED', 'it wants one and was shown none'],
  [/CERTIFICATE_EXPIRED/, 'CERT_EXPIRED', 'it has expired'],
  [/CERTIFICATE_REVOKED/, 'CERT_REVOKED', 'it is revoked'],
  [/UNKNOWN_CA|ACCESS_DENIED/, 'CLIENT_CERT_REJECTED', 'it does not trust the CA that issued it'],
  [/(BAD|UNSUPPORTED)_CERTIFICATE|CERTIFICATE_UNKNOWN/, 'CERT_INVALID', 'it cannot use it'],
]

/** The refusal in an alert of the server, undefined when it is about something else. */
export function refusalInAlert(code: string | undefined, server: string): MtlsError | undefined {
  const found = alerts.find(([pattern]) => /ALERT/.test(code ?? '') && pattern.test(code ?? ''))
  if (!found) return undefined
  const [, reason, what] = found
  return new MtlsError(reason, `${server} refused our client certificate: ${what} (${code})`, {
    hint: reason === 'CERT_INVALID' ? unusable : (hints[reason] ?? rejected),
  })
}

/** How a server refused the certificate it was shown, or that there was none; undefined when it let us in. */
export function refusalIn(
  { answer, ended }: Pick<Exchange, 'answer' | 'ended'>,
  server: string,
): MtlsError | undefined {
  if (answer) {
    const ours = answer.status === 403 ? readRejection(answer.body, server) : undefined
    return ours ?? nginxRefusal(answer.status, answer.body, server)
  }
  if (/ALERT/.test(ended ?? ''))
    return (
      refusalInAlert(ended, server) ??
      handshakeError(Object.assign(new Error(ended), { code: ended }), server)
    )
  return new MtlsError(
    'CLIENT_CERT_REJECTED',
    `${server} ended the connection after our client certificate, without a reason (${ended})`,
    { hint: `Node servers refuse a certificate in this way. ${rejected}` },
  )
}

const rejected =
  'Compare the issuer of our certificate (`mcp-mtls cert-check`) with the CAs that the server trusts; its log knows more.'
const unusable =
  'Use a client certificate with the extended key usage clientAuth and a strong key, as `mcp-mtls cert-gen` makes it.'
const hints: Partial<Record<MtlsErrorCode, string>> = {
  CERT_EXPIRED: 'Renew the client certificate: `mcp-mtls cert-renew`. If it is valid here, check the clocks.',
  CERT_REVOKED: 'Issue a new client certificate: `mcp-mtls cert-gen client NAME`.',
}

/** nginx answers after the handshake, with statuses of its own. */
function nginxRefusal(status: number, body: string, server: string): MtlsError | undefined {
  if (!/^(400|495|496)$/.test(String(status)) || !/SSL certificate/i.test(body)) return undefined
  const none = status === 496 || /No required/i.test(body)
  return none
    ? new MtlsError('CLIENT_CERT_REQUIRED', `${server} wants a client certificate (HTTP ${status})`)
    : new MtlsError('CLIENT_CERT_REJECTED', `${server} refused our client certificate (HTTP ${status})`, {
        hint: rejected,
      })
}
