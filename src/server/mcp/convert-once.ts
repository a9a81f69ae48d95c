import type { McpServer } from '@modelcontextprotocol/server'
import { registered } from './registered.js'

/** A schema of version 4 of zod, as Standard JSON Schema has it. */
interface Schema {
  readonly '~standard': {
    readonly vendor: string
    readonly jsonSchema?: Readonly<Record<'input' | 'output', Convert>>
  }
}
type Convert = (options: { readonly target: string }) => unknown

interface Registered {
  inputSchema?: Schema
  outputSchema?: Schema
  argsSchema?: Schema
}

/** What the SDK asks for. */
const target = 'draft-2020-12'
/** Others are served in between; milliseconds. */
const longestTurn = 5

/**
 * Converts each schema of the tools and prompts of a server to JSON Schema, once for all lists: it takes most of the time of
 * a list.
 */
export async function convertOnce(server: McpServer): Promise<void> {
  const { tools = {}, prompts = {} } = registered(server) ?? {}
  let begun = performance.now()
  for (const one of [...Object.values(tools), ...Object.values(prompts)] as Registered[]) {
    for (const [field, io] of fields) {
      const schema = one[field]
      if (schema) one[field] = convertedOnce(schema, io)
    }
    if (performance.now() - begun < longestTurn) continue
    await new Promise((resolve) => setImmediate(resolve))
    begun = performance.now()
  }
}

const fields = [
  ['inputSchema', 'input'],
  ['argsSchema', 'input'],
  ['outputSchema', 'output'],
] as const

/** The same schema, with what it was converted to. It is immutable, as those of zod are. */
function convertedOnce(schema: Schema, io: 'input' | 'output'): Schema {
  const standard = schema['~standard']
  const { vendor, jsonSchema } = standard
  if (vendor !== 'zod' || !jsonSchema) return schema
  let known: unknown
  try {
    known = jsonSchema[io]({ target })
  } catch {
    return schema // the SDK has the words, when it is asked for
  }
  const convert: Convert = (options) =>
    options.target === target && Object.keys(options).length === 1 ? known : jsonSchema[io](options)
  return Object.create(schema, {
    '~standard': { value: { ...standard, jsonSchema: { ...jsonSchema, [io]: convert } } },
  })
}
