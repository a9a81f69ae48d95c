import { MtlsError } from '../../errors.js'
import { ofPeer } from '../../text/of-peer.js'
import { suggestion } from './near.js'
import { fieldsOf, isSchema, kindsOf, kindText, schemaOfOther, usageText } from './schema.js'
import { shown, typedValue, whereIn } from './typed-value.js'

/** What is behind `-` and `@FILE`. */
export type ReadText = (source: { readonly stdin: true } | { readonly path: string }) => Promise<string>

type Values = Record<string, unknown>

/**
 * The arguments in words of a command line: `key=value` typed by the schema, `key:=JSON`, an object as JSON, `-` and `@FILE`. A key
 * again is one more item of a list; `a.b=` goes into an object. Throws `CONFIG_INVALID` with a hint that shows what is wanted.
 */
export async function toolArguments(
  words: readonly string[],
  schema: unknown,
  read: ReadText,
): Promise<Values> {
  const values: Values = Object.create(null)
  let hasObject = false
  for (const word of words) {
    const source = sourceOf(word)
    if (source !== undefined) {
      if (hasObject) throw wrong('the arguments are given as JSON twice', schema)
      hasObject = true
      Object.assign(values, objectIn(source === 'word' ? word : await read(source), schema))
      continue
    }
    const [, key = '', exactly, text = ''] = /^([^=]*?)(:)?=([\s\S]*)$/.exec(word) ?? []
    if (key === '') throw wrong(`${shown(word)} is no argument: expected key=value, or JSON`, schema)
    const place = placeOf(key, schema, schema)
    if (!place) {
      const names = fieldsOf(schema).map(({ name }) => name)
      throw wrong(`unknown argument ${shown(key)}`, schema, suggestion(key, names))
    }
    if (exactly) put(values, place.path, jsonIn(text, key, schema))
    else add(values, key, text, place, schema)
  }
  const missing = fieldsOf(schema).filter(({ name, isRequired }) => isRequired && !(name in values))
  if (missing.length > 0) {
    const named = missing.map(({ name, schema: own }) => `${ofPeer(name, 60)} (${kindText(own, schema)})`)
    throw wrong(`missing: ${named.join(', ')}`, schema)
  }
  return values
}

/** An error of usage, whose hint shows what may be typed. */
export function wrong(message: string, schema: unknown, first = ''): MtlsError {
  const usage = usageText(schema)
  const wanted = usage === '' ? 'It takes no arguments.' : `Arguments: ${usage}`
  return new MtlsError('CONFIG_INVALID', message, { hint: [first, wanted].filter(Boolean).join(' ') })
}

function sourceOf(word: string): 'word' | Parameters<ReadText>[0] | undefined {
  if (word === '-') return { stdin: true }
  if (word.startsWith('@')) return { path: word.slice(1) }
  return /^\s*[{[]/.test(word) ? 'word' : undefined
}

function objectIn(text: string, schema: unknown): Values {
  const value = parsed(text.replace(/^\uFEFF/, ''), 'the arguments', schema)
  if (!isSchema(value)) throw wrong('the arguments must be a JSON object', schema)
  return value
}

function jsonIn(text: string, key: string, schema: unknown): unknown {
  return parsed(text, ofPeer(key, 60), schema)
}

function parsed(text: string, what: string, schema: unknown): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw wrong(`${what}: ${text.trim() === '' ? 'empty' : 'not valid JSON'}${whereIn(error)}`, schema)
  }
}

interface Place {
  readonly path: readonly string[]
  readonly schema: unknown
}

/** Where a key goes: a property of that name, or one inside another. */
function placeOf(key: string, schema: unknown, root: unknown, depth = 0): Place | undefined {
  const fields = fieldsOf(schema, root)
  const own = fields.find(({ name }) => name === key)
  if (own) return { path: [key], schema: own.schema }
  for (const { name, schema: inner } of fields) {
    if (!key.startsWith(`${name}.`) || depth > 8) continue
    const { object } = kindsOf(inner, root)
    const place = object && placeOf(key.slice(name.length + 1), object, root, depth + 1)
    if (place) return { path: [name, ...place.path], schema: place.schema }
  }
  const other = schemaOfOther(key, schema, root)
  return other === undefined ? undefined : { path: [key], schema: other }
}

/** Throws where the text does not fit the schema, or the key stands twice and is no list. */
function add(values: Values, key: string, text: string, { path, schema: own }: Place, schema: unknown): void {
  const found = typedValue(text, own, schema)
  if ('problem' in found) throw wrong(`${ofPeer(key, 60)}: ${found.problem}`, schema)
  const before = at(values, path)
  if (before === undefined) return put(values, path, found.value)
  if (!Array.isArray(before) || !Array.isArray(found.value))
    throw wrong(`${ofPeer(key, 60)} is given twice`, schema)
  put(values, path, [...before, ...found.value])
}

function at(values: Values, path: readonly string[]): unknown {
  return path.reduce<unknown>((inside, name) => (isSchema(inside) ? inside[name] : undefined), values)
}

function put(values: Values, path: readonly string[], value: unknown): void {
  const [name = '', ...rest] = path
  if (rest.length === 0) {
    values[name] = value
    return
  }
  const inner: Values = Object.assign(Object.create(null), isSchema(values[name]) ? values[name] : {})
  put(inner, rest, value)
  values[name] = inner
}
