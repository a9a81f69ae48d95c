import type { JSONRPCErrorResponse, JSONRPCRequest, JSONRPCResponse } from '@modelcontextprotocol/server'
import { Fault, faultAnswer, isFault } from '../../relay/fault.js'
import { printable } from '../../text/printable.js'

export function resultOf(
  { id }: Pick<JSONRPCRequest, 'id'>,
  result: Readonly<Record<string, unknown>>,
): JSONRPCResponse {
  return { jsonrpc: '2.0', id, result }
}

export function refused(
  { id }: Pick<JSONRPCRequest, 'id'>,
  code: number,
  message: string,
): JSONRPCErrorResponse {
  return { jsonrpc: '2.0', id, error: { code, message } }
}

/** What a client has said, for people. */
export function shown(name: unknown): string {
  return printable(String(name).slice(0, 100))
}

/** An answer that no server has given says which one it was. */
export function named<Answer extends JSONRPCResponse>(
  { name }: { readonly name: string },
  answer: Answer,
): Answer {
  if (!isFault(answer) || !('error' in answer)) return answer
  return { ...answer, error: { ...answer.error, message: `${name}: ${answer.error.message}` } }
}

/** The first result, else an error that a server has given, else the reasons why none is there. */
export function firstGood(answers: readonly JSONRPCResponse[]): JSONRPCResponse {
  const faults = answers.filter(isFault) as JSONRPCErrorResponse[]
  const told = answers.find((answer) => 'result' in answer) ?? answers.find((answer) => !isFault(answer))
  const [first] = faults
  if (told || !first) return told ?? faultAnswer(0, new Fault('there is no server', 'no'))
  const reasons = new Set(faults.map(({ error }) => error.message))
  return { ...first, error: { ...first.error, message: [...reasons].join('; ') } }
}
