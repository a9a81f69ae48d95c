import type { JSONRPCErrorResponse, JSONRPCResponse, RequestId } from '@modelcontextprotocol/server'
import type { MtlsErrorCode } from '../errors.js'

/** Of all errors that a relay makes: in the range of servers, and used by neither the SDK nor any revision of MCP. */
const code = -32_010

/** Whether the far end may have run what it was asked: `no` may be sent again. */
export type Sent = 'no' | 'maybe'

/** Why a request has no answer of the far end. */
export class Fault extends Error {
  readonly sent: Sent
  readonly code: MtlsErrorCode

  /** The far end is well: a client has said what it does not take. */
  readonly isOfClient: boolean = false

  constructor(message: string, sent: Sent, code: Fault['code'] = 'CONNECTION_FAILED') {
    super(message)
    this.sent = sent
    this.code = code
  }
}

/** The answer to a request that no server answers: its words, whether it may have run, and a code of `MtlsError`. */
export function faultAnswer(id: RequestId, { message, code: reason, sent }: Fault): JSONRPCErrorResponse {
  return { jsonrpc: '2.0', id, error: { code, message, data: { code: reason, sent } } }
}

/** Whether an answer is one of these. */
export function isFault(answer: JSONRPCResponse): boolean {
  return errorIn(answer)?.code === code
}

/** What is said of requests of an end that has gone. */
export const hasGone = 'has gone; the request may have run'

export function isGone(answer: JSONRPCResponse): boolean {
  return isFault(answer) && errorIn(answer)?.message.endsWith(hasGone) === true
}

/** What is said of requests that a server has not run, since it does not know their session. */
export const sessionIsLost = 'does not know this session any more; nothing was run'

export function isLostSession(answer: JSONRPCResponse): boolean {
  return isFault(answer) && errorIn(answer)?.message.endsWith(sessionIsLost) === true
}

/** What an answer of a relay says, as a fault. */
export function faultIn(answer: JSONRPCResponse): Fault | undefined {
  const error = isFault(answer) ? errorIn(answer) : undefined
  const { code: reason } = (error?.data ?? {}) as { code?: Fault['code'] }
  return error && new Fault(error.message, 'no', reason)
}

function errorIn(answer: JSONRPCResponse): JSONRPCErrorResponse['error'] | undefined {
  return 'error' in answer ? answer.error : undefined
}

/** What went wrong, as a fault of the connection. */
export function asFault(error: unknown, sent: Sent): Fault {
  if (error instanceof Fault) return error
  return new Fault(error instanceof Error ? error.message : String(error), sent)
}
