import { type JSONRPCResponse, type RequestId, SdkHttpError } from '@modelcontextprotocol/client'
import { explainFailure } from '../client/failure.js'
import { hostPortOf } from '../config/index.js'
import { MtlsError } from '../errors.js'
import { Fault } from '../relay/fault.js'
import { isMessage, isObject } from '../relay/message.js'
import { printable } from '../text/printable.js'
import { shortened } from '../text/shortened.js'

/** Why a request has no answer of the server, for people who see nothing else of it. */
export function faultOf(error: unknown, url: URL): Fault {
  if (error instanceof Fault) return error
  const host = hostPortOf(url)
  if (error instanceof SdkHttpError) {
    const said = textOf(error) === '' ? '' : `: ${printable(shortened(textOf(error), 200))}`
    return new Fault(`the server at ${host} answered HTTP ${error.status}${said}`, 'maybe')
  }
  // Our own `fetch` has seen whether it was sent.
  const failure = explainFailure(error, url, (error instanceof MtlsError && error.sent) || 'maybe')
  if (!(failure instanceof MtlsError))
    return new Fault(
      `CONNECTION_FAILED: the server at ${host} answers, but not as an MCP server does: ${wordsOf(failure)}`,
      'maybe',
    )
  const { code, message, sent = 'maybe' } = failure
  const words = message.includes('ECONNREFUSED') ? `nothing is listening on ${host}` : message
  return new Fault(`${code}: ${words}`, sent, code)
}

/** What reads answers says in JSON what it does not like. */
function wordsOf(failure: unknown): string {
  const words = failure instanceof Error ? failure.message : String(failure)
  return words.startsWith('[') ? 'it is no message of JSON-RPC' : printable(shortened(words, 200))
}

/** The error that the server gives in the body of a response that is none of HTTP's. */
export function answerIn(error: SdkHttpError, id: RequestId): JSONRPCResponse | undefined {
  let body: unknown
  try {
    body = JSON.parse(textOf(error))
  } catch {
    return undefined
  }
  if (!isObject(body) || !isObject(body.error)) return undefined
  const answer = { jsonrpc: '2.0', id, error: body.error }
  return isMessage(answer) ? (answer as JSONRPCResponse) : undefined
}

function textOf({ data }: SdkHttpError): string {
  const { text } = data as { text?: unknown }
  return typeof text === 'string' ? text : ''
}
