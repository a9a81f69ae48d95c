import { setTimeout as delay } from 'node:timers/promises'
import type {
  JSONRPCErrorResponse,
  JSONRPCMessage,
  JSONRPCNotification,
  JSONRPCRequest,
  JSONRPCResponse,
  RequestId,
  Transport,
} from '@modelcontextprotocol/server'
import { End, type GiveUp, metaOf, withMeta } from '../../relay/end.js'
import { modernRevision } from '../../relay/exchanges.js'
import { Fault, faultAnswer } from '../../relay/fault.js'
import { isLevel } from '../../relay/memory.js'
import { isObject } from '../../relay/message.js'
import { metaKeys } from '../../relay/meta-keys.js'
import { printable } from '../../text/printable.js'
import { shortened } from '../../text/shortened.js'
import { Subscription } from './subscription.js'

type Json = Readonly<Record<string, unknown>>

const inFlightAtMost = 1000
/** How often one call may ask its client. */
const roundsAtMost = 20
/** How much one call may ask at once. */
const questionsAtMost = 100
const watchedAtMost = 1000
/** Revisions with sessions; a client of a later one is spoken to in the last of them. */
const sessionRevisions = ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25']
const lastSessionRevision = '2025-11-25'
/** Before a call is made again whose server only wants time; milliseconds. */
const pause = 500
/** What a server may ask a client for. */
const questions = ['elicitation/create', 'sampling/createMessage', 'roots/list']

/** What of a call is left when it is over. */
interface Call {
  giveUp: GiveUp | undefined
  isOver: boolean
  /** Questions to the client that it has not answered. */
  readonly questions: Set<RequestId>
}

/** A session, for a client of 2025, at a server that has none (2026-07-28). Nothing of it is at the server but a subscription. */
export class SessionOnExchanges implements Transport {
  onclose?: () => void
  onerror?: (error: Error) => void
  onmessage?: (message: JSONRPCMessage) => void
  /** The result of `initialize`. */
  readonly introduction: Json
  readonly #far: End
  readonly #client: Json
  readonly #subscription: Subscription
  readonly #canWatch: boolean
  readonly #calls = new Map<RequestId, Call>()
  readonly #questions = new Map<RequestId, (answer: JSONRPCResponse) => void>()
  readonly #ended = new AbortController()
  #level: string | undefined
  #lastQuestion = 0

  /** Rejects when the server does not speak that revision either. */
  static async open(transport: Transport, initialize: JSONRPCRequest): Promise<SessionOnExchanges> {
    const { protocolVersion, clientInfo, capabilities } = (initialize.params ?? {}) as Json
    const client = {
      [metaKeys.protocolVersion]: modernRevision,
      [metaKeys.clientInfo]: clientInfo,
      [metaKeys.clientCapabilities]: isObject(capabilities) ? capabilities : {},
    }
    let session: SessionOnExchanges | undefined
    const far = await End.open(transport, {
      name: 'the server',
      maxInFlight: inFlightAtMost,
      onRequest: (asked) =>
        asked.answer(faultAnswer(asked.request.id, new Fault('no client can be asked', 'no'))),
      onNotification: (notification) => session?.onmessage?.(withoutKeys(notification)),
      onClose: () => session?.onclose?.(),
      onError: (error) => session?.onerror?.(error),
    })
    const request = withMeta(
      { jsonrpc: '2.0', id: 0, method: 'server/discover', params: {} } as JSONRPCRequest,
      client,
    )
    const answer = await new Promise<JSONRPCResponse>((answered) => far.ask(request, { answered }))
    const found = 'result' in answer ? (answer.result as Json) : {}
    if (!Array.isArray(found.supportedVersions) || !found.supportedVersions.includes(modernRevision)) {
      await far.close()
      throw new Fault(`the server does not speak revision ${modernRevision}`, 'no')
    }
    session = new SessionOnExchanges(far, client, String(protocolVersion), found)
    return session
  }

