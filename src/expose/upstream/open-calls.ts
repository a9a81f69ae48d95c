import type { JSONRPCMessage } from '@modelcontextprotocol/server'
import type { Call } from '../../auth/call.js'
import { type EndedCall, type Outcome, outcomeOf } from '../../server/mcp/outcome.js'

/** Counts calls in flight, and tells of each that ends. */
export class CallCount {
  running = 0
  readonly #onCall: (ended: EndedCall) => void

  constructor(onCall: (ended: EndedCall) => void) {
    this.#onCall = onCall
  }

  ended(ended: EndedCall): void {
    this.running--
    this.#onCall(ended)
  }
}

/** The calls of one request that have no answer yet. Each ends once. */
export class OpenCalls {
  readonly #open: Set<Call>
  readonly #count: CallCount
  readonly #begun: number

  static begin(calls: readonly Call[], count: CallCount): OpenCalls {
    count.running += calls.length
    return new OpenCalls(calls, count, performance.now())
  }

  private constructor(calls: readonly Call[], count: CallCount, begun: number) {
    this.#open = new Set(calls)
    this.#count = count
    this.#begun = begun
  }

  /** Gives those that are left to somebody else, to end them. */
  handOver(): OpenCalls {
    const left = new OpenCalls(this.waiting, this.#count, this.#begun)
    this.#open.clear()
    return left
  }

  get isEmpty(): boolean {
    return this.#open.size === 0
  }

  get waiting(): readonly Call[] {
    return [...this.#open]
  }

  /** Ends those that a message answers, or the messages of a batch; gives the call and its result for each that has one. */
  answered(message: unknown): { readonly call: Call; readonly result: Readonly<Record<string, unknown>> }[] {
    return [message].flat().flatMap((one) => {
      const answer = isObject(one) ? one : {}
      const call = this.waiting.find(({ id }) => id === answer.id)
      if (!call || 'method' in answer || !('result' in answer || 'error' in answer)) return []
      const { result } = answer
      this.#end(call, isObject(result) ? outcomeOf(call, answer as unknown as JSONRPCMessage) : 'error')
      return isObject(result) ? [{ call, result }] : []
    })
  }

  /** Ends one of them; whether it was here. */
  giveUp(call: Call): boolean {
    const isHere = this.#open.has(call)
    if (isHere) this.#end(call, 'aborted')
    return isHere
  }

  /** Ends what is left. */
  end(outcome: Outcome): void {
    for (const call of this.#open) this.#end(call, outcome)
  }

  #end(call: Call, outcome: Outcome): void {
    this.#open.delete(call)
    this.#count.ended({ call, outcome, seconds: (performance.now() - this.#begun) / 1000 })
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
