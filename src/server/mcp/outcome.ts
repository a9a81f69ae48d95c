import type { JSONRPCMessage } from '@modelcontextprotocol/server'
import type { Call } from '../../auth/call.js'

/**
 * What became of a call. `ok`; `tool_error`: the tool reported a failure; `error`: no tool answered (JSON-RPC error, or
 * refused before); `aborted`: cancelled, or its client went away.
 */
export type Outcome = 'ok' | 'tool_error' | 'error' | 'aborted'

/** A call that has ended. */
export interface EndedCall {
  readonly call: Call
  readonly outcome: Outcome
  /** The code of a JSON-RPC error. */
  readonly error?: number | undefined
  readonly seconds: number
}

/** The outcome that an answer tells of: read where it is made, before it is text. */
export function outcomeOf(call: Call, answer: JSONRPCMessage): Outcome {
  if (!('result' in answer)) return 'error'
  const { isError, content } = answer.result as { isError?: unknown; content?: unknown }
  if (isError !== true) return 'ok'
  return isUnknownTool(call, content) ? 'error' : 'tool_error'
}

/** Version 1 of the SDK answers a call of a tool that does not exist with a result, in these words. */
function isUnknownTool({ target }: Call, content: unknown): boolean {
  if (target.kind !== 'tool' || !Array.isArray(content) || content.length !== 1) return false
  const { text } = (content[0] ?? {}) as { text?: unknown }
  return text === `MCP error -32602: Tool ${target.name} not found`
}
