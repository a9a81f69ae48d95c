import type { JSONRPCNotification, JSONRPCRequest, JSONRPCResponse } from '@modelcontextprotocol/server'
import { type Asked, End } from '../../relay/end.js'
import { Fault, faultAnswer } from '../../relay/fault.js'
import { Bridge, type JoinOptions } from '../bridge.js'
import type { Tell } from '../event.js'
import type { FarServer } from '../far-server.js'
import { linkedPair } from '../linked-pair.js'

export interface Hears {
  readonly onRequest: (part: Part, asked: Asked) => void
  readonly onNotification: (part: Part, notification: JSONRPCNotification) => void
  /** Its server is there, again perhaps. */
  readonly onConnected: (part: Part) => void
}

export interface AskOptions {
  /** Gives the request up. */
  readonly signal?: AbortSignal | undefined
  /** Gives it up after so long; milliseconds. */
  readonly within?: number
  /** Gets what belongs to the request: progress, news of a subscription. */
  readonly told?: (notification: JSONRPCNotification) => void
}

/** Requests that wait for a server, and such of it. */
const inFlightAtMost = 1000

/** One of several servers behind a bridge of its own, which joins it in whatever era it speaks. */
export class Part {
  readonly name: string
  readonly #bridge: Bridge
  readonly #end: End

  static async open(server: FarServer, options: JoinOptions, hears: Hears): Promise<Part> {
    const [near, far] = linkedPair()
    const tell: Tell = (event) => {
      options.tell(event)
      if (event.event === 'connected') hears.onConnected(part)
    }
    const bridge = new Bridge(near, server, { ...options, tell })
    const { name } = server
    const end = await End.open(far, {
      name,
      maxInFlight: inFlightAtMost,
      onRequest: (asked) => hears.onRequest(part, asked),
      onNotification: (notification) => hears.onNotification(part, notification),
      onClose: () => {},
    })
    const part = new Part(name, bridge, end)
    await bridge.start()
    return part
  }

  private constructor(name: string, bridge: Bridge, end: End) {
    this.name = name
    this.#bridge = bridge
    this.#end = end
  }

  /** The answer, which may be an error; that a request was given up is one too. */
  ask(request: JSONRPCRequest, { signal, within, told }: AskOptions = {}): Promise<JSONRPCResponse> {
    return new Promise((resolve) => {
      const answered = (answer: JSONRPCResponse) => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', givenUp)
        resolve(answer)
      }
      const end = (reason: string | undefined, fault: Fault) => {
        giveUp(reason)
        answered(faultAnswer(request.id, fault))
      }
      const givenUp = () => {
        const reason = typeof signal?.reason === 'string' ? signal.reason : undefined
        end(reason, new Fault('the request was given up', 'maybe'))
      }
      const isLate = () => {
        const words = `no answer to ${request.method} within ${(within ?? 0) / 1000} s`
        end(words, new Fault(`CONNECTION_TIMEOUT: ${words}`, 'maybe', 'CONNECTION_TIMEOUT'))
      }
      const timer = within === undefined ? undefined : setTimeout(isLate, within)
      const giveUp = this.#end.ask(request, { answered, ...(told && { told }) })
      if (signal?.aborted) givenUp()
      else signal?.addEventListener('abort', givenUp, { once: true })
    })
  }

  tell(notification: JSONRPCNotification): void {
    this.#end.tell(notification)
  }

  close(): Promise<void> {
    return this.#bridge.close()
  }
}
