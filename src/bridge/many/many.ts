import type {
  JSONRPCErrorResponse,
  JSONRPCNotification,
  JSONRPCRequest,
  JSONRPCResponse,
  Transport,
} from '@modelcontextprotocol/server'
import { packageVersion } from '../../config/index.js'
import { type Asked, End, onlyRequestOf } from '../../relay/end.js'
import { asFault, Fault, faultAnswer, isFault } from '../../relay/fault.js'
import { isObject } from '../../relay/message.js'
import { printable } from '../../text/printable.js'
import type { Joined, JoinOptions } from '../bridge.js'
import type { FarServer } from '../far-server.js'
import { listen } from './listen.js'
import { type Entry, type ListMethod, listKeys, type NotListed, type WholeList, wholeList } from './lists.js'
import { mergedCaching, mergedCapabilities, mergedInstructions } from './merge.js'
import { Names } from './names.js'
import { Part } from './part.js'
import { Resources } from './resources.js'

type Answer = JSONRPCResponse

/** JSON-RPC 2.0. */
const methodNotFound = -32_601
const invalidParams = -32_602
/** Requests without an answer, in each direction. */
const inFlightAtMost = 1000
/** Tasks whose server is remembered. */
const tasksAtMost = 10_000

/** What is called by a name, and how it is listed. */
const named = {
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
  readonly #names = { 'tools/list': new Names<Part>(), 'prompts/list': new Names<Part>() }
  #resources = new Resources<Part>([])
  readonly #tasks = new Map<string, Part>()
  /** What was listed without it. */
  readonly #leftOut = new Map<Part, Set<ListMethod>>()
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
  }

  async start(): Promise<void> {
    const hears = {
      onRequest: (_part: Part, asked: Asked) => this.#askClient(asked),
      onNotification: (part: Part, notification: JSONRPCNotification) => this.#heard(part, notification),
      onConnected: (part: Part) => this.#isThere(part),
    }
    this.#parts = await Promise.all(this.#servers.map((server) => Part.open(server, this.#options, hears)))
    this.#resources = new Resources(this.#parts)
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
        return firstGood(await this.#askAll(request, signal))
      case 'tools/list':
      case 'prompts/list':
      case 'resources/list':
      case 'resources/templates/list':
      case 'tasks/list':
        return await this.#list(request.method, request, signal)
      case 'tools/call':
      case 'prompts/get':
        return await this.#askNamed(request.method, asked, signal)
      case 'completion/complete':
        return await this.#complete(asked, signal)
      case 'resources/read':
      case 'resources/subscribe':
      case 'resources/unsubscribe':
        return await this.#askOwner(asked, String(request.params?.uri), signal)
      case 'subscriptions/listen':
        return await this.#listen(asked, signal)
      case 'tasks/get':
      case 'tasks/result':
      case 'tasks/cancel': {
        const part = this.#tasks.get(String(request.params?.taskId))
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

  #askAll(request: JSONRPCRequest, signal: AbortSignal): Promise<Answer[]> {
    return Promise.all(this.#parts.map((part) => part.ask(request, { signal })))
  }

  #pass(part: Part, asked: Asked, request: JSONRPCRequest, signal: AbortSignal): Promise<Answer> {
    return part.ask(request, { signal, told: (notification) => asked.tell(notification) })
  }

  /** `initialize`, and what has its place in 2026-07-28: what all of them are, as one. */
  async #introduce(request: JSONRPCRequest, signal: AbortSignal): Promise<Answer> {
    const answers = await this.#askAll(request, signal)
    const good = answers.flatMap((answer, at) =>
      'result' in answer ? [{ name: this.#parts[at]?.name ?? '', result: answer.result as Entry }] : [],
    )
    if (good.length === 0) return firstGood(answers)
    const results = good.map(({ result }) => result)
    const instructions = mergedInstructions(good.map(({ name, result }) => [name, result.instructions]))
    const common = {
      capabilities: mergedCapabilities(
        results.map(({ capabilities }) => (isObject(capabilities) ? capabilities : {})),
      ),
      ...(instructions !== undefined && { instructions }),
    }
    const serverInfo = { name: 'mcp-mtls-bridge', version: packageVersion }
    if (request.method === 'initialize') {
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
      ...mergedCaching(results),
      _meta: { 'io.modelcontextprotocol/serverInfo': serverInfo },
    })
  }

  async #list(
    method: ListMethod,
    request: Pick<JSONRPCRequest, 'id' | 'params'>,
    signal?: AbortSignal,
  ): Promise<Answer> {
    const lists = await Promise.all(this.#parts.map((part) => wholeList(part, method, request, signal)))
    const good = lists.filter((list) => 'entries' in list)
    const bad = lists.filter((list) => 'answer' in list)
    if (signal?.aborted !== true) this.#tellLeftOut(method, good, bad)
    if (good.length === 0) return { ...firstGood(bad.map(({ answer }) => answer)), id: request.id }
    const entries = this.#known(method, good)
    return resultOf(request, {
      [listKeys[method]]: entries,
      ...mergedCaching(good.flatMap(({ results }) => results)),
    })
  }

  /** Remembers whose everything is; gives what the client sees of it. */
  #known(method: ListMethod, lists: readonly WholeList[]): Entry[] {
    const texts = (entries: readonly Entry[], key: string) =>
      entries.flatMap(({ [key]: value }) => (typeof value === 'string' ? [value] : []))
    if (method === 'tools/list' || method === 'prompts/list') {
      const names = this.#names[method]
      for (const { part, entries } of lists) for (const name of texts(entries, 'name')) names.note(part, name)
      return lists.flatMap(({ part, entries }) => {
        const seen = new Set<string>()
        return entries.flatMap((entry) => {
          const name = typeof entry.name === 'string' ? names.shown(part, entry.name) : undefined
          if (name === undefined || seen.has(name)) return []
          seen.add(name)
          return [{ ...entry, name }]
        })
      })
    }
    for (const { part, entries } of lists) {
      if (method === 'resources/list') this.#resources.noteUris(part, texts(entries, 'uri'))
      if (method === 'resources/templates/list')
        this.#resources.noteTemplates(part, texts(entries, 'uriTemplate'))
      if (method === 'tasks/list') for (const id of texts(entries, 'taskId')) this.#noteTask(id, part)
    }
    const all = lists.flatMap(({ part, entries }) => entries.map((entry) => ({ part, entry })))
    // Of several that list one resource the first has it.
    return all.flatMap(({ part, entry }) =>
      method !== 'resources/list' || this.#resources.owner(String(entry.uri)) === part ? [entry] : [],
    )
  }

  /** Once for each time that a server is left out. */
  #tellLeftOut(method: ListMethod, good: readonly WholeList[], bad: readonly NotListed[]): void {
    const { tell } = this.#options
    for (const { part, isCut } of good) {
      this.#leftOut.get(part)?.delete(method)
      if (isCut)
        tell({
          event: 'error',
          message: `${part.name}: ${method} has more than is taken; the rest is left out`,
        })
    }
    for (const { part, answer } of bad) {
      const methods = this.#leftOut.get(part) ?? new Set()
      if (!isFault(answer) || methods.has(method)) continue
      this.#leftOut.set(part, methods.add(method))
      tell({ event: 'error', message: `${part.name} is left out of ${method}: ${answer.error.message}` })
    }
  }

  /** What was listed without a server is another list now. */
  #isThere(part: Part): void {
    const kinds = [...(this.#leftOut.get(part) ?? [])].map((method) => method.split('/')[0])
    this.#leftOut.delete(part)
    if (!this.#isSession) return
    for (const kind of new Set(kinds))
      if (kind !== 'tasks') this.#near?.tell({ jsonrpc: '2.0', method: `notifications/${kind}/list_changed` })
  }

  async #askNamed(method: keyof typeof named, asked: Asked, signal: AbortSignal): Promise<Answer> {
    const { request } = asked
    const { what, list } = named[method]
    const owned = await this.#ownerOfName(list, request.params?.name, asked, signal)
    if (!owned) return unknown(request, what, request.params?.name)
    const answer = await this.#pass(
      owned.server,
      asked,
      { ...request, params: { ...request.params, name: owned.name } },
      signal,
    )
    const { task } = ('result' in answer ? answer.result : {}) as { task?: unknown }
    if (isObject(task) && typeof task.taskId === 'string') this.#noteTask(task.taskId, owned.server)
    return answer
  }

  /** A client may know a name without having asked for the list. */
  async #ownerOfName(
    list: 'tools/list' | 'prompts/list',
    name: unknown,
    { request }: Asked,
    signal: AbortSignal,
  ) {
    const names = this.#names[list]
    const owner = names.owner(String(name))
    if (owner) return owner
    await this.#list(list, request, signal)
    return names.owner(String(name))
  }

  #noteTask(id: string, part: Part): void {
    if (this.#tasks.has(id)) return
    this.#tasks.set(id, part)
    for (const [oldest] of this.#tasks) {
      if (this.#tasks.size <= tasksAtMost) break
      this.#tasks.delete(oldest)
    }
  }

  async #complete(asked: Asked, signal: AbortSignal): Promise<Answer> {
    const { request } = asked
    const ref: unknown = request.params?.ref
    if (!isObject(ref)) return refused(request, invalidParams, 'completion/complete has no ref')
    if (ref.uri !== undefined) return await this.#askOwner(asked, String(ref.uri), signal)
    const owned = await this.#ownerOfName('prompts/list', ref.name, asked, signal)
    if (!owned) return unknown(request, 'prompt', ref.name)
    const params = { ...request.params, ref: { ...ref, name: owned.name } }
    return await this.#pass(owned.server, asked, { ...request, params }, signal)
  }

  async #ownerOf(uri: string, { request }: Asked, signal: AbortSignal): Promise<Part | undefined> {
    const owner = this.#resources.owner(uri)
    if (owner) return owner
    await Promise.all([
      this.#list('resources/list', request, signal),
      this.#list('resources/templates/list', request, signal),
    ])
    return this.#resources.owner(uri)
  }

  /** What nobody lists is asked of one after the other, until one has it. */
  async #askOwner(asked: Asked, uri: string, signal: AbortSignal): Promise<Answer> {
    const { request } = asked
    const owner = await this.#ownerOf(uri, asked, signal)
    if (owner) return await this.#pass(owner, asked, request, signal)
    const answers: Answer[] = []
    for (const part of this.#parts) {
      const answer = await this.#pass(part, asked, request, signal)
      if ('result' in answer || signal.aborted) return answer
      answers.push(answer)
    }
    return firstGood(answers)
  }

  #listen(asked: Asked, signal: AbortSignal): Promise<Answer> {
    const ownerOf = (uri: string) => this.#ownerOf(uri, asked, signal)
    return listen(this.#parts, asked, ownerOf, signal)
  }

  #askClient(asked: Asked): void {
    const near = this.#near
    if (!near)
      return asked.answer(faultAnswer(asked.request.id, new Fault('the client is not there yet', 'no')))
    const asker = {
      answered: (answer: JSONRPCResponse) => asked.answer(answer),
      told: (notification: JSONRPCNotification) => asked.tell(notification),
    }
    asked.onGivenUp = near.ask(asked.request, asker, onlyRequestOf(near))
  }

  #heard(part: Part, notification: JSONRPCNotification): void {
    const { method, params } = notification
    const near = this.#near
    if (!near) return
    if (method === 'notifications/message') {
      const logger = typeof params?.logger === 'string' ? `${part.name}/${params.logger}` : part.name
      return near.tell({ ...notification, params: { ...params, logger } }, onlyRequestOf(near))
    }
    if (method === 'notifications/resources/updated') {
      const owner = this.#resources.owner(String(params?.uri))
      if (owner && owner !== part) return
    }
    near.tell(notification)
  }
}

function resultOf({ id }: Pick<JSONRPCRequest, 'id'>, result: Entry): Answer {
  return { jsonrpc: '2.0', id, result }
}

function refused({ id }: JSONRPCRequest, code: number, message: string): JSONRPCErrorResponse {
  return { jsonrpc: '2.0', id, error: { code, message } }
}

function unknown(request: JSONRPCRequest, what: string, name: unknown): JSONRPCErrorResponse {
  return refused(request, invalidParams, `no server behind this bridge has the ${what} ${shown(name)}`)
}

function shown(name: unknown): string {
  return printable(String(name).slice(0, 100))
}

/** The first result, else an error that a server has given, else the reasons why none is there. */
function firstGood(answers: readonly Answer[]): Answer {
  const faults = answers.filter(isFault) as JSONRPCErrorResponse[]
  const told = answers.find((answer) => 'result' in answer) ?? answers.find((answer) => !isFault(answer))
  const [first] = faults
  if (told || !first) return told ?? faultAnswer(0, new Fault('there is no server', 'no'))
  const reasons = new Set(faults.map(({ error }) => error.message))
  return { ...first, error: { ...first.error, message: [...reasons].join('; ') } }
}
