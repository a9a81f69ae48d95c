import { MtlsError } from '../../errors.js'
import { refusalInAlert, refusalInAnswer, rejectedHint } from '../../tls/foreign-refusal.js'
import { handshakeError } from '../../tls/handshake-error.js'
import type { Exchange } from './exchange.js'

/** How a server refused the certificate it was shown, or the lack of one; undefined when it accepted us. */
export function refusalIn(
  { answer, ended }: Pick<Exchange, 'answer' | 'ended'>,
  server: string,
): MtlsError | undefined {
  if (answer) return refusalInAnswer(answer.status, answer.body, server)
  if (/ALERT/.test(ended ?? ''))
    return (
      refusalInAlert(ended, server) ??
      handshakeError(Object.assign(new Error(ended), { code: ended }), server)
    )
  if (/^HPE_|HEADERS_OVERFLOW/.test(ended ?? ''))
    return new MtlsError('CONNECTION_FAILED', `${server} sent an answer that is no HTTP (${ended})`, {
      hint: 'Look at what that server sends: no client can read it.',
    })
  return new MtlsError(
    'CLIENT_CERT_REJECTED',
    `${server} ended the connection after our client certificate, without a reason (${ended})`,
    { hint: `Servers of Node and of Python refuse a certificate in this way. ${rejectedHint}` },
  )
}
