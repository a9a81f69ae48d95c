import type { JSONRPCRequest, JSONRPCResponse } from '@modelcontextprotocol/server'
import { isFault } from '../../relay/fault.js'
import type { Tell } from '../event.js'
import { firstGood, named, resultOf } from './answers.js'
import {
  type Entry,
  fitted,
  type ListMethod,
  listKeys,
  type NotListed,
  type WholeList,
  wholeList,
} from './lists.js'
import { mergedCaching } from './merge.js'
import { Names } from './names.js'
import type { Part } from './part.js'
import { Resources } from './resources.js'

/** Tasks whose server is remembered. */
const tasksAtMost = 10_000

type Request = Pick<JSONRPCRequest, 'id' | 'params'>

/** What the servers have, as one list of each kind, and whose everything is that was listed once. */
export class Catalogue {
  readonly #parts: readonly Part[]
  readonly #patience: number
  readonly #tell: Tell
  readonly #names = { 'tools/list': new Names<Part>(), 'prompts/list': new Names<Part>() }
  readonly #resources: Resources<Part>
  readonly #tasks = new Map<string, Part>()
  /** What was listed without it. */
  readonly #leftOut = new Map<Part, Set<ListMethod>>()

  constructor(parts: readonly Part[], { patience, tell }: { patience: number; tell: Tell }) {
    this.#parts = parts
    this.#patience = patience
    this.#tell = tell
    this.#resources = new Resources(parts)
  }

  /** The lists of all servers that give theirs in time; the reasons when none does. */
  async list(method: ListMethod, request: Request, signal: AbortSignal): Promise<JSONRPCResponse> {
    const all = { ...request, method }
    const lists = await Promise.all(
      this.#parts.map((part) => wholeList(part, all, { signal, within: this.#patience })),
    )
    const good = fitted(lists.filter((list) => 'entries' in list))
    const bad = lists.filter((list) => 'answer' in list)
    if (!signal.aborted) this.#tellLeftOut(method, good, bad)
    if (good.length === 0)
      return { ...firstGood(bad.map(({ part, answer }) => named(part, answer))), id: request.id }
    const caching = mergedCaching(
      good.flatMap(({ results }) => results),
      !bad.some(({ answer }) => isFault(answer)),
    )
    return resultOf(request, { [listKeys[method]]: this.#known(method, good), ...caching })
  }

  /** Whose tool or prompt that is. A client may know a name without having asked for the list. */
  async ownerOfName(
    list: 'tools/list' | 'prompts/list',
    name: unknown,
    request: Request,
    signal: AbortSignal,
  ) {
    const names = this.#names[list]
    const owner = names.owner(String(name))
    if (owner) return owner
    await this.list(list, withoutParams(request), signal)
    return names.owner(String(name))
  }

  /** Whose resource that is, as far as it is listed, by itself or by a template. */
  async ownerOf(uri: string, request: Request, signal: AbortSignal): Promise<Part | undefined> {
    const owner = this.#resources.owner(uri)
    if (owner) return owner
    await Promise.all([
      this.list('resources/list', withoutParams(request), signal),
      this.list('resources/templates/list', withoutParams(request), signal),
    ])
    return this.#resources.owner(uri)
  }

  /** As far as it is known. */
  knownOwnerOf(uri: string): Part | undefined {
    return this.#resources.owner(uri)
  }

  ownerOfTask(id: unknown): Part | undefined {
    return this.#tasks.get(String(id))
  }

  /** Returns false when it is the task of another server. */
  noteTask(id: string, part: Part): boolean {
    const owner = this.#tasks.get(id)
    if (owner) return owner === part
    this.#tasks.set(id, part)
    for (const [oldest] of this.#tasks) {
      if (this.#tasks.size <= tasksAtMost) break
      this.#tasks.delete(oldest)
    }
    return true
  }

  /** A server is there, again perhaps: gives the kinds of what was listed without it, whose lists are others now. */
  returned(part: Part): Set<string> {
    const kinds = [...(this.#leftOut.get(part) ?? [])].map((method) => method.split('/')[0] ?? '')
    this.#leftOut.delete(part)
    return new Set(kinds.filter((kind) => kind !== 'tasks'))
  }

  /** Remembers whose everything is; gives what the client sees of it. */
  #known(method: ListMethod, lists: readonly WholeList[]): Entry[] {
    if (method === 'tools/list' || method === 'prompts/list') return this.#renamed(method, lists)
    for (const { part, entries } of lists) {
      if (method === 'resources/list') this.#resources.noteUris(part, texts(entries, 'uri'))
      if (method === 'resources/templates/list')
        this.#resources.noteTemplates(part, texts(entries, 'uriTemplate'))
    }
    const templates = new Set<unknown>()
    // Of several that list one resource the first has it.
    const isShown = (part: Part, { uri, uriTemplate, taskId }: Entry): boolean => {
      if (method === 'resources/list') return this.#resources.owner(String(uri)) === part
      if (method === 'tasks/list') return typeof taskId === 'string' && this.noteTask(taskId, part)
      return templates.size < templates.add(uriTemplate).size
    }
    return lists.flatMap(({ part, entries }) => entries.filter((entry) => isShown(part, entry)))
  }

  #renamed(method: 'tools/list' | 'prompts/list', lists: readonly WholeList[]): Entry[] {
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

  /** Once for each time that a server is left out. */
  #tellLeftOut(method: ListMethod, good: readonly WholeList[], bad: readonly NotListed[]): void {
    for (const { part, isCut } of good) {
      this.#leftOut.get(part)?.delete(method)
      if (isCut)
        this.#tell({
          event: 'error',
          message: `${part.name}: ${method} has more than is taken; the rest is left out`,
        })
    }
    for (const { part, answer } of bad) {
      const methods = this.#leftOut.get(part) ?? new Set()
      if (!isFault(answer) || methods.has(method)) continue
      this.#leftOut.set(part, methods.add(method))
      this.#tell({
        event: 'error',
        message: `${part.name} is left out of ${method}: ${answer.error.message}`,
      })
    }
  }
}

/** Only what each request of the revision has: what else there is belongs to another method. */
function withoutParams({ id, params }: Request): Request {
  return { id, ...(params?._meta && { params: { _meta: params._meta } }) }
}

function texts(entries: readonly Entry[], key: string): string[] {
  return entries.flatMap(({ [key]: value }) => (typeof value === 'string' ? [value] : []))
}
