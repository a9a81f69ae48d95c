import { ofPeer } from '../../text/of-peer.js'

// What a JSON schema of a server says, as far as typing on a command line needs it. A schema is foreign: nothing in it runs here, and
// what refers to itself ends.

export type Schema = Readonly<Record<string, unknown>>
export type JsonType = 'null' | 'boolean' | 'integer' | 'number' | 'array' | 'object' | 'string'

export interface Field {
  readonly name: string
  readonly schema: unknown
  readonly isRequired: boolean
}

/** The values that a schema takes, as far as they can be told from a text. */
export interface Kinds {
  /** Empty, and no `values`: anything. */
  readonly types: ReadonlySet<JsonType>
  /** Values that are named one by one. */
  readonly values: readonly unknown[]
  /** Of an array. */
  readonly items: unknown
  /** The part that says what an object has. */
  readonly object: Schema | undefined
}

const deepest = 8

export function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The schema that is meant, after its references to parts of the whole. */
export function resolved(schema: unknown, root: unknown): Schema {
  let found: unknown = schema
  for (let links = 0; links < deepest; links++) {
    if (!isSchema(found)) return {}
    const { $ref } = found
    if (typeof $ref !== 'string' || !$ref.startsWith('#')) return found
    found = $ref
      .slice(1)
      .split('/')
      .slice(1)
      .map((part) => decoded(part).replaceAll('~1', '/').replaceAll('~0', '~'))
      .reduce<unknown>((at, part) => (isSchema(at) && Object.hasOwn(at, part) ? at[part] : undefined), root)
  }
  return {}
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** The properties that are declared, those that are required first. */
export function fieldsOf(schema: unknown, root: unknown = schema): Field[] {
  const fields = new Map<string, Field>()
  for (const part of parts(schema, root)) {
    const required = Array.isArray(part.required) ? part.required : []
    for (const [name, property] of Object.entries(isSchema(part.properties) ? part.properties : {}))
      fields.set(name, {
        name,
        schema: property,
        isRequired: required.includes(name) || fields.get(name)?.isRequired === true,
      })
  }
  return [...fields.values()].sort((a, b) => Number(b.isRequired) - Number(a.isRequired))
}

/** A schema, and what it says by `allOf`. */
function parts(schema: unknown, root: unknown, depth = 0): Schema[] {
  const own = resolved(schema, root)
  const more = Array.isArray(own.allOf) && depth < deepest ? own.allOf : []
  return [own, ...more.slice(0, 50).flatMap((part) => parts(part, root, depth + 1))]
}

/** The schema of a property that is not declared; undefined when none may be given. */
export function schemaOfOther(name: string, schema: unknown, root: unknown): unknown {
  const all = parts(schema, root)
  const { additionalProperties } = all[0] ?? {}
  if (additionalProperties === true || isSchema(additionalProperties)) return additionalProperties
  if (additionalProperties === false) return undefined
  // A pattern may be made to take hours: it is left to the check, which has a limit.
  const hasPatterns = all.some((part) => isSchema(part.patternProperties))
  const isOpen = all.every((part) => !isSchema(part.properties))
  return hasPatterns || (isOpen && name !== '') ? true : undefined
}

export function kindsOf(schema: unknown, root: unknown): Kinds {
  const types = new Set<JsonType>()
  const values: unknown[] = []
  let items: unknown
  let object: Schema | undefined
  let visits = 0
  const visit = (one: unknown, depth: number) => {
    if (depth > deepest || ++visits > 200) return
    const own = resolved(one, root)
    const choices = [own.anyOf, own.oneOf].find(Array.isArray)
    if ('const' in own) values.push(own.const)
    else if (Array.isArray(own.enum)) values.push(...own.enum)
    else if (choices) for (const choice of choices) visit(choice, depth + 1)
    else {
      const named = typesOf(own)
      for (const type of named) types.add(type)
      if (named.includes('array')) items ??= own.items ?? true
      if (named.includes('object')) object ??= own
      if (named.length === 0 && Array.isArray(own.allOf)) for (const part of own.allOf) visit(part, depth + 1)
    }
  }
  visit(schema, 0)
  return { types, values, items, object }
}

const known: readonly JsonType[] = ['null', 'boolean', 'integer', 'number', 'array', 'object', 'string']

function typesOf({ type, properties, items }: Schema): JsonType[] {
  const named = known.filter((each) => (Array.isArray(type) ? type.includes(each) : type === each))
  if (named.length > 0) return named
  return isSchema(properties) ? ['object'] : items !== undefined ? ['array'] : []
}

/** What may be given, for people: `integer from 1 to 7`, `C | F`, `list of string`. */
export function kindText(schema: unknown, root: unknown = schema): string {
  const { types, values, items, object } = kindsOf(schema, root)
  const named = values
    .slice(0, 12)
    .map((value) => (typeof value === 'string' ? value : JSON.stringify(value)))
  if (values.length > named.length) named.push('…')
  const limits = limitsText(resolved(schema, root))
  const typed = [...types].map((type) => {
    if (type !== 'array') return type
    const each = items === undefined || items === true ? '' : kindTextOnce(items, root)
    return each === '' ? 'list' : `list of ${each}`
  })
  const text = [...named, ...typed].join(' | ') || (object ? 'object' : 'anything')
  return ofPeer(`${text}${limits}`, 100)
}

function kindTextOnce(schema: unknown, root: unknown): string {
  const { types, values } = kindsOf(schema, root)
  return [...values.slice(0, 12).map(String), ...types].join(' | ')
}

function limitsText(schema: Schema): string {
  const number = (name: string) => (typeof schema[name] === 'number' ? (schema[name] as number) : undefined)
  const range = (least: number | undefined, most: number | undefined, unit: string) => {
    if (least !== undefined && most !== undefined) return ` from ${least} to ${most}${unit}`
    if (least !== undefined) return ` from ${least}${unit}`
    return most === undefined ? '' : ` up to ${most}${unit}`
  }
  // What zod writes for every integer says nothing.
  const bound = (value: number | undefined) =>
    value === undefined || Math.abs(value) >= Number.MAX_SAFE_INTEGER ? undefined : value
  const least = number('minLength')
  return [
    range(bound(number('minimum')), bound(number('maximum')), ''),
    number('exclusiveMinimum') === undefined ? '' : ` above ${number('exclusiveMinimum')}`,
    number('exclusiveMaximum') === undefined ? '' : ` below ${number('exclusiveMaximum')}`,
    range(least === 0 ? undefined : least, bound(number('maxLength')), ' characters'),
    typeof schema.format === 'string' ? ` (${schema.format})` : '',
  ].join('')
}

/** `city=string [days=integer from 1 to 7]`, as it is typed. */
export function usageText(schema: unknown): string {
  const words = fieldsOf(schema).map(({ name, schema: own, isRequired }) => {
    const word = `${ofPeer(name, 60)}=${kindText(own, schema)}`
    return isRequired ? word : `[${word}]`
  })
  return words.slice(0, 20).join(' ') + (words.length > 20 ? ' …' : '')
}
