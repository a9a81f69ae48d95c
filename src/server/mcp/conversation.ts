import type {
  JSONRPCErrorResponse,
  JSONRPCMessage,
  MessageExtraInfo,
  Transport,
  TransportSendOptions,
} from '@modelcontextprotocol/server'
import type { Call } from '../../auth/call.js'
import { shortened } from '../../text/shortened.js'
import { BoundedMap } from '../../tls/bounded-map.js'
import { type AnyMcpServer, connectTo, giveBack, isOfThisSdk } from './any-server.js'
import { type EndedCall, type Outcome, outcomeOf } from './outcome.js'
import type { Oversight } from './oversight.js'
import { failure, forgiveForgotten, refuseAsking, SaidTooLate } from './said-too-late.js'

type Id = string | number
type Answer = Extract<JSONRPCMessage, { result: unknown } | { error: unknown }>

/** A message that a server sent when its call had been answered, or its session had ended. */
export interface LateMessage {
  readonly method: string
  /** The tool that seems to speak; undefined where that is not known. */
  readonly tool: string | undefined
  /** The `id` of the identity that had called it. */
  readonly identity: string | undefined
}

/** All that is kept of a call that has ended: its arguments may be large. */
type Speaker = Omit<LateMessage, 'method'>

export interface ConversationOptions {
  /** Why the client cannot be asked anything here; undefined where it can. */
  readonly oneWay?: string | undefined
  /** Many clients talk to this server at once: what does not say of which call it is belongs to nobody. */
  readonly isShared?: boolean
  /** Gets the server once it is connected. */
  readonly watch?: (server: AnyMcpServer) => void
  /** Called when the server says something, and not of which call it is. */
  readonly onUnaddressed?: () => void
  readonly onCall: (ended: EndedCall, server: AnyMcpServer | undefined) => void
  readonly onLate: (late: LateMessage) => void
  /** Told of an answer that could not be sent. */
  readonly onError?: (error: unknown) => void
  /** Gets the answer to each call and may give another in its place. */
  readonly onAnswer?: (call: Call, answer: Answer) => Answer
  readonly oversight?: Oversight | undefined
}

/** A call that runs. */
interface Run {
  readonly call: Call
  readonly begun: number
  /** Whether the server has it. */
  isThere: boolean
}

/** Calls that have ended, kept to know whom a late message belongs to: of one client, and of many. */
const rememberedCalls = { own: 100, shared: 5000 }

/**
 * What one server and its client say to each other, over one transport: which calls run, how each ended, and which
 * messages come too late. Everything is seen as a value, on its way between the SDK and its transport.
 */
export class Conversation {
  readonly #options: ConversationOptions
  readonly #running = new Map<Id, Run>()
  /** The answers to calls that were ended before the server has seen them. */
  readonly #early = new Map<Id, Answer>()
  readonly #ended: BoundedMap<Id, Speaker>
  readonly #answered = new WeakMap<object, Call>()
  /** Requests of the server that the client has not answered. */
  readonly #asked = new Set<Id>()
  #server: AnyMcpServer | undefined
  #transport: Transport | undefined
  /** Sends an answer as it is. */
  #send: ((answer: Answer) => Promise<void>) | undefined
  /** How the SDK classifies what the client sends. */
  #classification: MessageExtraInfo['classification']

  constructor(options: ConversationOptions) {
    this.#options = options
    this.#ended = new BoundedMap(rememberedCalls[options.isShared ? 'shared' : 'own'])
  }

