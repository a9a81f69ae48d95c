import type {
  JSONRPCMessage,
  JSONRPCNotification,
  JSONRPCRequest,
  JSONRPCResponse,
  RequestId,
  Transport,
} from '@modelcontextprotocol/server'
import { asFault, Fault, faultAnswer, hasGone } from './fault.js'
import { metaKeys } from './meta-keys.js'

/** Who has a request answered by this end. */
export interface Asker {
  /** Called once, unless the request was given up: the answer, or an error in its place. */
  answered(answer: JSONRPCResponse): void
  /** A notification that belongs to the request: its progress, news of a subscription. */
  told?(notification: JSONRPCNotification): void
}

/** A request of this end that has no answer yet. */
export interface Asked {
  readonly request: JSONRPCRequest
  /** The id of the answer does not matter. Nothing happens when the request was given up. */
  answer(answer: JSONRPCResponse): void
  /** Says something that belongs to the request. */
  tell(notification: JSONRPCNotification): void
  /** Called when this end gives up the request, or has gone. */
  onGivenUp?: (reason: string | undefined) => void
}

/**
 * Gives up a request: its answer is not wanted any more. Where it may run on, returns the way to hear once that it was answered all
 * the same; nothing else of the request is kept.
 */
export type GiveUp = (reason?: string) => ((late: () => void) => void) | undefined

/** Requests that were given up, whose late answers are known. */
const lateAtMost = 1000

export interface EndOptions {
  /** For people: "the server", "the client". */
  readonly name: string
  /** Requests without an answer, in each direction. */
  readonly maxInFlight: number
  readonly onRequest: (asked: Asked) => void
  /** Gets notifications that belong to no request. */
  readonly onNotification: (notification: JSONRPCNotification) => void
  readonly onClose: () => void
  readonly onError?: (error: Error) => void
}

interface Pending {
  readonly asker: Asker
  readonly id: RequestId
  readonly progressToken: unknown
}

/**
 * One end of a relay: a transport of the SDK, with requests in both directions that know their answers. Ids and progress
 * tokens of requests that are passed on to it are its own; whoever asked sees theirs.
 */
export class End {
  readonly #transport: Transport
  readonly #options: EndOptions
  readonly #pending = new Map<RequestId, Pending>()
  readonly #asked = new Map<RequestId, Asked>()
  readonly #unwanted = new Map<RequestId, () => void>()
  #nextId = 0
  #isClosed = false

  /** Starts the transport. Rejects as that does. */
  static async open(transport: Transport, options: EndOptions): Promise<End> {
    const end = new End(transport, options)
    await transport.start()
    return end
  }

