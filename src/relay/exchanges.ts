import type { JSONRPCNotification, Transport } from '@modelcontextprotocol/server'
import { End } from './end.js'
import { Fault, faultAnswer, faultIn } from './fault.js'
import { Line, type LineOptions } from './line.js'
import { answerOf } from './memory.js'
import { metaKeys } from './meta-keys.js'
import type { Client } from './relay.js'
import { Strays } from './strays.js'

export const modernRevision = '2026-07-28'

export interface ExchangesOptions
  extends Omit<LineOptions, 'greet' | 'onRequest' | 'onNotification' | 'onLost'> {
  /** Who asks the server which revisions it speaks. */
  readonly clientInfo: { readonly name: string; readonly version: string }
  readonly onLost?: (fault: Fault, wasUp: boolean) => void
  /** All is for one client, which may hear whatever the server says. */
  readonly hasOneClient?: boolean
  /** The last exchange has ended. */
  readonly onEmpty: () => void
}

/** The far end speaks no revision that has no sessions. */
export class NotModern extends Fault {
  constructor(name: string) {
    super(`${name} does not speak revision ${modernRevision}`, 'no')
  }
}

/** Exchanges without sessions (2026-07-28) with one server: each near end is one request and its answer. */
export class Exchanges {
  readonly #options: ExchangesOptions
  /** The way to the server: whether it is there, and what waits for it. */
  readonly line: Pick<Line, 'isOpen' | 'inFlight' | 'failingSince'>
  readonly #line: Line
  readonly #nears = new Map<End, Client['owner']>()
  readonly #strays = new Strays()

  constructor(options: ExchangesOptions) {
    this.#options = options
    this.line = this.#line = new Line({
      ...options,
      greet: (far) => this.#discover(far),
      // The revision has no requests of servers.
      onRequest: (asked) =>
        asked.answer(faultAnswer(asked.request.id, new Fault('no client can be asked', 'no'))),
      onNotification: (notification) => this.#toldByFar(notification),
      onLost: (fault, wasUp) => {
        this.#strays.clear()
        options.onLost?.(fault, wasUp)
        return false // the next request opens it
      },
    })
  }

  /** Exchanges that go on. */
  get size(): number {
    return this.#nears.size
  }

  /** Resolves once the server is there. Rejects with `NotModern` when it has to be initialized. */
  open(): Promise<void> {
    return this.#line.open()
  }

  /** Takes one exchange, which ends with its transport. */
  async join(transport: Transport, { stamp = (message) => message, owner }: Client = {}): Promise<void> {
    const { maxInFlight, onError } = this.#options
    const end = await End.open(transport, {
      name: 'the client',
      maxInFlight,
      onRequest: (asked) =>
        this.#line.pass(asked, stamp(asked.request), { onGivenUp: () => this.#strays.add(owner) }),
      onNotification: (notification) => this.#line.tell(stamp(notification)),
      onClose: () => {
        this.#nears.delete(end)
        if (this.#nears.size === 0) this.#options.onEmpty()
      },
      ...(onError && { onError }),
    })
    this.#nears.set(end, owner)
  }

  async close(): Promise<void> {
    await this.#line.close()
    await Promise.all([...this.#nears.keys()].map((end) => end.close()))
  }

  async #discover(far: End): Promise<void> {
    const { clientInfo, name } = this.#options
    const answer = await answerOf(far, {
      jsonrpc: '2.0',
      id: 0,
      method: 'server/discover',
      params: {
        _meta: {
          [metaKeys.protocolVersion]: modernRevision,
          [metaKeys.clientInfo]: clientInfo,
          [metaKeys.clientCapabilities]: {},
        },
      },
    })
    if (!('result' in answer)) throw faultIn(answer) ?? new NotModern(name)
  }

  /** What is logged belongs to the call that runs alone; of several nobody knows. */
  #toldByFar(notification: JSONRPCNotification): void {
    if (this.#options.hasOneClient) {
      for (const [end] of this.#nears) end.tell(notification)
      return
    }
    const asked = [...this.#nears].flatMap(([end, owner]) => [...end.asked].map((one) => ({ one, owner })))
    const [only] = asked
    if (asked.length === 1 && only && !this.#strays.areBeside(only.owner)) only.one.tell(notification)
  }
}
