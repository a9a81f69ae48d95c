import type {
  JSONRPCNotification,
  JSONRPCRequest,
  JSONRPCResponse,
  Transport,
} from '@modelcontextprotocol/server'
import { packageVersion } from '../../config/index.js'
import { type Asked, End, onlyRequestOf } from '../../relay/end.js'
import { asFault, Fault, faultAnswer, isFault } from '../../relay/fault.js'
import { isObject } from '../../relay/message.js'
import type { Joined, JoinOptions } from '../bridge.js'
import type { FarServer } from '../far-server.js'
import { firstGood, named, refused, resultOf, shown } from './answers.js'
import { Catalogue } from './catalogue.js'
import { listen } from './listen.js'
import { mergedCaching, mergedCapabilities, mergedInstructions } from './merge.js'
import { Part } from './part.js'

type Answer = JSONRPCResponse

/** JSON-RPC 2.0. */
const methodNotFound = -32_601
const invalidParams = -32_602
const internalError = -32_603
/** Requests without an answer, in each direction. */
const inFlightAtMost = 1000
/** How long an answer that is made of those of all servers waits for each; milliseconds. */
const usualPatience = 15_000

/** What is called by a name, and how it is listed. */
const lists = {
  'tools/call': { what: 'tool', list: 'tools/list' },
  'prompts/get': { what: 'prompt', list: 'prompts/list' },
} as const

/**
 * One client and several servers, which it sees as one. Each of them is behind a bridge of its own: when it is away, what it has is
 * left out, and the others are as they were.
 */
export class Many implements Joined {
  readonly #client: Transport
  readonly #servers: readonly FarServer[]
  readonly #options: JoinOptions
  #parts: readonly Part[] = []
  #near: End | undefined
  #catalogue: Catalogue
  /** Who was asked to watch a resource, whoever has it now. As many as a bridge to one server allows. */
  readonly #watched = new Map<string, Part>()
  /** The level of the log that the client wants, and who does not know it yet. */
  #level: JSONRPCRequest | undefined
  readonly #withoutLevel = new Set<Part>()
  /** Questions to the client without an answer. */
  readonly #questions = new Map<Part, number>()
  /** Its client began with `initialize`: it hears of changes without asking for them. */
  #isSession = false
  #closed: Promise<void> | undefined
  #onClosed: () => void = () => {}
  readonly closed = new Promise<void>((resolve) => {
    this.#onClosed = resolve
  })

  constructor(client: Transport, servers: readonly FarServer[], options: JoinOptions) {
    this.#client = client
    this.#servers = servers
    this.#options = options
    this.#catalogue = this.#newCatalogue()
  }