  private constructor(transport: Transport, options: EndOptions) {
    this.#transport = transport
    this.#options = options
    transport.onmessage = (message) => this.#receive(message as JSONRPCMessage)
    transport.onclose = () => this.#closed()
    transport.onerror = (error) => options.onError?.(error)
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Requests that this end has not answered yet. */
  get inFlight(): number {
    return this.#pending.size
  }

  /** The requests of this end that have no answer yet. */
  get asked(): Iterable<Asked> {
    return this.#asked.values()
  }

  get askedCount(): number {
    return this.#asked.size
  }

  /** Has this end answer a request. `relatedTo`: the id of the request of this end that it belongs to. */
  ask(request: JSONRPCRequest, asker: Asker, relatedTo?: RequestId): GiveUp {
    const { name, maxInFlight } = this.#options
    const refuse = (fault: Fault) => {
      asker.answered(faultAnswer(request.id, fault))
      return () => undefined
    }
    if (this.#isClosed) return refuse(new Fault(`${name} has gone; nothing was sent`, 'no'))
    if (this.#pending.size >= maxInFlight)
      return refuse(
        new Fault(
          `${name} has ${maxInFlight} requests without an answer: no more at once`,
          'no',
          'RATE_LIMITED',
        ),
      )
    const id = this.#nextId++
    const progressToken = metaOf(request.params)?.progressToken
    const passed =
      progressToken === undefined ? { ...request, id } : withMeta({ ...request, id }, { progressToken: id })
    this.#pending.set(id, { asker, id: request.id, progressToken })
    this.#send(passed, relatedTo).catch((error) => {
      if (this.#pending.delete(id)) asker.answered(faultAnswer(request.id, asFault(error, 'maybe')))
    })
    return (reason) => {
      if (!this.#pending.delete(id)) return undefined
      const params = { requestId: id, ...(reason !== undefined && { reason }) }
      this.tell({ jsonrpc: '2.0', method: 'notifications/cancelled', params })
      return (late) => this.#expectLate(id, late)
    }
  }

  /** Sends a notification. */
  tell(notification: JSONRPCNotification, relatedTo?: RequestId): void {
    if (this.#isClosed) return
    this.#send(notification, relatedTo).catch((error) => this.#options.onError?.(asFault(error, 'no')))
  }

  async close(): Promise<void> {
    await this.#transport.close()
    this.#closed()
  }

  /** What is sent is not waited for: in 2026-07-28 over HTTP that would be the answer. */
  async #send(message: JSONRPCMessage, relatedRequestId?: RequestId): Promise<void> {
    await this.#transport.send(message, relatedRequestId === undefined ? undefined : { relatedRequestId })
  }

  #receive(message: JSONRPCMessage): void {
    if (this.#isClosed) return
    if (!('method' in message)) this.#answered(message)
    else if ('id' in message) this.#requested(message)
    else this.#notified(message)
  }

  #answered(answer: JSONRPCResponse): void {
    const pending = answer.id === undefined ? undefined : this.#pending.get(answer.id)
    if (!pending) return this.#answeredLate(answer)
    this.#pending.delete(answer.id as RequestId)
    pending.asker.answered({ ...answer, id: pending.id })
  }

  #expectLate(id: RequestId, late: () => void): void {
    this.#unwanted.set(id, late)
    for (const [oldest] of this.#unwanted) {
      if (this.#unwanted.size <= lateAtMost) break
      this.#unwanted.delete(oldest)
    }
  }

  #answeredLate({ id }: JSONRPCResponse): void {
    if (id === undefined) return
    this.#unwanted.get(id)?.()
    this.#unwanted.delete(id)
  }

  #requested(request: JSONRPCRequest): void {
    const { id } = request
    const refuse = (words: string) =>
      void this.#send(faultAnswer(id, new Fault(words, 'no', 'RATE_LIMITED'))).catch(() => {})
    if (this.#asked.has(id))
      return refuse(`the id ${JSON.stringify(id)} is that of a request without an answer`)
    if (this.#asked.size >= this.#options.maxInFlight)
      return refuse(`${this.#options.maxInFlight} requests have no answer yet: no more at once`)
    const asked: Asked = {
      request,
      answer: (answer) => {
        if (this.#asked.get(id) !== asked) return
        this.#asked.delete(id)
        this.#send({ ...answer, id }).catch((error) => this.#options.onError?.(asFault(error, 'no')))
      },
      tell: (notification) => {
        if (this.#asked.get(id) === asked) this.tell(notification, id)
      },
    }
    this.#asked.set(id, asked)
    this.#options.onRequest(asked)
  }

  #notified(notification: JSONRPCNotification): void {
    const { method, params } = notification
    if (method === 'notifications/cancelled') return this.#givenUp(params)
    if (method === 'notifications/progress') {
      const pending = this.#pending.get(params?.progressToken as RequestId)
      if (pending?.progressToken === undefined) return
      return pending.asker.told?.({
        ...notification,
        params: { ...params, progressToken: pending.progressToken },
      })
    }
    const subscription = metaOf(params)?.[metaKeys.subscriptionId]
    if (subscription === undefined) return this.#options.onNotification(notification)
    const pending = this.#pending.get(subscription as RequestId)
    pending?.asker.told?.(withMeta(notification, { [metaKeys.subscriptionId]: pending.id }))
  }

  #givenUp(params: JSONRPCNotification['params']): void {
    const { requestId, reason } = (params ?? {}) as { requestId?: RequestId; reason?: unknown }
    const asked = requestId === undefined ? undefined : this.#asked.get(requestId)
    if (!asked) return
    this.#asked.delete(requestId as RequestId)
    asked.onGivenUp?.(typeof reason === 'string' ? reason : undefined)
  }

  #closed(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    const { name, onClose } = this.#options
    const pending = [...this.#pending.values()]
    const asked = [...this.#asked.values()]
    this.#pending.clear()
    this.#asked.clear()
    for (const { asker, id } of pending)
      asker.answered(faultAnswer(id, new Fault(`${name} ${hasGone}`, 'maybe')))
    for (const { onGivenUp } of asked) onGivenUp?.(`${name} has gone`)
    onClose()
  }
}

/** The `_meta` of params, if they have one. */
export function metaOf(params: unknown): Readonly<Record<string, unknown>> | undefined {
  const { _meta: meta } = (params ?? {}) as { _meta?: unknown }
  return typeof meta === 'object' && meta !== null ? (meta as Record<string, unknown>) : undefined
}

/** A message with more in its `_meta`. */
export function withMeta<Message extends JSONRPCRequest | JSONRPCNotification>(
  message: Message,
  meta: object,
): Message {
  return { ...message, params: { ...message.params, _meta: { ...metaOf(message.params), ...meta } } }
}

/** The request that what the server says belongs to: it does not say, and clients without a stream of their own wait there. */
export function onlyRequestOf(end: End): RequestId | undefined {
  if (end.askedCount !== 1) return undefined
  for (const { request } of end.asked) return request.id
  return undefined
}
