import { errorCodes, MtlsError, type MtlsErrorCode } from '../errors.js'
import { ofPeer } from '../text/of-peer.js'
import type { Refusal } from './peer/verdict.js'

/**
 * The body of the `403` by which a server tells a refused client why: an error of JSON-RPC, which MCP SDKs show, and the
 * same beside it for everybody else.
 */
export function rejectionBody(reason: MtlsErrorCode, message: string): string {
  const error = { code: -32_000, message, data: { error: 'mtls_rejected', reason } }
  return JSON.stringify({ jsonrpc: '2.0', id: null, error, reason, message })
}

/** The body by which a server tells that it does not serve a request, whose certificate it accepts. */
export function refusalBody(reason: keyof typeof refusals, message: string): string {
  const error = { code: -32_000, message, data: { error: 'mtls_refused', reason } }
  return JSON.stringify({ jsonrpc: '2.0', id: null, error })
}

const refusals = {
  NOT_AUTHORIZED: 'does not serve this request',
  RATE_LIMITED: 'refused this request',
} as const satisfies Partial<Record<MtlsErrorCode, string>>

/** The error in such a body, or undefined when it is something else. */
export function readRefusal(body: string, server: string): MtlsError | undefined {
  const { message, data } = objectOf(objectIn(body).error)
  const { error, reason } = objectOf(data)
  if (error !== 'mtls_refused' || (reason !== 'NOT_AUTHORIZED' && reason !== 'RATE_LIMITED')) return undefined
  const said = typeof message === 'string' ? message : reason
  return new MtlsError(reason, `${server} ${refusals[reason]}: ${ofPeer(said, 500)}`)
}

/** Why a server that passes calls on has no answer, from the body of its `502`; undefined when it is something else. */
export function readBadGateway(body: string, server: string): MtlsError | undefined {
  const { message, data } = objectOf(objectIn(body).error)
  const { code } = objectOf(data) as { readonly code?: unknown }
  if (code !== 'CONNECTION_FAILED' || typeof message !== 'string') return undefined
  return new MtlsError('CONNECTION_FAILED', `${server} cannot pass the call on: ${ofPeer(message, 500)}`, {
    hint: 'Start the server behind it, or look at its log. The gate in front of it is well.',
  })
}

/** What many clients show of a status line, and nothing else: curl, httpx, Go's. */
export function rejectionPhrase({ code, listFault }: Pick<Refusal, 'code' | 'listFault'>): string {
  const phrase = listFault ? 'no revocation list here vouches for it' : phrases[code]
  return `Refused: ${phrase ?? 'not accepted'} (${code})`
}

const phrases: Partial<Record<MtlsErrorCode, string>> = {
  CLIENT_CERT_REQUIRED: 'no client certificate',
  CERT_EXPIRED: 'certificate expired',
  CERT_NOT_YET_VALID: 'certificate not yet valid',
  CERT_REVOKED: 'certificate revoked',
  CERT_INVALID: 'certificate not usable here',
  CLIENT_CERT_REJECTED: 'certificate of no CA trusted here',
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
  const parsed = objectIn(body)
  // As we said it before, and as we say it now.
  const data = parsed.error === 'mtls_rejected' ? parsed : objectOf(objectOf(parsed.error).data)
  if (data.error !== 'mtls_rejected') return undefined
  const { reason, message } = { ...data, ...parsed }
  const code = reasons.find((known) => known === reason) ?? 'CLIENT_CERT_REJECTED'
  const said = [message, reason].find((text) => typeof text === 'string') ?? ''
  return new MtlsError(code, `${server} refused our client certificate: ${ofPeer(said, 500)}`, {
    hint: ownCertificateHints[code] ?? errorCodes[code],
  })
}

type Fields = Readonly<Record<'error' | 'data' | 'reason' | 'message', unknown>>

function objectIn(body: string): Partial<Fields> {
  try {
    return objectOf(JSON.parse(body))
  } catch {
    return {}
  }
}

function objectOf(value: unknown): Partial<Fields> {
  return typeof value === 'object' && value !== null ? value : {}
}

/** What helps the client when a server says this of its certificate. */
export const ownCertificateHints: Partial<Record<MtlsErrorCode, string>> = {
  CERT_EXPIRED: 'Renew the client certificate: `mcp-mtls cert-renew`. If it is valid here, check the clocks.',
  CERT_REVOKED: 'Issue a new client certificate: `mcp-mtls cert-gen client NAME`.',
  CERT_INVALID:
    'Use a client certificate with the extended key usage clientAuth and a strong key, as `mcp-mtls cert-gen` makes it.',
}
