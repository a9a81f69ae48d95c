import { errors } from 'undici'
import type { Call } from '../../auth/call.js'
import { longestAnswer, TooLarge } from './events.js'

/** JSON-RPC, "server error": -32000 to -32002 and -32020 on are taken by MCP and its SDKs. */
export const lostCode = -32010

/** Why the server behind did not answer, and whether it may have got the call. */
export interface Fault {
  readonly message: string
  readonly sent: 'no' | 'maybe'
}

/** The connection to the server behind did not come about. */
export class NotReached extends Error {
  readonly code: string | undefined

  constructor(cause: Error) {
    super(cause.message, { cause })
    this.code = (cause as NodeJS.ErrnoException).code
  }
}

/** The fault in an error of undici, before an answer began or within it. `server` is its URL. */
export function faultIn(error: unknown, server: string): Fault {
  if (error instanceof TooLarge)
    return {
      message: `${server} answered with more than ${longestAnswer} bytes; the call may have run`,
      sent: 'maybe',
    }
  if (!(error instanceof NotReached))
    return { message: `${server} ${brokenBy(error)}; the call may have run`, sent: 'maybe' }
  const why = error.code === 'ECONNREFUSED' ? 'connection refused' : (error.code ?? 'no connection')
  return { message: `${server} is not running (${why}); nothing was sent`, sent: 'no' }
}

function brokenBy(error: unknown): string {
  if (error === undefined) return 'ended without an answer'
  const isNoHttp = error instanceof errors.HTTPParserError || error instanceof errors.HeadersOverflowError
  return isNoHttp ? 'answered with what is not HTTP' : 'went away'
}

/** The error that stands for the answer to one call, or to none. */
export function lostAnswer(call: Call | undefined, { message, sent }: Fault): object {
  const data = { code: 'CONNECTION_FAILED', sent }
  return { jsonrpc: '2.0', id: call?.id ?? null, error: { code: lostCode, message, data } }
}

/** The answer to a request that has none from the server behind. */
export function badGateway(calls: readonly Call[], isBatch: boolean, fault: Fault): Response {
  const errors = calls.map((call) => lostAnswer(call, fault))
  const body = isBatch && errors.length > 0 ? errors : (errors[0] ?? lostAnswer(undefined, fault))
  return Response.json(body, { status: 502 })
}
