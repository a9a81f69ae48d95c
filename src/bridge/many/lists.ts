import type { JSONRPCErrorResponse, JSONRPCRequest } from '@modelcontextprotocol/server'
import { metaOf } from '../../relay/end.js'
import { isObject } from '../../relay/message.js'
import type { Part } from './part.js'

/** What is listed page by page, and the key of the results that holds it. */
export const listKeys = {
  'tools/list': 'tools',
  'prompts/list': 'prompts',
  'resources/list': 'resources',
  'resources/templates/list': 'resourceTemplates',
  'tasks/list': 'tasks',
} as const
export type ListMethod = keyof typeof listKeys

export type Entry = Readonly<Record<string, unknown>>

/** All that one server lists. */
export interface WholeList {
  readonly part: Part
  readonly entries: readonly Entry[]
  /** Of each entry. */
  readonly bytes: readonly number[]
  /** One of each page. */
  readonly results: readonly Entry[]
  /** It has more than is taken. */
  readonly isCut: boolean
}

export type NotListed = { readonly part: Part; readonly answer: JSONRPCErrorResponse }

const pagesAtMost = 100
const entriesAtMost = 10_000
/** Of all entries in one answer: clients of the SDK end when a message has more than 10 MiB. */
const room = 8 * 1024 * 1024
/** What a longer name may add to an entry. */
const longerName = 64

/** The pages of a server, one after the other: those that come in time (milliseconds). */
export async function wholeList(
  part: Part,
  { method, params }: Pick<JSONRPCRequest, 'params'> & { readonly method: ListMethod },
  { signal, within }: { readonly signal: AbortSignal; readonly within: number },
): Promise<WholeList | NotListed> {
  const { progressToken: _none, ...meta } = metaOf(params) ?? {}
  const until = performance.now() + within
  const entries: Entry[] = []
  const bytes: number[] = []
  const results: Entry[] = []
  let cursor: unknown
  let left = room
  do {
    const page = {
      ...(Object.keys(meta).length > 0 && { _meta: meta }),
      ...(cursor !== undefined && { cursor }),
    }
    const request: JSONRPCRequest = { jsonrpc: '2.0', id: 0, method, params: page }
    const answer = await part.ask(request, { signal, within: until - performance.now() })
    if (!('result' in answer)) {
      if (results.length === 0 || !isLate(answer)) return { part, answer }
      break // what came in time
    }
    const { [listKeys[method]]: found, ...rest } = answer.result
    results.push(rest)
    for (const entry of Array.isArray(found) ? found.filter(isObject) : []) {
      const size = Buffer.byteLength(JSON.stringify(entry)) + longerName
      left -= size
      entries.push(entry)
      bytes.push(size)
    }
    cursor = rest.nextCursor
  } while (
    typeof cursor === 'string' &&
    results.length < pagesAtMost &&
    entries.length < entriesAtMost &&
    left > 0
  )
  const isCut = typeof cursor === 'string' || entries.length > entriesAtMost
  return { part, entries: entries.slice(0, entriesAtMost), bytes, results, isCut }
}

function isLate({ error }: JSONRPCErrorResponse): boolean {
  return isObject(error.data) && error.data.code === 'CONNECTION_TIMEOUT'
}

/** As much of each list as one answer has room for. Who needs less than an equal share leaves the rest of it to the others. */
export function fitted(lists: readonly WholeList[]): WholeList[] {
  const needs = lists.map((list) => ({ list, need: list.bytes.reduce((sum, one) => sum + one, 0) }))
  let left = room
  const shares = new Map<WholeList, number>()
  for (const [at, { list, need }] of needs.sort((one, other) => one.need - other.need).entries()) {
    const share = Math.min(need, left / (lists.length - at))
    shares.set(list, share)
    left -= share
  }
  return lists.map((list) => cutTo(shares.get(list) ?? 0, list))
}

function cutTo(share: number, list: WholeList): WholeList {
  let left = share
  const end = list.bytes.findIndex((size) => {
    left -= size
    return left < 0
  })
  return end < 0 ? list : { ...list, entries: list.entries.slice(0, end), isCut: true }
}
