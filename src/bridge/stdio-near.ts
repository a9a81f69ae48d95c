import type { Readable, Writable } from 'node:stream'
import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/server'
import { Fault, faultAnswer } from '../relay/fault.js'
import { Lines, type Unreadable } from '../relay/lines.js'
import { isMessage } from '../relay/message.js'

/** Bytes of one line of the client; a line of JSON that is no message is bounded by it too. */
const maxLine = 64 * 1024 * 1024
/** Bytes that may wait for a client that does not read. */
const unreadAtMost = 64 * 1024 * 1024
/** Messages in one line, as there may be in 2025-03-26. */
const batchAtMost = 100

/** The local client, on stdin and stdout of this process. Closes when it has closed either. */
export class StdioNear implements Transport {
  onclose?: () => void
  onerror?: (error: Error) => void
  onmessage?: (message: JSONRPCMessage) => void
  readonly #input: Readable
  readonly #output: Writable
  readonly #lines: Lines
  #isClosed = false

  constructor(input: Readable, output: Writable) {
    this.#input = input
    this.#output = output
    this.#lines = new Lines({
      maxLine,
      onLine: (line) => this.#line(line),
      onTooLong: (line) => this.#tooLong(line),
    })
  }

  async start(): Promise<void> {
    this.#input.on('data', (chunk: Buffer) => this.#lines.push(chunk))
    for (const event of ['end', 'close', 'error']) this.#input.once(event, () => this.#closed())
    this.#output.on('error', () => this.#closed())
    // Node waits for a pipe that nobody reads, and would not see that stdin has ended.
    const { _handle: handle } = this.#output as { _handle?: { setBlocking?(on: boolean): void } }
    handle?.setBlocking?.(false)
    if (this.#input.readableEnded || this.#input.destroyed) setImmediate(() => this.#closed())
  }

  async send(message: JSONRPCMessage): Promise<void> {
    if (this.#isClosed) return // nobody hears it
    if (this.#output.writableLength > unreadAtMost) return this.#closed()
    this.#output.write(`${JSON.stringify(message)}\n`)
  }

  async close(): Promise<void> {
    this.#closed()
  }

  #closed(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#input.pause()
    this.onclose?.()
  }

  #line(line: string): void {
    if (this.#isClosed || line.trim() === '') return
    let message: unknown
    try {
      message = JSON.parse(line)
    } catch {
      return this.#refuse(-32_700, 'a line of the client is no JSON')
    }
    const messages: readonly unknown[] = Array.isArray(message) ? message : [message]
    if (messages.length > batchAtMost || messages.length === 0 || !messages.every(isMessage))
      return this.#refuse(-32_600, 'a line of the client is no message of JSON-RPC')
    for (const one of messages) this.onmessage?.(one)
  }

  #refuse(code: number, message: string): void {
    this.onerror?.(new Error(message))
    if (!this.#isClosed)
      this.#output.write(`${JSON.stringify({ jsonrpc: '2.0', id: null, error: { code, message } })}\n`)
  }

  #tooLong({ head, tail }: Unreadable): void {
    const words = `a line of the client has more than ${maxLine} bytes`
    const id = /"id"\s*:\s*(\d{1,15}|"[^"\\]{0,100}")\s*[,}]/.exec(head + tail)?.[1]
    if (id === undefined) return this.#refuse(-32_600, words)
    this.onerror?.(new Error(words))
    void this.send(faultAnswer(JSON.parse(id), new Fault(words, 'no'))).catch(() => {})
  }
}
