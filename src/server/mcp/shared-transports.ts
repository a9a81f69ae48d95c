import {
  type JSONRPCMessage,
  type MessageExtraInfo,
  PerRequestHTTPServerTransport,
  type Transport,
  type TransportSendOptions,
} from '@modelcontextprotocol/server'

/** Where what a shared server says and does goes. */
export interface Ends {
  readonly send: (message: JSONRPCMessage, options?: TransportSendOptions) => void
  /** Called in place of closing: a tool that closes its server shall end no call of others. */
  readonly onClose: () => void
}

/** Binds its server to the revision of its messages. */
export class ModernTransport extends PerRequestHTTPServerTransport {
  readonly #ends: Ends

  constructor(classification: NonNullable<MessageExtraInfo['classification']>, ends: Ends) {
    super({ classification })
    this.#ends = ends
  }

  override async send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    this.#ends.send(message, options)
  }

  override async close(): Promise<void> {
    this.#ends.onClose()
  }

  end(): Promise<void> {
    return super.close()
  }
}

export class LegacyTransport implements Transport {
  onclose?: () => void
  onerror?: (error: Error) => void
  onmessage?: Transport['onmessage']
  readonly #ends: Ends

  constructor(ends: Ends) {
    this.#ends = ends
  }

  async start(): Promise<void> {}

  async send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    this.#ends.send(message, options)
  }

  async close(): Promise<void> {
    this.#ends.onClose()
  }

  async end(): Promise<void> {
    this.onclose?.()
  }
}
