import { ProtocolError, SdkError, SdkErrorCode } from '@modelcontextprotocol/client'
import { MtlsError, type MtlsErrorCode } from '../errors.js'
import { ofPeer } from '../text/of-peer.js'

/**
 * Why a part of a question has no answer. `place`: an unknown city; `usage`: the asker can fix it; `timeout`;
 * `unreachable`: a server that cannot be reached or refuses; `other`: anything else.
 */
export interface AskFailure {
  readonly kind: 'place' | 'timeout' | 'unreachable' | 'other' | 'usage'
  readonly code: MtlsErrorCode
  /** A sentence. */
  readonly message: string
  readonly hint: string
}

const timeouts: readonly MtlsErrorCode[] = ['CONNECTION_TIMEOUT', 'TLS_HANDSHAKE_TIMEOUT']
const unreached: readonly MtlsErrorCode[] = ['CONNECTION_FAILED', 'NOT_TLS', 'TLS_HANDSHAKE_FAILED']
/** Problems on this side, before any server is asked. */
const ownFiles: readonly MtlsErrorCode[] = [
  'CERT_NOT_FOUND',
  'CERT_DIR_NOT_FOUND',
  'KEY_MISMATCH',
  'KEY_ENCRYPTED',
]

/** What an error of connecting to, or calling, a server means to the asker. */
export function failureOf(error: unknown, server: string): AskFailure {
  const known = mtlsErrorIn(error)
  if (known) return { ...known.toJSON(), ...described(known, server) }
  const denial = deniedBy(error)
  if (denial) return denied(denial, server)
  const message = ofPeer(error instanceof Error ? error.message : String(error), longestAnswer)
  const sdk = SdkError.isInstance(error) ? error.code : undefined
  if (sdk === SdkErrorCode.RequestTimeout) return timedOut(server, message)
  if (sdk === SdkErrorCode.ConnectionClosed || sdk === SdkErrorCode.SendFailed)
    return failureOf(new MtlsError('CONNECTION_FAILED', message), server)
  return toolFailed(`The ${server} server could not answer: ${message}`)
}

interface Denial {
  readonly code: 'NOT_AUTHORIZED' | 'RATE_LIMITED' | 'AUDIT_FAILED'
  readonly requestId: string
}

/** What a policy of the server said to a call, if that is what happened. */
function deniedBy(error: unknown): Denial | undefined {
  if (!(error instanceof ProtocolError) || !/^-3201[123]$/.test(String(error.code))) return undefined
  const { code, request_id: id } = (error.data ?? {}) as { code?: unknown; request_id?: unknown }
  const known = (['NOT_AUTHORIZED', 'RATE_LIMITED', 'AUDIT_FAILED'] as const).find((one) => one === code)
  return known && { code: known, requestId: ofPeer(String(id), longestId) }
}

const longestId = 64

function denied({ code, requestId }: Denial, server: string): AskFailure {
  const what = {
    NOT_AUTHORIZED: 'does not allow this call',
    RATE_LIMITED: 'allows no more of these calls at the moment',
    AUDIT_FAILED: 'cannot record the call, and does not run it',
  }[code]
  const hint = `Its operator finds the reason by this id: mcp-mtls audit show FILE --request-id ${requestId}`
  const message = `The ${server} server ${what} (request ${requestId}).`
  return { kind: 'unreachable', ...new MtlsError(code, message, { hint }).toJSON() }
}

export function timedOut(server: string, detail: string): AskFailure {
  return {
    kind: 'timeout',
    ...new MtlsError('CONNECTION_TIMEOUT', `The ${server} server did not answer in time: ${detail}`).toJSON(),
  }
}

/** A tool may describe its failure in a few sentences. */
export const longestAnswer = 1000

export function toolFailed(message: string): AskFailure {
  return { kind: 'other', ...new MtlsError('TOOL_FAILED', message).toJSON() }
}

function described({ code, message }: MtlsError, server: string): Pick<AskFailure, 'kind' | 'message'> {
  if (timeouts.includes(code))
    return { kind: 'timeout', message: `The ${server} server did not answer in time: ${message}` }
  if (code === 'CONFIG_INVALID') return { kind: 'usage', message }
  if (ownFiles.includes(code)) return { kind: 'other', message }
  const verb = unreached.includes(code) ? 'reach' : 'use'
  return { kind: 'unreachable', message: `I could not ${verb} the ${server} server: ${message}` }
}

/** The SDK and fetch wrap connection errors. */
function mtlsErrorIn(error: unknown): MtlsError | undefined {
  for (let each = error, depth = 0; each instanceof Error && depth < 8; each = each.cause, depth++)
    if (each instanceof MtlsError) return each
  return undefined
}