  /** Connects the server; when its connection ends, what it says later is caught. */
  async connect(server: AnyMcpServer, transport: Transport): Promise<void> {
    const send = transport.send.bind(transport)
    this.#send = send
    transport.send = async (message, options) => {
      const passed = this.#outgoing(message, options)
      if (!passed) return
      try {
        if (!this.#options.isShared && !('method' in passed)) JSON.stringify(passed) // transports do not tell
        await send(passed, this.#addressed(message, options))
      } catch (error) {
        if ('method' in passed || passed.id === undefined) throw error
        // JSON cannot hold the answer: the client gets an error, or it would wait for ever.
        this.#options.onError?.(error)
        const code = -32603
        await send({ jsonrpc: '2.0', id: passed.id, error: { code, message: 'Internal error' } }, options)
      }
    }
    const { oneWay } = this.#options
    if (oneWay === undefined) forgiveForgotten(server)
    else refuseAsking(server, (method) => `${method} ${oneWay}`)
    this.#server = server
    await connectTo(server, transport)
    this.#options.watch?.(server)
    this.#transport = transport
    const { onclose, onmessage } = transport
    transport.onmessage = (message, extra) => {
      const early = this.#incoming(message)
      if (early) return void send(early).catch((error) => this.#options.onError?.(error))
      this.#classification = extra?.classification
      onmessage?.(message, isOfThisSdk(server) ? extra : withHeaders(extra))
    }
    transport.onclose = () => {
      this.#failAsked()
      onclose?.()
      giveBack(server)
      SaidTooLate.follow(server, (method, isAddressed) => {
        if (!isAddressed) this.#options.onUnaddressed?.()
        this.#tellLate(method, this.#onlySpeaker())
      })
    }
  }

  /** The calls that run now. */
  get running(): number {
    return this.#running.size
  }

  /** Whether a call with this id runs: a client may not use the id again before it is answered. */
  runs(id: Id): boolean {
    return this.#running.has(id)
  }

  /** The call that an answer belongs to, where calls are overseen; without its arguments, which may be large. */
  answeredBy(answer: object): Call | undefined {
    return this.#answered.get(answer)
  }

  /** `id`: that of the message to the server, where it is not that of the call. */
  begin(calls: readonly Call[], id?: Id): void {
    for (const call of calls) {
      const own = id ?? call.id
      // Where many share a server, it has a call before that begins.
      this.#running.set(own, { call, begun: performance.now(), isThere: this.#options.isShared === true })
      this.#options.oversight?.begun(call, { revoke: (error) => this.#revoke(own, error) })
    }
  }

  #revoke(id: Id, error: JSONRPCErrorResponse['error']): boolean {
    const [send, transport, run] = [this.#send, this.#transport, this.#running.get(id)]
    if (!send || !transport || !run) return false
    this.#end(id, () => 'aborted', error.code)
    if (!run.isThere) {
      this.#early.set(id, { jsonrpc: '2.0', id, error })
      return true
    }
    const params = { requestId: id, reason: error.message }
    transport.onmessage?.(
      { jsonrpc: '2.0', method: 'notifications/cancelled', params },
      this.#classification && { classification: this.#classification },
    )
    send({ jsonrpc: '2.0', id, error }).catch((failed) => this.#options.onError?.(failed)) // its stream has just ended
    return true
  }

  /** These calls get no answer any more. */
  end(ids: Iterable<Id>, outcome: Outcome): void {
    for (const id of [...ids]) {
      this.#early.delete(id)
      this.#end(id, () => outcome)
    }
  }

  /** No call gets an answer any more. */
  endAll(outcome: Outcome): void {
    this.end(this.#running.keys(), outcome)
  }

  /** What the client sends: a call, an answer to the server, or word that it gives up a call. Gives the answer where there is one. */
  #incoming(message: JSONRPCMessage): Answer | undefined {
    if (!('method' in message)) {
      if (message.id !== undefined) this.#asked.delete(message.id)
    } else if ('id' in message) {
      const run = this.#running.get(message.id)
      if (run) run.isThere = true
      const early = this.#early.get(message.id)
      this.#early.delete(message.id)
      return early
    } else if (message.method === 'notifications/cancelled') {
      const { requestId } = (message.params ?? {}) as { requestId?: Id }
      // Nor does the server give up what it has not seen, when both come in one body.
      if (requestId !== undefined && this.#running.get(requestId)?.isThere) this.end([requestId], 'aborted')
    }
    return undefined
  }

  /** What the SDK sends: passed on, changed, or held back. */
  #outgoing(message: JSONRPCMessage, options?: TransportSendOptions): JSONRPCMessage | undefined {
    if (!('method' in message)) return this.#answer(message)
    const { relatedRequestId } = options ?? {}
    if (this.#isKeptFrom(message, relatedRequestId)) return undefined
    if (relatedRequestId === undefined) this.#options.onUnaddressed?.()
    if (relatedRequestId !== undefined && !this.#running.has(relatedRequestId)) {
      this.#tellLate(message.method, this.#ended.get(relatedRequestId))
      if ('id' in message)
        this.#fail(message.id, `${message.method} comes too late: its call has been answered`)
      return undefined
    }
    if (!('id' in message)) return message
    const { oneWay } = this.#options
    if (oneWay !== undefined) {
      this.#fail(message.id, `${message.method} ${oneWay}`)
      return undefined
    }
    this.#asked.add(message.id)
    return message
  }

  /** A change of a resource that whoever calls may not use. Of a session, which hears without a call, the session knows. */
  #isKeptFrom(message: JSONRPCMessage, related: Id | undefined): boolean {
    const { oversight } = this.#options
    if (!oversight || !('method' in message) || message.method !== 'notifications/resources/updated')
      return false
    const running = [...this.#running].filter(([id]) => related === undefined || id === related)
    const uri = String(message.params?.uri)
    return !running.every(([, { call }]) => oversight.mayHear(call, uri))
  }

  /** Without a stream of a session, what a server logs goes with the answer that it works on: there is no other way. */
  #addressed(message: JSONRPCMessage, options?: TransportSendOptions): TransportSendOptions | undefined {
    const isLog = 'method' in message && message.method === 'notifications/message'
    if (this.#options.oneWay === undefined || !isLog || options?.relatedRequestId !== undefined)
      return options
    const [relatedRequestId, ...others] = this.#running.keys()
    return this.#options.isShared && others.length > 0 ? options : { ...options, relatedRequestId }
  }

  /** Undefined for one that comes too late: its caller has been given another. */
  #answer(answer: Answer): Answer | undefined {
    const error = 'error' in answer ? (answer.error as { readonly code?: number }).code : undefined
    const call =
      answer.id === undefined ? undefined : this.#end(answer.id, (of) => outcomeOf(of, answer), error)
    if (!call) return answer.id !== undefined && this.#ended.has(answer.id) ? undefined : answer
    const { onAnswer, oversight } = this.#options
    const made = onAnswer?.(call, answer) ?? answer
    const shown = oversight?.shown(call, made) ?? made
    // Where many share a server nobody can come back for an answer.
    if (oversight && !this.#options.isShared && 'result' in shown)
      this.#answered.set(shown, { ...call, arguments: undefined })
    return shown
  }

  #end(id: Id, outcome: (call: Call) => Outcome, error?: number): Call | undefined {
    const run = this.#running.get(id)
    if (!run) return undefined
    this.#running.delete(id)
    const ended = {
      call: run.call,
      outcome: outcome(run.call),
      ...(error !== undefined && { error }),
      seconds: (performance.now() - run.begun) / 1000,
    }
    this.#ended.set(id, speakerOf(ended))
    this.#options.onCall(ended, this.#server)
    return run.call
  }

  /** Answers a request of the server in the client's place, once the SDK has noted that it was sent. */
  #fail(id: Id, message: string): void {
    queueMicrotask(() => this.#transport?.onmessage?.(failure(id, message)))
  }

  #failAsked(): void {
    for (const id of this.#asked)
      this.#transport?.onmessage?.(failure(id, 'the client is gone, or its call has been answered'))
    this.#asked.clear()
  }

  /** Whoever speaks without saying of which call: where there was only one, it is that one. */
  #onlySpeaker(): Speaker | undefined {
    if (this.#options.isShared) return undefined
    const [first, ...others] = this.#ended.values()
    return first && { ...first, tool: others.length === 0 ? first.tool : undefined }
  }

  #tellLate(method: string, speaker: Speaker | undefined): void {
    this.#options.onLate({ method, tool: speaker?.tool, identity: speaker?.identity })
  }
}

/** A tool that gave no answer may not exist: its name is only what a client wrote. */
function speakerOf({ call: { target, caller }, outcome }: EndedCall): Speaker {
  const isKnown = target.kind === 'tool' && outcome !== 'error'
  return { tool: isKnown ? shortened(target.name, 128) : undefined, identity: caller?.id }
}

/** Version 1 of the SDK looks for the headers of a request in another place, and hands them to tools. */
function withHeaders(extra: MessageExtraInfo | undefined): MessageExtraInfo | undefined {
  if (!extra?.request) return extra
  const requestInfo = { headers: Object.fromEntries(extra.request.headers) }
  return { ...extra, requestInfo } as MessageExtraInfo
}
