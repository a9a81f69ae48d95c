import { randomUUID } from 'node:crypto'
import type {
  JSONRPCNotification,
  JSONRPCRequest,
  JSONRPCResponse,
  Transport,
} from '@modelcontextprotocol/server'
import { type Asked, End, type GiveUp, metaOf } from '../../relay/end.js'
import { modernRevision } from '../../relay/exchanges.js'
import { Fault, faultAnswer } from '../../relay/fault.js'
import { isAtLeast, isLevel, moreOf } from '../../relay/memory.js'
import { isObject } from '../../relay/message.js'
import { metaKeys } from '../../relay/meta-keys.js'
import type { Tell } from '../event.js'
import { linkedPair } from '../linked-pair.js'
import { Listens } from './listens.js'
import {
  completed,
  discovered,
  invalid,
  paramsOf,
  unknownMethod,
  urlsIn,
  withoutMeta,
  withTokenOf,
} from './modern-shapes.js'

type Json = Readonly<Record<string, unknown>>

const inFlightAtMost = 1000
/** Calls whose client has been asked something and has not answered: half of all, so that others can be made meanwhile. */
const waitingAtMost = inFlightAtMost / 2
/** How long such a call waits; milliseconds. */
const longestWait = 600_000
const sessionRevision = '2025-11-25'

/** What a server may ask for, and the capability of a client that allows it. */
const questions: Readonly<Record<string, string>> = {
  'elicitation/create': 'elicitation',
  'sampling/createMessage': 'sampling',
  'roots/list': 'roots',
}

/** What the revision does not have, and a session would understand. */
const past = /^(?:initialize|ping|logging\/setLevel|resources\/(?:un)?subscribe|tasks\/.*)$/
/** What may be answered by a question. */
const mayAsk = /^(?:tools\/call|prompts\/get|resources\/read)$/
/** Questions that came while no call ran, for the next one. */
const openAtMost = 100

/** A call that the server works on. Its client asks again for it each time that it has answered a question. */
interface Call {
  readonly request: JSONRPCRequest
  /** The exchange that waits for it; none while the client is asked. */
  asked: Asked | undefined
  readonly capabilities: Json
  readonly level: unknown
  giveUp: GiveUp | undefined
  /** The server has it. */
  isSent: boolean
  /** What the server wants to know, by the key that the client answers it with. */
  readonly questions: Map<string, Asked>
  /** The answer, where it came while the client was asked. */
  answer?: JSONRPCResponse
}

/** Clients of 2026-07-28 at a server that has only sessions: they share one. */
export class ExchangesOnSession {
  readonly #tell: Tell
  readonly #session: End
  readonly #calls = new Set<Call>()
  readonly #waiting = new Map<string, { readonly call: Call; readonly timer: NodeJS.Timeout }>()
  readonly #listens: Listens
  readonly #unclaimed = new Set<Asked>()
  #opening: Promise<JSONRPCResponse> | undefined
  #level: string | undefined
  /** Calls that wait for the level. */
  #starting = 0
  #serverInfo: unknown

  /** `join` takes a client with a session. */
  static async open(
    client: Transport,
    join: (client: Transport) => Promise<void>,
    tell: Tell,
  ): Promise<void> {
    const [near, far] = linkedPair()
    const session = await End.open(far, {
      name: 'the server',
      maxInFlight: inFlightAtMost,
      onRequest: (asked) => exchanges.#askedByServer(asked),
      onNotification: (notification) => exchanges.#toldByServer(notification),
      onClose: () => exchanges.#forget(),
    })
    const exchanges = new ExchangesOnSession(session, tell)
    await join(near)
    await End.open(client, {
      name: 'the client',
      maxInFlight: inFlightAtMost,
      onRequest: (asked) => void exchanges.#asked(asked),
      onNotification: () => {}, // the revision has none but of cancelling
      onClose: () => void exchanges.#close(),
    })
  }

  private constructor(session: End, tell: Tell) {
    this.#session = session
    this.#tell = tell
    this.#listens = new Listens((method, params) => this.#request(method, params))
  }

