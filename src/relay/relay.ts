import type {
  JSONRPCMessage,
  JSONRPCNotification,
  JSONRPCRequest,
  JSONRPCResponse,
  Transport,
} from '@modelcontextprotocol/server'
import { type Asked, End, onlyRequestOf } from './end.js'
import { Fault, faultAnswer } from './fault.js'
import { Line, type LineOptions } from './line.js'
import {
  changesOf,
  InitializeRefused,
  type InitializeResult,
  isAtLeast,
  isLevel,
  Memory,
  moreOf,
} from './memory.js'
import { Strays } from './strays.js'

export interface RelayOptions extends Omit<LineOptions, 'greet' | 'onRequest' | 'onNotification' | 'onLost'> {
  /** Told each time that the far end was lost, or did not come. */
  readonly onLost?: (fault: Fault, wasUp: boolean) => void
  /** For a client that cannot wait: what `initialize` is answered where the server has not answered in time. */
  readonly early?: Early
  /** The last near end has left. */
  readonly onEmpty: () => void
}

export interface Early {
  /** Milliseconds. */
  readonly after: number
  /** What the server is said to have. The client is told that it changes once the server is there. */
  readonly result: (request: JSONRPCRequest) => InitializeResult
}

/** Changes what a near end says before it is passed on. */
export type Stamp = <Message extends JSONRPCMessage>(message: Message) => Message

/** A client that joins. */
export interface Client {
  readonly stamp?: Stamp
  /** Whose it is: what one of its clients may hear, all may. */
  readonly owner?: string | undefined
}

/** Characters of all URIs that one client may watch at once. */
const watchedAtMost = 64 * 1024

interface Near {
  readonly end: End
  readonly stamp: Stamp
  readonly owner: string | undefined
  level?: string
  /** Characters of the URIs that it watches. */
  watched: number
  readonly subscribed: Set<string>
}

/**
 * Clients with sessions (2025-03-26 to 2025-11-25) and the one server that answers them. The server is initialized once, by
 * what the first client says; when it dies, the next one is told what the clients have told before. What the server asks goes to
 * the client while there is one, and to nobody while there are several.
 */
export class Relay {
  readonly #options: RelayOptions
  /** The way to the server: whether it is there, and what waits for it. */
  readonly line: Pick<Line, 'isOpen' | 'inFlight' | 'failingSince'>
  readonly #line: Line
  readonly #memory = new Memory()
  readonly #nears = new Set<Near>()
  readonly #strays = new Strays()
  /** Clients of several owners have been here since the server was started: it may still speak of what one has watched. */
  #hadOthers = false
  /** What the client was told the server has, before the server has said it. */
  #early: InitializeResult | undefined
  /** A client waits for that, or for the server. */
  #isAwaited = false

