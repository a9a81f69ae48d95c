import type { JSONRPCErrorResponse, JSONRPCResponse } from '@modelcontextprotocol/server'
import type { Call } from '../../auth/call.js'

/** What stands over calls, between a server and its callers: a policy, a record. */
export interface Oversight {
  /** A call has been handed to a server. */
  begun(call: Call, running: RunningCall): void
  /** The answer to a call, as its caller may see it. */
  shown<Answer extends JSONRPCResponse>(call: Call, answer: Answer): Answer
  /**
   * The same for one that comes when its request is over, to a client that came back for it: an error where it may not be seen any
   * more. What arguments the call had is not known by then.
   */
  late(listener: Listener, call: Call, answer: JSONRPCResponse): JSONRPCResponse
  /** Whether a listener may hear that this resource has changed. */
  mayHear(listener: Listener, uri: string): boolean
}

/** A call that can be ended before its answer. */
export interface RunningCall {
  /** Gives the caller this answer, and has the server give the call up. False where only its connection can be ended. */
  revoke(error: JSONRPCErrorResponse['error']): boolean
}

/** Whoever hears of changes, as it called last. */
export type Listener = Pick<Call, 'caller' | 'address'>
