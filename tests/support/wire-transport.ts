import type { JSONRPCMessage, Transport, TransportSendOptions } from '@modelcontextprotocol/server'

/** A transport whose other side is the test. */
export class Wire implements Transport {
  onclose?: () => void
  onerror?: (error: Error) => void
  onmessage?: (message: JSONRPCMessage) => void
  readonly sent: JSONRPCMessage[] = []
  readonly options: (TransportSendOptions | undefined)[] = []
  /** What `send` rejects with. */
  fails: Error | undefined
  /** Sees each message that is sent, once it was. */
  onSent?: (message: JSONRPCMessage) => void
  isClosed = false

  async start(): Promise<void> {}

  async send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    if (this.fails) throw this.fails
    this.sent.push(message)
    this.options.push(options)
    this.onSent?.(message)
  }

  async close(): Promise<void> {
    if (this.isClosed) return
    this.isClosed = true
    this.onclose?.()
  }

  says(message: JSONRPCMessage): void {
    this.onmessage?.(message)
  }
}
