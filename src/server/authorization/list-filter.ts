import type { ListedItem } from '../../auth/policy/policy.js'

type Fields = Readonly<Record<string, unknown>>

/** For each list: where its items stand, and what a rule would call one. */
const lists: Readonly<
  Record<string, readonly [field: string, itemOf: (item: Fields) => ListedItem | undefined]>
> = {
  'tools/list': ['tools', ({ name }) => named('tool', name)],
  'prompts/list': ['prompts', ({ name }) => named('prompt', name)],
  'resources/list': ['resources', ({ uri }) => at('resource', uri)],
  'resources/templates/list': ['resourceTemplates', ({ uriTemplate }) => at('template', uriTemplate)],
}

const everyList = Object.entries(lists)

export function isList(method: string): boolean {
  return Object.hasOwn(lists, method)
}

/**
 * The result with what `mayUse` lets through of its lists, in their order. A page may be left with nothing on it; the cursor to the next
 * stays. Of whatever method: a client that gives an id twice may get a list as the answer to something else.
 */
export function filtered(method: string, result: unknown, mayUse: (item: ListedItem) => boolean): unknown {
  if (!isFields(result)) return isList(method) ? {} : result
  let shown = result
  for (const [of, [field, itemOf]] of everyList) {
    const isAsked = of === method
    const items = result[field]
    if (!isAsked && !Array.isArray(items)) continue
    const isShown = (item: unknown) => {
      const known = isFields(item) ? itemOf(item) : undefined
      return known === undefined ? !isAsked : mayUse(known) // what has no name cannot be used
    }
    shown = { ...shown, [field]: Array.isArray(items) ? items.filter(isShown) : [] }
  }
  return shown
}

/** Caches are told that a result is of its caller alone: without a word they may take it for anybody's (SEP-2549). */
export function privateToCaches(method: string, result: unknown): unknown {
  const isOfCaller = isList(method) || method === 'resources/read'
  return isOfCaller && isFields(result) ? { ...result, cacheScope: 'private' } : result
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function named(kind: 'tool' | 'prompt', name: unknown): ListedItem | undefined {
  return typeof name === 'string' ? { kind, name } : undefined
}

function at(kind: 'resource' | 'template', uri: unknown): ListedItem | undefined {
  return typeof uri === 'string' ? { kind, uri } : undefined
}
