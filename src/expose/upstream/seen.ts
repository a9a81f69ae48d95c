import type { JSONRPCResponse } from '@modelcontextprotocol/server'
import type { Call } from '../../auth/call.js'
import type { Listener, Oversight } from '../../server/mcp/oversight.js'

export interface Sight {
  readonly oversight: Oversight
  readonly listener: Listener
  /** The call of this request that an answer with this id belongs to. */
  readonly callOf: (id: unknown) => Call | undefined
  /** That of an earlier request: what nobody has asked for is not passed on. */
  readonly earlierCallOf: (id: unknown) => Call | undefined
}

/** A message of the server behind, or a batch, as its client may see it; undefined where it may not. The same value where nothing changes. */
export function seen(message: unknown, sight: Sight): unknown {
  if (!Array.isArray(message)) return seenOne(message, sight)
  const left = message.map((one) => seenOne(one, sight))
  if (left.every((one, index) => one === message[index])) return message
  const some = left.filter((one) => one !== undefined)
  return some.length === 0 ? undefined : some
}

function seenOne(message: unknown, { oversight, listener, callOf, earlierCallOf }: Sight): unknown {
  if (typeof message !== 'object' || message === null || Array.isArray(message)) return undefined
  const { id, method, params } = message as { id?: unknown; method?: unknown; params?: { uri?: unknown } }
  if (method === 'notifications/resources/updated')
    return oversight.mayHear(listener, String(params?.uri)) ? message : undefined
  if (typeof method === 'string' || !('result' in message)) return message
  const call = callOf(id)
  if (call) return oversight.shown(call, message as JSONRPCResponse)
  const earlier = earlierCallOf(id)
  return earlier && oversight.late(listener, earlier, message as JSONRPCResponse)
}