  constructor(options: RelayOptions) {
    this.#options = options
    this.line = this.#line = new Line({
      ...options,
      greet: (far) => this.#greet(far),
      onRequest: (asked) => this.#fromFar(asked),
      onNotification: (notification) => this.#toldByFar(notification),
      onLost: (fault, wasUp) => this.#lost(fault, wasUp),
    })
  }

  /** Clients that are here. */
  get size(): number {
    return this.#nears.size
  }

  /** Takes a client. It leaves when its transport closes. */
  async join(transport: Transport, { stamp = (message) => message, owner }: Client = {}): Promise<void> {
    const { maxInFlight, onError } = this.#options
    const end = await End.open(transport, {
      name: 'the client',
      maxInFlight,
      onRequest: (asked) => this.#fromNear(near, asked),
      onNotification: (notification) => this.#toldByNear(near, notification),
      onClose: () => this.#left(near),
      ...(onError && { onError }),
    })
    const near: Near = { end, stamp, owner, watched: 0, subscribed: new Set() }
    this.#nears.add(near)
    this.#noteOthers()
  }

  /** Ends the line, and every client's connection. */
  async close(): Promise<void> {
    await this.#line.close()
    await Promise.all([...this.#nears].map(({ end }) => end.close()))
  }

  #fromNear(near: Near, asked: Asked): void {
    const request = near.stamp(asked.request)
    switch (request.method) {
      case 'initialize':
        if (this.#options.early) return this.#initializeSoon(asked, request, this.#options.early)
        return void this.#initialize(asked, request)
      case 'logging/setLevel':
        return this.#setLevel(near, asked, request)
      case 'resources/subscribe':
        return this.#subscribe(near, asked, request)
      case 'resources/unsubscribe':
        return this.#unsubscribe(near, asked, request)
      default:
        if (this.#early) return this.#askOfPromised(near, asked, request)
        this.#ask(near, asked, request)
    }
  }

  /** A list that was promised before the server said what it has is empty where it has none. */
  #askOfPromised(near: Near, asked: Asked, request: JSONRPCRequest): void {
    const kind = /^(tools|prompts|resources)\/(templates\/)?list$/.exec(request.method)
    this.#line.open().then(
      () => {
        if (!kind?.[1] || this.#memory.result?.capabilities?.[kind[1]]) return this.#ask(near, asked, request)
        const key = kind[2] ? 'resourceTemplates' : kind[1]
        asked.answer({ jsonrpc: '2.0', id: request.id, result: { [key]: [] } })
      },
      (fault) => asked.answer(faultAnswer(request.id, fault)),
    )
  }

  /** Has the server answer a client. */
  #ask(
    near: Near,
    asked: Asked,
    request: JSONRPCRequest,
    onAnswer?: (answer: JSONRPCResponse) => void,
  ): void {
    this.#line.pass(asked, request, {
      ...(onAnswer && { onAnswer }),
      onGivenUp: () => this.#strays.add(near.owner),
    })
  }

  async #initialize(asked: Asked, request: JSONRPCRequest): Promise<void> {
    const isOurs = this.#memory.noteInitialize(request)
    const { id } = request
    try {
      await this.#line.open()
      asked.answer({ jsonrpc: '2.0', id, result: { ...this.#memory.result } })
    } catch (error) {
      if (!(error instanceof InitializeRefused)) return asked.answer(faultAnswer(id, error as Fault))
      // What the server does not take of another client it may well take of this one.
      if (isOurs) asked.answer(error.answer)
      else await this.#initialize(asked, request)
    }
  }

  /** The client has one answer, by the server if it comes in time. */
  #initializeSoon(asked: Asked, request: JSONRPCRequest, { after, result }: Early): void {
    const { id } = request
    this.#memory.noteInitialize(request)
    this.#isAwaited = true
    let isAnswered = false
    let again: NodeJS.Timeout | undefined
    const settle = () => {
      clearTimeout(timer)
      clearTimeout(again)
      isAnswered = true
      this.#isAwaited = false
    }
    const answer = (response: JSONRPCResponse) => {
      settle()
      asked.answer(response)
    }
    asked.onGivenUp = settle
    const timer = setTimeout(() => {
      this.#early = result(request)
      answer({ jsonrpc: '2.0', id, result: { ...this.#early } })
    }, after)
    const open = () =>
      this.#line.open().then(
        () => {
          if (!isAnswered) answer({ jsonrpc: '2.0', id, result: { ...this.#memory.result } })
        },
        (error) => {
          if (isAnswered) return
          if (error instanceof InitializeRefused) return answer(error.answer)
          again = setTimeout(open, this.#line.wait)
        },
      )
    void open()
  }

  #setLevel(near: Near, asked: Asked, request: JSONRPCRequest): void {
    const wanted = request.params?.level
    if (!isLevel(wanted)) return this.#ask(near, asked, request) // the server has the words for it
    const others = [...this.#nears].flatMap((one) =>
      one === near || one.level === undefined ? [] : [one.level],
    )
    const level = others.reduce(moreOf, wanted)
    this.#ask(near, asked, { ...request, params: { ...request.params, level } }, (answer) => {
      if (!('result' in answer)) return
      near.level = wanted
      this.#memory.level = level
    })
  }

  #subscribe(near: Near, asked: Asked, request: JSONRPCRequest): void {
    const uri = String(request.params?.uri)
    if (near.watched + uri.length > watchedAtMost) {
      const fault = new Fault(
        'this client watches too many resources, or such with long URIs',
        'no',
        'RATE_LIMITED',
      )
      return asked.answer(faultAnswer(request.id, fault))
    }
    this.#ask(near, asked, request, (answer) => {
      if (!('result' in answer) || !this.#nears.has(near)) return
      if (!near.subscribed.has(uri)) near.watched += uri.length
      near.subscribed.add(uri)
      this.#memory.subscribed.add(uri)
    })
  }

  #unsubscribe(near: Near, asked: Asked, request: JSONRPCRequest): void {
    const uri = String(request.params?.uri)
    if (near.subscribed.delete(uri)) near.watched -= uri.length
    if (this.#isWatched(uri)) return asked.answer({ jsonrpc: '2.0', id: request.id, result: {} })
    this.#memory.subscribed.delete(uri)
    this.#ask(near, asked, request)
  }

  #isWatched(uri: string): boolean {
    return [...this.#nears].some(({ subscribed }) => subscribed.has(uri))
  }

  #toldByNear(near: Near, notification: JSONRPCNotification): void {
    if (notification.method === 'notifications/initialized') {
      if (this.#memory.isInitialized) return // by another client
      this.#memory.isInitialized = true
    }
    this.#line.tell(near.stamp(notification))
  }

  #left(near: Near): void {
    this.#nears.delete(near)
    for (const uri of near.subscribed) {
      if (this.#isWatched(uri)) continue
      this.#memory.subscribed.delete(uri)
      if (this.#line.isOpen)
        this.#line.ask(
          { jsonrpc: '2.0', id: 0, method: 'resources/unsubscribe', params: { uri } },
          { answered: () => {} },
        )
    }
    if (this.#nears.size === 0) this.#options.onEmpty()
  }

  #fromFar(asked: Asked): void {
    const { request } = asked
    if (request.method === 'ping') return asked.answer({ jsonrpc: '2.0', id: request.id, result: {} })
    const [near, ...others] = this.#nears
    if (near && others.length === 0 && !this.#strays.areBeside(near.owner)) return this.#askNear(near, asked)
    const words = !near
      ? `${request.method} has no client to go to`
      : others.length > 0
        ? `${request.method} has several clients to go to: it is refused while more than one session is open`
        : `${request.method} may belong to a call that another client has given up: it is refused until this server is started again`
    asked.answer(faultAnswer(request.id, new Fault(words, 'no')))
  }

  #askNear({ end, stamp }: Near, asked: Asked): void {
    const asker = {
      answered: (answer: JSONRPCResponse) => asked.answer(stamp(answer)),
      told: (notification: JSONRPCNotification) => asked.tell(stamp(notification)),
    }
    asked.onGivenUp = end.ask(asked.request, asker, onlyRequestOf(end))
  }

  #toldByFar(notification: JSONRPCNotification): void {
    for (const near of this.#nears)
      if (this.#concerns(near, notification)) {
        const isOfCall = notification.method === 'notifications/message'
        near.end.tell(notification, isOfCall ? onlyRequestOf(near.end) : undefined)
      }
  }

  /**
   * Of several clients each hears of what changes, and of what it watches; the rest may be about another's call. Where others have been
   * before, that holds for one alone too.
   */
  #concerns(near: Near, { method, params }: JSONRPCNotification): boolean {
    if (method.endsWith('/list_changed')) return true
    const isAlone = this.#nears.size === 1
    if (method === 'notifications/resources/updated')
      return (isAlone && !this.#hadOthers) || near.subscribed.has(String(params?.uri))
    if (this.#strays.areBeside(near.owner)) return false
    if (method !== 'notifications/message') return isAlone
    if (near.level !== undefined && !isAtLeast(params?.level, near.level)) return false
    const busy = [...this.#nears].filter(({ end }) => end.askedCount > 0)
    return isAlone || (busy.length === 1 && busy[0] === near)
  }

  #noteOthers(): void {
    this.#hadOthers ||= new Set([...this.#nears].map(({ owner }) => owner)).size > 1
  }

  async #greet(far: End): Promise<void> {
    const before = this.#memory.result
    await this.#memory.replay(far)
    const told = this.#early ?? before // the first meanwhile, it may be
    if (told) for (const { end } of this.#nears) for (const change of changesOf(told)) end.tell(change)
  }

  #lost(fault: Fault, wasUp: boolean): boolean {
    this.#strays.clear()
    this.#hadOthers = false
    this.#noteOthers()
    const isPromised = this.#early !== undefined || (this.#isAwaited && !fault.isOfClient)
    const isKept = this.#memory.result !== undefined || isPromised
    if (!isKept) this.#memory.forget()
    this.#options.onLost?.(fault, wasUp)
    return isKept && this.#nears.size > 0
  }
}
