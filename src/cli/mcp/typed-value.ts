import { ofPeer } from '../../text/of-peer.js'
import { isSchema, type JsonType, kindsOf, kindText } from './schema.js'

/** What a typed text means to a schema, or why it means nothing. */
export type Typed = { readonly value: unknown } | { readonly problem: string }

/** Text is text only where nothing narrower fits: `5` is a number wherever a number may stand. */
const order: readonly JsonType[] = ['null', 'boolean', 'integer', 'number', 'array', 'object', 'string']

/** A text as a value that the schema takes. A list is given as JSON, or as one of its items. */
export function typedValue(text: string, schema: unknown, root: unknown): Typed {
  const { types, values, items } = kindsOf(schema, root)
  const named = values.find((value) => (typeof value === 'string' ? value : JSON.stringify(value)) === text)
  if (named !== undefined) return { value: named }
  const isAnything = types.size === 0 && values.length === 0
  let problem: string | undefined
  for (const type of order) {
    if (!isAnything && !types.has(type)) continue
    const found = readers[type](text)
    if (found && 'value' in found) return found
    problem ??= found?.problem
  }
  // One item of a list.
  if (types.has('array') && items !== undefined) {
    const item = typedValue(text, items, root)
    return 'value' in item ? { value: [item.value] } : item
  }
  return { problem: problem ?? `${shown(text)} is not ${wanted(schema, root)}` }
}

function wanted(schema: unknown, root: unknown): string {
  const kind = kindText(schema, root)
  return /[|]/.test(kind) ? `one of ${kind}` : /^[aeio]/.test(kind) ? `an ${kind}` : `a ${kind}`
}

export function shown(text: string): string {
  return JSON.stringify(ofPeer(text, 60))
}

type Read = (text: string) => Typed | undefined

const number = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/

const readers: Readonly<Record<JsonType, Read>> = {
  null: (text) => (text === 'null' ? { value: null } : undefined),
  boolean: (text) => (text === 'true' || text === 'false' ? { value: text === 'true' } : undefined),
  integer: (text) => {
    const value = number.test(text) ? Number(text) : Number.NaN
    if (!Number.isInteger(value)) return undefined
    return Number.isSafeInteger(value)
      ? { value }
      : { problem: `${shown(text)} is larger than JSON carries exactly` }
  },
  number: (text) =>
    number.test(text) && Number.isFinite(Number(text)) ? { value: Number(text) } : undefined,
  array: (text) => json(text, '[', Array.isArray),
  object: (text) => json(text, '{', isSchema),
  string: (text) => ({ value: text }),
}

function json(text: string, begin: string, fits: (value: unknown) => boolean): Typed | undefined {
  if (!text.trimStart().startsWith(begin)) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return fits(value) ? { value } : undefined
  } catch (error) {
    return { problem: `${shown(text)} is not valid JSON${whereIn(error)}` }
  }
}

/** ` at position 12`, where the parser says so; its message quotes the text, which may hold a secret. */
export function whereIn(error: unknown): string {
  const [found] = /at position \d+/.exec(String(error)) ?? []
  return found === undefined ? '' : ` ${found}`
}
