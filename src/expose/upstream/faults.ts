import { errors } from 'undici'
import type { Call } from '../../auth/call.js'
import { Fault, faultAnswer } from '../../relay/fault.js'
import { TooLarge } from './events.js'

/** The connection to the server behind did not come about. */
export class NotReached extends Error {
  readonly code: string | undefined

  constructor(cause: Error) {
    super(cause.message, { cause })
    this.code = (cause as NodeJS.ErrnoException).code
  }
}

/** Why the server behind did not answer: an error of undici, or undefined where it just ended. `server` names it. */
export function faultIn(error: unknown, server: string): Fault {
  if (!(error instanceof NotReached))
    return new Fault(`${server} ${brokenBy(error)}; the call may have run`, 'maybe')
  const why = error.code === 'ECONNREFUSED' ? 'connection refused' : (error.code ?? 'no connection')
  return new Fault(`${server} is not running (${why}); nothing was sent`, 'no')
}

function brokenBy(error: unknown): string {
  if (error === undefined) return 'ended without an answer'
  if (error instanceof TooLarge) return error.message
  const { code, message } = error as NodeJS.ErrnoException
  const isNoHttp =
    error instanceof errors.HTTPParserError ||
    /^HPE_|^UND_ERR_(RES|HEADERS)_/.test(code ?? '') ||
    message === 'bad response'
  return isNoHttp ? 'answered with what is not HTTP' : 'went away'
}

/** The answer to a request that has none from the server behind. */
export function badGateway(calls: readonly Call[], isBatch: boolean, fault: Fault): Response {
  const answers = calls.map(({ id }) => faultAnswer(id, fault))
  const body =
    isBatch && answers.length > 0 ? answers : (answers[0] ?? { ...faultAnswer(0, fault), id: null })
  return Response.json(body, { status: 502 })
}
