import type { ElicitResult, JsonSchemaType } from '@modelcontextprotocol/client'
import { outputSchemas } from '../../client/output-schemas.js'
import { ofPeer } from '../../text/of-peer.js'
import { type Field, fieldsOf, isSchema, kindText } from './schema.js'
import type { Terminal } from './terminal.js'
import { typedValue } from './typed-value.js'

const decline = '!decline'
const cancel = '!cancel'

/** Values as forms have them. */
type Content = NonNullable<ElicitResult['content']>

/** Asks for each field until it has what the schema wants. */
export async function fillForm(schema: unknown, terminal: Terminal): Promise<ElicitResult> {
  const fields = fieldsOf(schema)
  if (fields.length === 0) return agree(terminal)
  terminal.tell([`One line for each field; ${decline} refuses, ${cancel} or Ctrl-D ends it.`])
  const content: Content = {}
  for (const field of fields) {
    const answer = await askFor(field, schema, terminal)
    if (typeof answer === 'string') return { action: answer }
    if (answer.value !== undefined) content[field.name] = answer.value as Content[string]
  }
  return { action: 'accept', content }
}

async function agree(terminal: Terminal): Promise<ElicitResult> {
  for (;;) {
    const [first] = ((await terminal.ask('y (yes), n (no), c (cancel): ')) ?? 'c').trim().toLowerCase()
    if (first === 'y') return { action: 'accept', content: {} }
    if (first === 'n') return { action: 'decline' }
    if (first === 'c') return { action: 'cancel' }
  }
}

/** The value of a field, undefined for one that is left out, or how the whole form ends. */
async function askFor(
  { name, schema, isRequired }: Field,
  root: unknown,
  terminal: Terminal,
): Promise<{ readonly value: unknown } | 'decline' | 'cancel'> {
  const own = isSchema(schema) ? schema : {}
  const choices = choicesOf(own)
  const about = [own.title, own.description].filter((text) => typeof text === 'string')
  terminal.tell([
    `  ${ofPeer(name)}: ${about.length > 0 ? `${ofPeer(about.join('. '), 500)} ` : ''}(${kindText(own, root)}${isRequired ? '' : ', may be left empty'})`,
    ...choices.map(({ value, title }, index) => {
      const named = title === undefined || title === value ? '' : `  ${ofPeer(title)}`
      return `    ${index + 1}  ${ofPeer(String(value))}${named}`
    }),
  ])
  const standard = own.default === undefined ? '' : ` [${ofPeer(String(own.default), 60)}]`
  for (;;) {
    const line = await terminal.ask(`  ${ofPeer(name, 60)}${standard}: `)
    const typed = line?.trim()
    if (typed === undefined || typed === cancel) return 'cancel'
    if (typed === decline) return 'decline'
    if (typed === '' && own.default !== undefined) return { value: own.default }
    if (typed === '' && !isRequired) return { value: undefined }
    const found = fieldValue(typed, own, root, choices)
    const problem = 'problem' in found ? found.problem : problemOf(found.value, own)
    if (problem === undefined && 'value' in found) return found
    terminal.tell([`    ${typed === '' ? 'a value is needed' : problem}`])
  }
}

interface Choice {
  readonly value: unknown
  readonly title: string | undefined
}

/** What a field lets one choose from, in each of the ways that MCP has for it. */
function choicesOf(schema: Readonly<Record<string, unknown>>): Choice[] {
  const list = isSchema(schema.items) ? schema.items : schema
  const named = [list.oneOf, list.anyOf].find(Array.isArray)
  if (named)
    return named
      .filter(isSchema)
      .filter((one) => 'const' in one)
      .map(({ const: value, title }) => ({ value, title: typeof title === 'string' ? title : undefined }))
  const titles = Array.isArray(list.enumNames) ? list.enumNames : []
  return (Array.isArray(list.enum) ? list.enum : []).map((value, index) => ({
    value,
    title: typeof titles[index] === 'string' ? titles[index] : undefined,
  }))
}

function fieldValue(
  typed: string,
  schema: Readonly<Record<string, unknown>>,
  root: unknown,
  choices: readonly Choice[],
): { readonly value: unknown } | { readonly problem: string } {
  if (schema.type === 'boolean' && /^(y|yes|n|no)$/i.test(typed)) return { value: /^y/i.test(typed) }
  if (choices.length === 0) return typedValue(typed, schema, root)
  const chosen = (word: string) =>
    choices.find(({ value, title }) => String(value) === word || title === word) ?? choices[Number(word) - 1]
  const words = schema.type === 'array' ? typed.split(',').map((word) => word.trim()) : [typed]
  const found = words.map(chosen)
  const missing = words.find((_word, index) => found[index] === undefined)
  if (missing !== undefined)
    return {
      problem: `${JSON.stringify(missing)} is none of them: type a number from 1 to ${choices.length}`,
    }
  const values = found.map((choice) => choice?.value)
  return { value: schema.type === 'array' ? values : values[0] }
}

function problemOf(value: unknown, schema: object): string | undefined {
  const { valid, errorMessage } = outputSchemas.getValidator(schema as JsonSchemaType)(value)
  return valid ? undefined : ofPeer(errorMessage?.replace(/^data /, 'it ') ?? 'it does not fit', 300)
}
