import type { JSONRPCErrorResponse, JSONRPCRequest } from '@modelcontextprotocol/server'
import { metaOf } from '../../relay/end.js'
import { Fault, faultAnswer } from '../../relay/fault.js'
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
  /** One of each page. */
  readonly results: readonly Entry[]
  /** It has more than is taken. */
  readonly isCut: boolean
}

export type NotListed = { readonly part: Part; readonly answer: JSONRPCErrorResponse }

const pagesAtMost = 100
const entriesAtMost = 10_000
/** Milliseconds; the lists of the other servers wait for one that is slower. */
const longestList = 15_000

/** The pages of a server, one after the other, as far as they come in time. */
export async function wholeList(
  part: Part,
  method: ListMethod,
  { params }: Pick<JSONRPCRequest, 'params'>,
  signal?: AbortSignal,
): Promise<WholeList | NotListed> {
  const { progressToken: _none, ...meta } = metaOf(params) ?? {}
  const late = AbortSignal.timeout(longestList)
  const within = signal ? AbortSignal.any([signal, late]) : late
  const entries: Entry[] = []
  const results: Entry[] = []
  let cursor: unknown
  do {
    const page = {
      ...(Object.keys(meta).length > 0 && { _meta: meta }),
      ...(cursor !== undefined && { cursor }),
    }
    const request: JSONRPCRequest = { jsonrpc: '2.0', id: 0, method, params: page }
    const answer = await part.ask(request, { signal: within })
    if (!('result' in answer)) {
      const { aborted } = late
      return { part, answer: aborted ? slow(part) : answer }
    }
    const found = answer.result[listKeys[method]]
    results.push(answer.result)
    if (Array.isArray(found)) entries.push(...found.filter(isObject).slice(0, entriesAtMost - entries.length))
    cursor = answer.result.nextCursor
  } while (typeof cursor === 'string' && results.length < pagesAtMost && entries.length < entriesAtMost)
  return { part, entries, results, isCut: typeof cursor === 'string' }
}

function slow({ name }: Part): JSONRPCErrorResponse {
  const words = `CONNECTION_TIMEOUT: ${name} has not given its list within ${longestList / 1000} s`
  return faultAnswer(0, new Fault(words, 'maybe', 'CONNECTION_TIMEOUT'))
}
