import type { JSONRPCNotification, JSONRPCRequest, JSONRPCResponse } from '@modelcontextprotocol/server'
import type { End } from './end.js'
import { Fault, faultIn, isGone } from './fault.js'

/** What a server has answered to `initialize`, as far as a relay needs it. */
export interface InitializeResult {
  readonly protocolVersion?: string
  readonly capabilities?: Readonly<Record<string, { readonly listChanged?: boolean } | undefined>>
}

/** From the one that says most to the one that says least (RFC 5424). */
const levels = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency']

export function isLevel(value: unknown): value is string {
  return typeof value === 'string' && levels.includes(value)
}

export function isAtLeast(level: unknown, threshold: string): boolean {
  const at = levels.indexOf(String(level))
  return at < 0 || at >= levels.indexOf(threshold)
}

/** The one of two levels by which more is said. */
export function moreOf(one: string, other: string): string {
  return isAtLeast(other, one) ? one : other
}

/**
 * What a server of a session was told of it, to tell it to the next one when it dies: `initialize`, `initialized`, the level of
 * its log, the resources that clients watch. Clients never tell it again.
 */
export class Memory {
  #initialize: JSONRPCRequest | undefined
  #result: InitializeResult | undefined
  isInitialized = false
  level: string | undefined
  readonly subscribed = new Set<string>()

  get result(): InitializeResult | undefined {
    return this.#result
  }

  /** Of the first client: the server is told of one. Returns whether it is this one. */
  noteInitialize(request: JSONRPCRequest): boolean {
    this.#initialize ??= request
    return this.#initialize === request
  }

  /** Forgets the server: the next client begins from the start. */
  forget(): void {
    this.#initialize = undefined
    this.#result = undefined
    this.isInitialized = false
    this.level = undefined
    this.subscribed.clear()
  }

  /** Tells a server all of it. Rejects with what it answers to `initialize`, and when it is not what the one before was. */
  async replay(far: End): Promise<void> {
    const initialize = this.#initialize
    if (!initialize) throw new Fault('no client has sent initialize', 'no')
    const answer = await answerOf(far, initialize)
    if (!('result' in answer)) {
      if (far.isClosed || isGone(answer)) throw new Fault('the server ended before it was ready', 'no')
      const fault = faultIn(answer)
      if (fault) throw fault
      if (this.#result)
        throw new Fault(`the server refuses to be initialized again: ${answer.error.message}`, 'no')
      throw new InitializeRefused(answer)
    }
    const result = answer.result as InitializeResult
    if (typeof result.protocolVersion !== 'string' || !isObject(result.capabilities))
      throw new Fault('its answer to initialize is not one: no protocolVersion, or no capabilities', 'no')
    if (this.#result && this.#result.protocolVersion !== result.protocolVersion)
      throw new Fault(
        `it speaks revision ${String(result.protocolVersion)} now, and spoke ${String(this.#result.protocolVersion)} before`,
        'no',
      )
    this.#result ??= result
    if (!this.isInitialized) return
    far.tell({ jsonrpc: '2.0', method: 'notifications/initialized' })
    const again = (method: string, params: Record<string, unknown>) =>
      answerOf(far, { jsonrpc: '2.0', id: 0, method, params })
    if (this.level !== undefined) await again('logging/setLevel', { level: this.level })
    for (const uri of this.subscribed) await again('resources/subscribe', { uri })
  }
}

/** A server that answers `initialize` with an error: its client shall see which. */
export class InitializeRefused extends Fault {
  override readonly isOfClient = true
  readonly answer: JSONRPCResponse

  constructor(answer: JSONRPCResponse) {
    super('the server refuses to be initialized', 'no')
    this.answer = answer
  }
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function answerOf(far: End, request: JSONRPCRequest): Promise<JSONRPCResponse> {
  return new Promise((answered) => far.ask(request, { answered }))
}

/** That what a server offers may be other than before, to a client that it has promised to tell. */
export function changesOf({ capabilities }: InitializeResult): JSONRPCNotification[] {
  return ['tools', 'prompts', 'resources']
    .filter((kind) => capabilities?.[kind]?.listChanged === true)
    .map((kind) => ({ jsonrpc: '2.0', method: `notifications/${kind}/list_changed` }))
}
