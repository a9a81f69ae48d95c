import type { JSONRPCMessage, JSONRPCRequest, RequestId, Transport } from '@modelcontextprotocol/server'
import { isFault } from '../relay/fault.js'

/**
 * A session with a remote server: in its own era, or in ours where it refuses `initialize` and speaks 2026-07-28, which has no
 * sessions. It is asked each time which it is.
 */
export class FarSession implements Transport {
  onclose?: () => void
  onerror?: (error: Error) => void
  onmessage?: (message: JSONRPCMessage) => void
  readonly #makeModern: () => Transport
  #inner: Transport
  #initialize: JSONRPCRequest | undefined
  #isClosed = false

  /** `session` is not started; `makeModern` is called where it is refused. */
  constructor(session: Transport, makeModern: () => Transport) {
    this.#makeModern = makeModern
    this.#inner = session
  }

  async start(): Promise<void> {
    this.#listen()
    await this.#inner.start()
  }

  send(message: JSONRPCMessage): Promise<void> {
    if ('method' in message && message.method === 'initialize') this.#initialize = message as JSONRPCRequest
    return this.#inner.send(message)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#inner.close()
  }

  #listen(): void {
    this.#inner.onmessage = (message) => {
      const refused = this.#refused(message)
      if (refused) void this.#translate(refused, message)
      else this.onmessage?.(message)
    }
    this.#inner.onclose = () => this.onclose?.()
    this.#inner.onerror = (error) => this.onerror?.(error)
  }

  /** The `initialize` that this message refuses. */
  #refused(message: JSONRPCMessage): JSONRPCRequest | undefined {
    const initialize = this.#initialize
    if (!initialize || !('error' in message) || isFault(message)) return undefined
    return message.id === (initialize.id as RequestId) ? initialize : undefined
  }

  async #translate(initialize: JSONRPCRequest, refusal: JSONRPCMessage): Promise<void> {
    this.#initialize = undefined
    const { SessionOnExchanges } = await import('./translate/session-on-exchanges.js')
    const opened = await SessionOnExchanges.open(this.#makeModern(), initialize).catch(() => undefined)
    if (this.#isClosed) return void opened?.close()
    if (!opened) return this.onmessage?.(refusal)
    this.#inner.onclose = () => {}
    void this.#inner.close()
    this.#inner = opened
    this.#listen()
    this.onmessage?.({ jsonrpc: '2.0', id: initialize.id, result: { ...opened.introduction } })
  }
}
