import type { JSONRPCMessage, Transport, TransportSendOptions } from '@modelcontextprotocol/server'

/** A part of what is said with a client: what belongs to one era. */
export class Channel implements Transport {
  onclose?: () => void
  onmessage?: (message: JSONRPCMessage) => void
  readonly #client: Transport
  #isClosed = false

  constructor(client: Transport) {
    this.#client = client
  }

  async start(): Promise<void> {}

  send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    return this.#client.send(message, options)
  }

  says(message: JSONRPCMessage): void {
    if (!this.#isClosed) this.onmessage?.(message)
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.onclose?.()
  }
}
