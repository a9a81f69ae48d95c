import { SdkError, SdkErrorCode } from '@modelcontextprotocol/client'
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
  const message = ofPeer(error instanceof Error ? error.message : String(error), longestAnswer)
  const sdk = SdkError.isInstance(error) ? error.code : undefined
  if (sdk === SdkErrorCode.RequestTimeout) return timedOut(server, message)
  if (sdk === SdkErrorCode.ConnectionClosed || sdk === SdkErrorCode.SendFailed)
    return failureOf(new MtlsError('CONNECTION_FAILED', message), server)
  return toolFailed(`The ${server} server could not answer: ${message}`)
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
