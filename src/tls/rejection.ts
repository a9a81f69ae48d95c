import { errorCodes, MtlsError, type MtlsErrorCode } from '../errors.js'
import { escapeControl } from './escape-control.js'

/** The body of the `403` by which a server tells a refused client why. */
export function rejectionBody(reason: MtlsErrorCode, message: string): string {
  return JSON.stringify({ error: 'mtls_rejected', reason, message })
}

const reasons = [
  'CLIENT_CERT_REQUIRED',
  'CERT_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REVOKED',
  'CERT_INVALID',
  'CLIENT_CERT_REJECTED',
] as const satisfies readonly MtlsErrorCode[]

/** The error in such a body, or undefined when it is something else. An unknown reason is `CLIENT_CERT_REJECTED`. */
export function readRejection(body: string, server: string): MtlsError | undefined {
  let parsed: { error?: unknown; reason?: unknown; message?: unknown } | null
  try {
    parsed = JSON.parse(body)
  } catch {
    return undefined
  }
  if (typeof parsed !== 'object' || parsed?.error !== 'mtls_rejected') return undefined
  const { reason, message } = parsed
  const code = reasons.find((known) => known === reason) ?? 'CLIENT_CERT_REJECTED'
  const said = [message, reason].find((text) => typeof text === 'string') ?? ''
  return new MtlsError(
    code,
    `${server} refused our client certificate: ${escapeControl(said.slice(0, 500))}`,
    {
      hint: hints[code] ?? errorCodes[code],
    },
  )
}

/** The same codes on the client's side, where other things help. */
const hints: Partial<Record<MtlsErrorCode, string>> = {
  CERT_EXPIRED: 'Renew the client certificate, for example with `mcp-mtls cert-gen client NAME --force`.',
  CERT_INVALID:
    'Use a client certificate with the extended key usage clientAuth and a strong key, as `mcp-mtls cert-gen` makes it.',
}
