import { setTimeout as delay } from 'node:timers/promises'
import type { Client, JSONRPCMessage, Progress, Transport } from '@modelcontextprotocol/client'

/** What passes between a client and its server, as it is: the SDK's client takes parts out of results. */
export class Tap {
  readonly #sending = new Set<Promise<void>>()
  readonly #onProgress: (progress: Progress) => void
  #result: unknown

  /** `onProgress` hears of what the SDK's client drops, too: progress that comes together with the answer. */
  constructor({ transport }: Pick<Client, 'transport'>, onProgress: (progress: Progress) => void) {
    this.#onProgress = onProgress
    if (transport) this.#watch(transport)
  }

  /** The result of a request, whole; as the client gives it where it came another way. */
  async whole<T>(request: () => Promise<T>): Promise<T> {
    this.#result = undefined
    const given = await request()
    return (this.#result ?? given) as T
  }

  /** Waits for what is being sent, a cancellation perhaps; not for long. */
  async sent(patience = 1000): Promise<void> {
    const all = Promise.allSettled([...this.#sending])
    await Promise.race([all, delay(patience, undefined, { ref: false })])
  }

  #progress({ progress, total, message }: Readonly<Record<string, unknown>> = {}): void {
    if (typeof progress !== 'number') return
    this.#onProgress({
      progress,
      ...(typeof total === 'number' && { total }),
      ...(typeof message === 'string' && { message }),
    })
  }

  #watch(transport: Transport): void {
    const { onmessage } = transport
    const send = transport.send.bind(transport)
    transport.onmessage = (message: JSONRPCMessage, extra) => {
      if ('result' in message) this.#result = message.result
      else if ('method' in message && message.method === 'notifications/progress')
        this.#progress(message.params)
      onmessage?.(message, extra)
    }
    transport.send = (message, options) => {
      const sending = send(message, options)
      // A request may take as long as its answer.
      if (!('method' in message) || !('id' in message)) {
        this.#sending.add(sending)
        const done = () => void this.#sending.delete(sending)
        sending.then(done, done)
      }
      return sending
    }
  }
}