  async start(): Promise<void> {
    const hears = {
      onRequest: (part: Part, asked: Asked) => this.#askClient(part, asked),
      onNotification: (part: Part, notification: JSONRPCNotification) => this.#heard(part, notification),
      onConnected: (part: Part) => void this.#isThere(part),
    }
    this.#parts = await Promise.all(this.#servers.map((server) => Part.open(server, this.#options, hears)))
    this.#catalogue = this.#newCatalogue()
    this.#near = await End.open(this.#client, {
      name: 'the client',
      maxInFlight: inFlightAtMost,
      onRequest: (asked) => this.#asked(asked),
      onNotification: (notification) => {
        for (const part of this.#parts) part.tell(notification)
      },
      onClose: () => void this.close(),
      onError: ({ message }) => this.#options.tell({ event: 'error', message }),
    })
  }

  close(): Promise<void> {
    this.#closed ??= Promise.all([...this.#parts.map((part) => part.close()), this.#client.close()]).then(
      () => this.#onClosed(),
    )
    return this.#closed
  }

  #newCatalogue(): Catalogue {
    return new Catalogue(this.#parts, { patience: this.#patience, tell: this.#options.tell })
  }

  get #patience(): number {
    return this.#options.patience ?? usualPatience
  }

  #asked(asked: Asked): void {
    const left = new AbortController()
    asked.onGivenUp = (reason) => left.abort(reason)
    this.#answer(asked, left.signal).then(
      (answer) => asked.answer(answer),
      (error) => asked.answer(faultAnswer(asked.request.id, asFault(error, 'maybe'))),
    )
  }

  async #answer(asked: Asked, signal: AbortSignal): Promise<Answer> {
    const { request } = asked
    switch (request.method) {
      case 'initialize':
      case 'server/discover':
        return await this.#introduce(request, signal)
      case 'ping':
        return resultOf(request, {})
      case 'logging/setLevel':
        return await this.#setLevel(request, signal)
      case 'tools/list':
      case 'prompts/list':
      case 'resources/list':
      case 'resources/templates/list':
      case 'tasks/list':
        return await this.#catalogue.list(request.method, request, signal)
      case 'tools/call':
      case 'prompts/get':
        return await this.#askNamed(request.method, asked, signal)
      case 'completion/complete':
        return await this.#complete(asked, signal)
      case 'resources/read':
        return await this.#askOwner(asked, String(request.params?.uri), signal)
      case 'resources/subscribe':
      case 'resources/unsubscribe':
        return await this.#watch(asked, String(request.params?.uri), signal)
      case 'subscriptions/listen':
        return await this.#listen(asked, signal)
      case 'tasks/get':
      case 'tasks/result':
      case 'tasks/update':
      case 'tasks/cancel': {
        const part = this.#catalogue.ownerOfTask(request.params?.taskId)
        return part
          ? await this.#pass(part, asked, request, signal)
          : unknown(request, 'task', request.params?.taskId)
      }
      default:
        return refused(
          request,
          methodNotFound,
          `several servers behind one bridge have no ${shown(request.method)}`,
        )
    }
  }

  /** Of each server in their order. */
  #askAll(request: JSONRPCRequest, signal: AbortSignal, within?: number): Promise<Answer[]> {
    return Promise.all(
      this.#parts.map(async (part) =>
        named(part, await part.ask(request, { signal, ...(within !== undefined && { within }) })),
      ),
    )
  }

  async #pass(
    part: Part,
    asked: Asked,
    request: JSONRPCRequest,
    signal: AbortSignal,
    within?: number,
  ): Promise<Answer> {
    const told = (notification: JSONRPCNotification) => asked.tell(notification)
    const answer = await part.ask(request, { signal, told, ...(within !== undefined && { within }) })
    return named(part, answer)
  }

  /** `initialize`, and what has its place in 2026-07-28: what all of them are, as one. */
  async #introduce(request: JSONRPCRequest, signal: AbortSignal): Promise<Answer> {
    const isSession = request.method === 'initialize'
    // A bridge to one server answers `initialize` soon in any case.
    const answers = isSession
      ? await this.#askAll(request, signal)
      : await this.#askSoon(request, signal, this.#options.early)
    const good = answers.flatMap((answer, at) =>
      answer && 'result' in answer ? [{ name: this.#parts[at]?.name ?? '', result: answer.result }] : [],
    )
    const told = answers.filter((answer) => answer !== undefined)
    this.#tellRefusals(request, answers)
    if (good.length === 0) return firstGood(told)
    const results = good.map(({ result }) => result)
    const isWhole = isSession || good.length === this.#parts.length
    const instructions = mergedInstructions(good.map(({ name, result }) => [name, result.instructions]))
    const common = {
      capabilities: mergedCapabilities(
        results.map(({ capabilities }) => (isObject(capabilities) ? capabilities : {})),
        isWhole,
      ),
      ...(instructions !== undefined && { instructions }),
    }
    const serverInfo = { name: 'mcp-mtls-bridge', version: packageVersion }
    if (isSession) {
      this.#isSession = true
      const [protocolVersion] = results.map((result) => String(result.protocolVersion)).sort()
      return resultOf(request, { protocolVersion, ...common, serverInfo })
    }
    const [first = [], ...others] = results.map(({ supportedVersions: all }) =>
      Array.isArray(all) ? all : [],
    )
    return resultOf(request, {
      supportedVersions: first.filter((version) => others.every((all) => all.includes(version))),
      ...common,
      ...mergedCaching(results, isWhole),
      _meta: { 'io.modelcontextprotocol/serverInfo': serverInfo },
    })
  }

  /** After so long without those that have not answered, if one has; milliseconds. */
  #askSoon(request: JSONRPCRequest, signal: AbortSignal, after: number): Promise<(Answer | undefined)[]> {
    const answers = this.#parts.map((): Answer | undefined => undefined)
    return new Promise((resolve) => {
      let isLate = false
      const look = () => {
        const isEnough = isLate && answers.some((answer) => answer && 'result' in answer)
        if (!isEnough && answers.includes(undefined)) return
        clearTimeout(timer)
        resolve([...answers])
      }
      const timer = setTimeout(() => {
        isLate = true
        look()
      }, after)
      this.#parts.forEach(async (part, at) => {
        answers[at] = named(part, await part.ask(request, { signal }))
        look()
      })
    })
  }

  #tellRefusals({ method }: JSONRPCRequest, answers: readonly (Answer | undefined)[]): void {
    for (const [at, answer] of answers.entries())
      if (answer && 'error' in answer && !isFault(answer)) {
        const message = `${this.#parts[at]?.name} refuses ${method}: ${answer.error.message}`
        this.#options.tell({ event: 'error', message })
      }
  }

  /** One that is away is told when it is there again. */
  async #setLevel(request: JSONRPCRequest, signal: AbortSignal): Promise<Answer> {
    const answers = await this.#askAll(request, signal, this.#patience)
    const answer = firstGood(answers)
    if (!('result' in answer)) return answer
    this.#level = request
    this.#withoutLevel.clear()
    for (const [at, part] of this.#parts.entries())
      if (answers[at] && isFault(answers[at])) this.#withoutLevel.add(part)
    return answer
  }

  /** What was listed without a server is another list now. */
  async #isThere(part: Part): Promise<void> {
    const kinds = this.#catalogue.returned(part)
    if (this.#isSession)
      for (const kind of kinds)
        this.#near?.tell({ jsonrpc: '2.0', method: `notifications/${kind}/list_changed` })
    if (!this.#level || !this.#withoutLevel.delete(part)) return
    const answer = await part.ask(this.#level, { within: this.#patience })
    if (isFault(answer)) this.#withoutLevel.add(part)
  }

  async #askNamed(method: keyof typeof lists, asked: Asked, signal: AbortSignal): Promise<Answer> {
    const { request } = asked
    const { what, list } = lists[method]
    const owned = await this.#catalogue.ownerOfName(list, request.params?.name, request, signal)
    if (!owned) return unknown(request, what, request.params?.name)
    const { server, name } = owned
    const params = { ...request.params, name }
    const answer = await this.#pass(server, asked, { ...request, params }, signal)
    const taskId = 'result' in answer ? taskIn(answer.result) : undefined
    if (taskId === undefined || this.#catalogue.noteTask(taskId, server)) return answer
    return refused(request, internalError, `${server.name} has given the id of another server's task`)
  }

  async #complete(asked: Asked, signal: AbortSignal): Promise<Answer> {
    const { request } = asked
    const ref: unknown = request.params?.ref
    if (!isObject(ref)) return refused(request, invalidParams, 'completion/complete has no ref')
    if (ref.uri !== undefined) return await this.#askOwner(asked, String(ref.uri), signal)
    const owned = await this.#catalogue.ownerOfName('prompts/list', ref.name, request, signal)
    if (!owned) return unknown(request, 'prompt', ref.name)
    const params = { ...request.params, ref: { ...ref, name: owned.name } }
    return await this.#pass(owned.server, asked, { ...request, params }, signal)
  }

  /** What nobody lists is asked of one after the other, until one has it. */
  async #askOwner(
    asked: Asked,
    uri: string,
    signal: AbortSignal,
    onAnswered?: (part: Part) => void,
  ): Promise<Answer> {
    const { request } = asked
    const owner = await this.#catalogue.ownerOf(uri, request, signal)
    const answers: Answer[] = []
    for (const part of owner ? [owner] : this.#parts) {
      const answer = await this.#pass(part, asked, request, signal, owner ? undefined : this.#patience)
      if ('result' in answer) onAnswered?.(part)
      if ('result' in answer || signal.aborted) return answer
      answers.push(answer)
    }
    return firstGood(answers)
  }

  /** Whoever was asked to watch it is asked to leave it. */
  async #watch(asked: Asked, uri: string, signal: AbortSignal): Promise<Answer> {
    const { request } = asked
    const watching = this.#watched.get(uri)
    if (request.method === 'resources/subscribe')
      return watching
        ? await this.#pass(watching, asked, request, signal)
        : await this.#askOwner(asked, uri, signal, (part) => void this.#watched.set(uri, part))
    this.#watched.delete(uri)
    return watching
      ? await this.#pass(watching, asked, request, signal)
      : await this.#askOwner(asked, uri, signal)
  }

  #listen(asked: Asked, signal: AbortSignal): Promise<Answer> {
    const ownerOf = (uri: string) => this.#catalogue.ownerOf(uri, asked.request, signal)
    return listen(this.#parts, asked, ownerOf, signal)
  }

  /** Each server has its share of what the client is asked at once. */
  #askClient(part: Part, asked: Asked): void {
    const near = this.#near
    const refuse = (fault: Fault) => asked.answer(faultAnswer(asked.request.id, fault))
    if (!near) return refuse(new Fault('the client is not there yet', 'no'))
    const open = this.#questions.get(part) ?? 0
    const share = Math.floor(inFlightAtMost / this.#parts.length)
    if (open >= share)
      return refuse(
        new Fault(
          `${share} requests to the client have no answer yet: no more at once`,
          'no',
          'RATE_LIMITED',
        ),
      )
    this.#questions.set(part, open + 1)
    const done = () => this.#questions.set(part, (this.#questions.get(part) ?? 1) - 1)
    const asker = {
      answered: (answer: JSONRPCResponse) => {
        done()
        asked.answer(answer)
      },
      told: (notification: JSONRPCNotification) => asked.tell(notification),
    }
    const giveUp = near.ask(asked.request, asker, onlyRequestOf(near))
    asked.onGivenUp = (reason) => {
      done()
      giveUp(reason)
    }
  }

  #heard(part: Part, notification: JSONRPCNotification): void {
    const { method, params } = notification
    const near = this.#near
    if (!near) return
    if (method === 'notifications/message') {
      const logger = typeof params?.logger === 'string' ? `${part.name}/${params.logger}` : part.name
      return near.tell({ ...notification, params: { ...params, logger } }, onlyRequestOf(near))
    }
    if ((this.#ownerOfNews(notification) ?? part) === part) near.tell(notification)
  }

  /** Who alone may say so, where it is known. */
  #ownerOfNews({ method, params }: JSONRPCNotification): Part | undefined {
    if (method === 'notifications/tasks/status') return this.#catalogue.ownerOfTask(params?.taskId)
    if (method !== 'notifications/resources/updated') return undefined
    const uri = String(params?.uri)
    return this.#watched.get(uri) ?? this.#catalogue.knownOwnerOf(uri)
  }
}

/** The task that a result stands for: of 2025-11-25, or of the extension of 2026-07-28. */
function taskIn({ task, resultType, taskId }: Readonly<Record<string, unknown>>): string | undefined {
  const id = isObject(task) ? task.taskId : resultType === 'task' ? taskId : undefined
  return typeof id === 'string' ? id : undefined
}

function unknown(request: JSONRPCRequest, what: string, name: unknown): Answer {
  return refused(request, invalidParams, `no server behind this bridge has the ${what} ${shown(name)}`)
}