  private constructor(far: End, client: Json, wanted: string, found: Json) {
    this.#far = far
    this.#client = client
    const { capabilities, instructions } = found
    this.introduction = {
      protocolVersion: sessionRevisions.includes(wanted) ? wanted : lastSessionRevision,
      capabilities: isObject(capabilities) ? capabilities : {},
      serverInfo: metaOf({ _meta: found._meta })?.[metaKeys.serverInfo] ?? { name: 'unknown', version: '0' },
      ...(instructions !== undefined && { instructions }),
    }
    const has = (kind: string, what: string) => {
      const offered = isObject(capabilities) ? capabilities[kind] : undefined
      return isObject(offered) && offered[what] === true
    }
    this.#canWatch = has('resources', 'subscribe')
    this.#subscription = new Subscription(
      (notifications, asker) => far.ask(withMeta(listenTo(notifications), client), asker),
      (notification) => this.onmessage?.(withoutKeys(notification)),
      ['tools', 'prompts', 'resources'].filter((kind) => has(kind, 'listChanged')),
    )
  }

  async start(): Promise<void> {}

  async send(message: JSONRPCMessage): Promise<void> {
    if (!('method' in message)) {
      const id = message.id as RequestId
      this.#questions.get(id)?.(message)
      this.#questions.delete(id)
    } else if ('id' in message) void this.#answer(message as JSONRPCRequest)
    else this.#told(message)
  }

  async close(): Promise<void> {
    this.#ended.abort()
    this.#subscription.close()
    for (const answered of this.#questions.values())
      answered(faultAnswer(0, new Fault('the client has gone', 'no')))
    this.#questions.clear()
    await this.#far.close()
  }

  #told({ method, params }: JSONRPCNotification): void {
    if (method === 'notifications/initialized') this.#subscription.hearLists()
    if (method === 'notifications/cancelled') this.#cancel(params?.requestId as RequestId, params?.reason)
  }

  #cancel(id: RequestId, reason: unknown): void {
    const call = this.#calls.get(id)
    if (!call) return
    call.isOver = true
    this.#calls.delete(id)
    call.giveUp?.(typeof reason === 'string' ? reason : undefined)
    this.#askNoMore(call)
  }

  #askNoMore({ questions }: Call): void {
    for (const requestId of [...questions]) {
      this.onmessage?.({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId } })
      const answered = this.#questions.get(requestId)
      this.#questions.delete(requestId)
      answered?.(refused(0, 'it is not asked any more'))
    }
  }

  async #answer(request: JSONRPCRequest): Promise<void> {
    const { id } = request
    const call: Call = { giveUp: undefined, isOver: false, questions: new Set() }
    this.#calls.set(id, call)
    const answer = await this.#answerTo(request, call)
    if (this.#calls.get(id) === call) this.#calls.delete(id)
    if (!call.isOver) this.onmessage?.({ ...withoutKeys(answer), id })
  }

  async #answerTo(request: JSONRPCRequest, call: Call): Promise<JSONRPCResponse> {
    const { id, method, params } = request
    const done: JSONRPCResponse = { jsonrpc: '2.0', id, result: {} }
    switch (method) {
      case 'ping':
        return done
      case 'logging/setLevel':
        if (!isLevel(params?.level)) return refused(id, `there is no level ${JSON.stringify(params?.level)}`)
        this.#level = params.level
        return done
      case 'resources/subscribe':
        if (!this.#canWatch) return failed(id, -32_601, 'Method not found')
        if (this.#subscription.size >= watchedAtMost)
          return refused(id, `at most ${watchedAtMost} resources are watched at once`)
        return (await this.#subscription.watch(String(params?.uri))) ?? done
      case 'resources/unsubscribe':
        this.#subscription.unwatch(String(params?.uri))
        return done
      default:
        return await this.#rounds(request, call)
    }
  }

  /** Asks the server, and the client whatever the server wants to know, until there is an answer. */
  async #rounds(request: JSONRPCRequest, call: Call): Promise<JSONRPCResponse> {
    let { params } = request
    for (let round = 0; round < roundsAtMost; round++) {
      const answer = await this.#ask({ ...request, ...(params && { params }) }, call)
      const result = 'result' in answer ? (answer.result as Json) : {}
      if (result.resultType !== 'input_required' || call.isOver) return answer
      const wanted = Object.entries(isObject(result.inputRequests) ? result.inputRequests : {})
      if (wanted.length > questionsAtMost) return refused(request.id, 'the server asks too much at once')
      const answers = await this.#answersOf(wanted, call)
      if (call.isOver) return answer
      if ('failed' in answers) return { ...answers.failed, id: request.id }
      const { requestState } = result
      params = { ...request.params, ...answers, ...(requestState !== undefined && { requestState }) }
    }
    return refused(request.id, `the server has asked ${roundsAtMost} times and still has no answer`)
  }

  /** Of the client; the first that is none ends all. Where nothing is asked, a pause. */
  async #answersOf(
    wanted: readonly (readonly [string, unknown])[],
    call: Call,
  ): Promise<{ readonly inputResponses?: Json } | { readonly failed: JSONRPCErrorResponse }> {
    if (wanted.length === 0) {
      await delay(pause, undefined, { signal: this.#ended.signal, ref: false }).catch(() => {})
      return {}
    }
    let failed: JSONRPCErrorResponse | undefined
    const answers = await Promise.all(
      wanted.map(async ([key, question]) => {
        const answer = await this.#question(question, call)
        if ('result' in answer) return [key, answer.result]
        failed ??= answer
        this.#askNoMore(call)
        return [key, {}]
      }),
    )
    return failed ? { failed } : { inputResponses: Object.fromEntries(answers) }
  }

  #ask(request: JSONRPCRequest, call: Call): Promise<JSONRPCResponse> {
    const level = this.#level === undefined ? {} : { [metaKeys.logLevel]: this.#level }
    return new Promise((answered) => {
      call.giveUp = this.#far.ask(withMeta(request, { ...this.#client, ...level }), {
        answered,
        told: (notification) => this.onmessage?.(notification),
      })
    })
  }

  #question(question: unknown, call: Call): Promise<JSONRPCResponse> {
    const { method, params } = (isObject(question) ? question : {}) as { method?: unknown; params?: Json }
    if (typeof method !== 'string' || !questions.includes(method))
      return Promise.resolve(refused(0, `the server asks for ${shown(method)}, which no client answers`))
    const id = `ask-${++this.#lastQuestion}`
    // The older revision has it, to tell of its end; here nothing tells.
    const isUrl = method === 'elicitation/create' && params?.mode === 'url'
    const whole = isUrl ? { elicitationId: crypto.randomUUID(), ...params } : params
    return new Promise((resolve) => {
      call.questions.add(id)
      this.#questions.set(id, (answer) => {
        call.questions.delete(id)
        resolve(answer)
      })
      this.onmessage?.({ jsonrpc: '2.0', id, method, ...(whole && { params: whole }) })
    })
  }
}

function listenTo(notifications: Json): JSONRPCRequest {
  return { jsonrpc: '2.0', id: 0, method: 'subscriptions/listen', params: { notifications } }
}

function refused(id: RequestId, message: string): JSONRPCErrorResponse {
  return failed(id, -32_602, message)
}

function failed(id: RequestId, code: number, message: string): JSONRPCErrorResponse {
  return { jsonrpc: '2.0', id, error: { code, message } }
}

function shown(method: unknown): string {
  return printable(shortened(String(method), 100))
}

/** What a client of 2025 knows of a message. */
function withoutKeys<Message extends JSONRPCMessage>(message: Message): Message {
  const key = 'result' in message ? 'result' : 'params'
  const { [key]: body, ...rest } = message as { readonly result?: unknown; readonly params?: unknown }
  if (!isObject(body)) return message
  const { resultType, ttlMs, cacheScope, _meta, ...kept } = body
  const {
    [metaKeys.serverInfo]: _server,
    [metaKeys.subscriptionId]: _subscription,
    ...meta
  } = isObject(_meta) ? _meta : {}
  return { ...rest, [key]: { ...kept, ...(Object.keys(meta).length > 0 && { _meta: meta }) } } as Message
}