  async #close(): Promise<void> {
    this.#forget()
    await this.#session.close()
  }

  #forget(): void {
    this.#unclaimed.clear()
    for (const { timer } of this.#waiting.values()) clearTimeout(timer)
    this.#waiting.clear()
  }

  async #asked(asked: Asked): Promise<void> {
    const { request } = asked
    if (past.test(request.method)) return asked.answer(unknownMethod(request))
    let isGivenUp = false
    asked.onGivenUp = () => {
      isGivenUp = true
    }
    const opened = await this.#initialized(request)
    if (isGivenUp) return
    if (!('result' in opened)) return asked.answer({ ...opened, id: request.id })
    const result = opened.result as Json
    if (request.method === 'server/discover') return asked.answer(discovered(request, result))
    const capabilities = isObject(result.capabilities) ? result.capabilities : {}
    if (request.method === 'subscriptions/listen') return await this.#listens.take(asked, capabilities)
    if (request.params?.requestState !== undefined) return this.#resume(asked)
    if (capabilities.logging) await this.#setLevel(request)
    if (!isGivenUp) this.#call(asked)
  }

  /** Initializes the session, once, with what the first request says of the client. */
  #initialized({ params }: JSONRPCRequest): Promise<JSONRPCResponse> {
    const { [metaKeys.clientInfo]: clientInfo, [metaKeys.clientCapabilities]: capabilities } =
      metaOf(params) ?? {}
    this.#opening ??= this.#request('initialize', {
      protocolVersion: sessionRevision,
      clientInfo: clientInfo ?? { name: 'unknown', version: '0' },
      capabilities: isObject(capabilities) ? capabilities : {},
    }).then((answer) => {
      if (!('result' in answer)) this.#opening = undefined
      else {
        this.#serverInfo = answer.result.serverInfo
        this.#session.tell({ jsonrpc: '2.0', method: 'notifications/initialized' })
      }
      return answer
    })
    return this.#opening
  }

  #request(method: string, params: Record<string, unknown>): Promise<JSONRPCResponse> {
    return new Promise((answered) =>
      this.#session.ask({ jsonrpc: '2.0', id: 0, method, params }, { answered }),
    )
  }

  /** The session has one level: that of the call that wants to hear most; to the others it is not passed on. */
  async #setLevel({ params }: JSONRPCRequest): Promise<void> {
    const wanted = metaOf(params)?.[metaKeys.logLevel]
    if (!isLevel(wanted)) return
    const isAlone = this.#calls.size === 0 && this.#starting === 0
    const level = isAlone || this.#level === undefined ? wanted : moreOf(this.#level, wanted)
    if (level === this.#level) return
    this.#level = level
    this.#starting++
    const answer = await this.#request('logging/setLevel', { level })
    this.#starting--
    if (!('result' in answer)) this.#level = undefined // the next one tries it again
  }

  #call(asked: Asked): void {
    const { request } = asked
    const { [metaKeys.clientCapabilities]: capabilities, [metaKeys.logLevel]: level } =
      metaOf(request.params) ?? {}
    const call: Call = {
      request,
      asked,
      capabilities: isObject(capabilities) ? capabilities : {},
      level,
      giveUp: undefined,
      isSent: false,
      questions: new Map(),
    }
    this.#calls.add(call)
    this.#isOf(call, asked)
    for (const question of this.#unclaimed) if (canAnswer(call, question.request)) this.#ask(call, question)
    if (call.questions.size === 0) this.#send(call)
  }

  #send(call: Call): void {
    const { request } = call
    call.isSent = true
    call.giveUp = this.#session.ask(withoutMeta(request), {
      answered: (answer) => {
        const urls = urlsIn(answer).filter((question) => canAnswer(call, question))
        if (urls.length > 0) return this.#askToOpen(call, urls, answer)
        this.#calls.delete(call)
        const whole = completed(request, answer, this.#serverInfo)
        if (call.asked) call.asked.answer(whole)
        else call.answer = whole
      },
      told: (notification) => call.asked?.tell(withTokenOf(call.asked, notification)),
    })
  }

  /** The server wants URLs to be opened, and the call to be made again then: the newer revision has it as questions. */
  #askToOpen(call: Call, urls: readonly JSONRPCRequest[], refusal: JSONRPCResponse): void {
    call.isSent = false
    const answer = (answer: JSONRPCResponse) => {
      if (!('result' in answer) || answer.result.action !== 'accept') call.answer = refusal
    }
    for (const request of urls) this.#ask(call, { request, answer, tell: () => {} })
  }

  /** The call goes on in this exchange. */
  #isOf(call: Call, asked: Asked): void {
    call.asked = asked
    asked.onGivenUp = (reason) => this.#end(call, reason)
  }

  /** Nobody wants its answer any more. */
  #end(call: Call, reason: string | undefined): void {
    this.#calls.delete(call)
    call.asked = undefined
    call.giveUp?.(reason)
    for (const { answer, request } of call.questions.values())
      answer(faultAnswer(request.id, new Fault('the client has given up the call', 'no')))
    call.questions.clear()
  }

  #askedByServer(question: Asked): void {
    const { id, method } = question.request
    if (method === 'ping') return question.answer({ jsonrpc: '2.0', id, result: {} })
    if (questions[method] === undefined)
      return question.answer(
        faultAnswer(id, new Fault(`no client of ${modernRevision} answers ${method}`, 'no')),
      )
    const able = [...this.#calls].filter((call) => canAnswer(call, question.request))
    // One that has asked waits for the answer.
    const likely = able.filter(({ questions }) => questions.size === 0)
    const [call, ...others] = likely.length > 0 ? likely : able
    if (others.length > 0)
      this.#tell({
        event: 'error',
        message: `${method} may belong to one of ${others.length + 1} calls: the client of the oldest is asked`,
      })
    if (call) return this.#ask(call, question)
    const isOfCall = [...this.#calls].some(({ request }) => mayAsk.test(request.method))
    if (isOfCall || this.#unclaimed.size >= openAtMost)
      return question.answer(
        faultAnswer(id, new Fault(`${method} belongs to no call whose client can answer it`, 'no')),
      )
    this.#unclaimed.add(question)
    question.onGivenUp = () => void this.#unclaimed.delete(question)
  }

  #ask(call: Call, question: Asked): void {
    this.#unclaimed.delete(question)
    const key = randomUUID()
    call.questions.set(key, question)
    question.onGivenUp = () => void call.questions.delete(key)
    if (call.questions.size === 1) setImmediate(() => this.#askClient(call)) // with what comes at the same time
  }

  /** Ends the exchange of a call with what the server wants to know. */
  #askClient(call: Call): void {
    const { asked } = call
    if (!asked) return
    // The server has given up what it wanted to know before the call.
    if (call.questions.size === 0) return call.isSent ? undefined : this.#send(call)
    for (const [oldest] of this.#waiting) {
      if (this.#waiting.size < waitingAtMost) break
      this.#expire(oldest)
    }
    const requestState = randomUUID()
    const timer = setTimeout(() => this.#expire(requestState), longestWait).unref()
    this.#waiting.set(requestState, { call, timer })
    call.asked = undefined
    const inputRequests = Object.fromEntries(
      [...call.questions].map(([key, { request }]) => [
        key,
        { method: request.method, ...paramsOf(request) },
      ]),
    )
    asked.answer({
      jsonrpc: '2.0',
      id: asked.request.id,
      result: { resultType: 'input_required', inputRequests, requestState },
    })
  }

  #expire(requestState: string): void {
    const waiting = this.#waiting.get(requestState)
    if (!waiting) return
    this.#waiting.delete(requestState)
    clearTimeout(waiting.timer)
    this.#end(waiting.call, 'the client did not come back')
  }

  /** The client has answered: the call goes on. */
  #resume(asked: Asked): void {
    const { id, params } = asked.request
    const waiting = this.#waiting.get(String(params?.requestState))
    if (!waiting || !isSameCall(asked.request, waiting.call.request))
      return asked.answer(
        invalid(id, 'there is no call with this requestState: it has ended, or was resumed'),
      )
    const { call, timer } = waiting
    this.#waiting.delete(String(params?.requestState))
    clearTimeout(timer)
    const answers = isObject(params?.inputResponses) ? params.inputResponses : {}
    const answered = [...call.questions].filter(([key]) => isObject(answers[key]))
    for (const [key] of answered) {
      const question = call.questions.get(key)
      call.questions.delete(key)
      question?.answer({ jsonrpc: '2.0', id: 0, result: answers[key] as Json })
    }
    if (call.answer) {
      this.#end(call, undefined)
      return asked.answer({ ...call.answer, id })
    }
    this.#isOf(call, asked)
    if (call.questions.size > 0)
      setImmediate(() => this.#askClient(call)) // it has not answered all of them
    else if (!call.isSent) this.#send(call)
  }

  #toldByServer(notification: JSONRPCNotification): void {
    const { method, params } = notification
    if (method === 'notifications/message') {
      // It may be about any of them.
      const call = [...this.#calls].find(
        ({ asked, level }) => asked && isLevel(level) && isAtLeast(params?.level, level),
      )
      return call?.asked?.tell(notification)
    }
    this.#listens.told(notification)
  }
}

/** A client that comes back says again what it has called. */
function isSameCall(one: JSONRPCRequest, other: JSONRPCRequest): boolean {
  return (
    one.method === other.method &&
    one.params?.name === other.params?.name &&
    one.params?.uri === other.params?.uri
  )
}

function canAnswer({ request, capabilities }: Call, { method, params }: JSONRPCRequest): boolean {
  const capability = questions[method]
  const allowed = capability === undefined ? undefined : capabilities[capability]
  if (!isObject(allowed) || !mayAsk.test(request.method)) return false
  if (method !== 'elicitation/create') return true
  // One that names neither has forms.
  return params?.mode === 'url'
    ? allowed.url !== undefined
    : allowed.form !== undefined || allowed.url === undefined
}
