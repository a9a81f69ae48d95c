import { Environment, ParseError } from '@marcbachmann/cel-js'
import type { ArgumentsView } from './arguments.js'
import { type Network, networkIn } from './cidr.js'
import { type ConditionFacts, factsOf } from './condition-syntax.js'
import type { Complaint, Read } from './identity-entry.js'
import type { WholeMatch } from './regex.js'
import type { PolicySubject } from './subject.js'
import { type ConditionVariable, conditionVariables } from './variables.js'

// The only file that runs the CEL library (https://github.com/google/cel-spec).

/** What a condition is judged over. */
export interface ConditionInput {
  readonly subject: PolicySubject
  readonly address: string
  readonly server: string
  readonly method: string
  readonly tool: string
  readonly arguments: ArgumentsView
  readonly resource: string
  readonly prompt: string
  readonly now: Date
}

/** True or false; or why it could not be said. */
export type Verdict = boolean | { readonly failed: string }

export interface Condition extends Omit<ConditionFacts, 'patterns' | 'networks'> {
  readonly judge: (input: ConditionInput) => Verdict
}

const longestCondition = 4000
const limits = { maxAstNodes: 200, maxDepth: 24 }
/** Characters that one judgement may give to regular expressions: some ten milliseconds. */
const mostMatched = 20_000

/** Of what conditions compare with, ready. They are literals, so that there are as many as policies have. */
const patterns = new Map<string, WholeMatch>()
const networks = new Map<string, Network>()
let charactersLeft = 0

class Source {
  readonly #subject: PolicySubject
  readonly address: string

  constructor({ subject, address }: ConditionInput) {
    this.#subject = subject
    this.address = address
  }

  get id(): string {
    return this.#subject.id
  }

  get spiffeId(): string {
    return this.#subject.spiffeId
  }

  get subjectAltNames(): readonly string[] {
    return this.#subject.subjectAltNames
  }

  get subjectCn(): string {
    return this.#subject.subjectCn
  }

  get issuer(): string {
    return this.#subject.issuer
  }

  get serial(): string {
    return this.#subject.serial
  }

  get fingerprint256(): string {
    return this.#subject.fingerprint256
  }
}

class Tool {
  constructor(
    readonly name: string,
    readonly args: ArgumentsView,
  ) {}

  get arguments(): unknown {
    return this.args.value
  }
}

class Resource {
  constructor(readonly uri: string) {}
}

class Prompt {
  constructor(readonly name: string) {}
}

class Mcp {
  readonly server: string
  readonly method: string
  readonly tool: Tool
  readonly resource: Resource
  readonly prompt: Prompt

  constructor(input: ConditionInput) {
    this.server = input.server
    this.method = input.method
    this.tool = new Tool(input.tool, input.arguments)
    this.resource = new Resource(input.resource)
    this.prompt = new Prompt(input.prompt)
  }
}

const environment = new Environment({ limits })
  .registerType('Source', { ctor: Source, fields: fieldsOf('source') })
  .registerType('Tool', { ctor: Tool, fields: fieldsOf('mcp.tool') })
  .registerType('Resource', { ctor: Resource, fields: fieldsOf('mcp.resource') })
  .registerType('Prompt', { ctor: Prompt, fields: fieldsOf('mcp.prompt') })
  .registerType('Mcp', {
    ctor: Mcp,
    fields: { ...fieldsOf('mcp'), tool: 'Tool', resource: 'Resource', prompt: 'Prompt' },
  })
  .registerVariable('source', 'Source')
  .registerVariable('mcp', 'Mcp')
  .registerVariable('now', conditionVariables.now[0])
  .registerFunction(
    'inCidr(string, string): bool',
    (address: string, cidr: string) => networks.get(cidr)?.(address) ?? false,
    { async: false },
  )
  .registerFunction(
    'fullMatch(string, string): bool',
    (text: string, pattern: string) => {
      charactersLeft -= text.length
      if (charactersLeft < 0) throw new RangeError(`fullMatch() looks at ${mostMatched} characters at most`)
      return patterns.get(pattern)?.(text) ?? false
    },
    { async: false },
  )

/** The direct fields of a variable, with their types. */
function fieldsOf(name: string): Record<string, string> {
  const fields = (Object.keys(conditionVariables) as ConditionVariable[]).flatMap((path) => {
    const [parent, field] = [path.replace(/\.?\w+$/, ''), path.replace(/^.*\./, '')]
    return parent === name ? [[field, conditionVariables[path][0]]] : []
  })
  return Object.fromEntries(fields)
}

/** Reads a condition: syntax, variables, types, sizes. What is wrong with it is said at load, not at a call. */
export async function conditionOf(text: string): Promise<Read<Condition>> {
  if (text.trim() === '')
    return { message: 'the condition is empty', hint: 'Write a condition, or remove `when`.' }
  if (text.length > longestCondition) return tooLong(`longer than ${longestCondition} characters`)
  try {
    const run = environment.parse(text)
    const facts = factsOf(run.ast)
    if ('message' in facts) return facts
    const complaint = (await preparePatterns(facts.patterns)) ?? prepareNetworks(facts.networks)
    if (complaint !== undefined) return complaint
    const { valid, type, error } = run.check()
    if (!valid) return complaintOf(error)
    if (type !== 'bool' && type !== 'dyn')
      return {
        message: `the condition is a ${type}, not true or false`,
        hint: 'Compare it with something: ==, <, in.',
      }
    const { readsArguments, readsArgumentsInLoop, readsResourceUri } = facts
    const judge = (input: ConditionInput): Verdict => judged(run, input)
    return { value: Object.freeze({ readsArguments, readsArgumentsInLoop, readsResourceUri, judge }) }
  } catch (error) {
    return complaintOf(error)
  }
}

function judged(run: (context: Record<string, unknown>) => unknown, input: ConditionInput): Verdict {
  charactersLeft = mostMatched
  // A loop may fail for each of ten thousand elements, and a stack for each is what takes the time.
  const stackTraceLimit = Error.stackTraceLimit
  Error.stackTraceLimit = 0
  try {
    const result = run({ source: new Source(input), mcp: new Mcp(input), now: input.now })
    return typeof result === 'boolean' ? result : { failed: 'it is neither true nor false' }
  } catch (error) {
    return { failed: summaryOf(error) }
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

function complaintOf(error: unknown): Complaint {
  const summary = summaryOf(error)
  if (/^Exceeded max|call stack/.test(summary)) return tooLong(summary)
  if (error instanceof ParseError)
    return { message: summary, hint: 'Look at quotes, brackets and operators: && || ! == in.' }
  return { message: summary, hint: 'Compare values of one type: "5" is a text, 5 is a number.' }
}

function tooLong(what: string): Complaint {
  return {
    message: `the condition is too large: ${what}`,
    hint: `At most ${limits.maxAstNodes} names, values and operators: make two rules of it.`,
  }
}

function summaryOf(error: unknown): string {
  const { summary, message } = error as { summary?: unknown; message?: unknown }
  return String(summary ?? message ?? error).slice(0, 300)
}

async function preparePatterns(texts: readonly string[]): Promise<Complaint | undefined> {
  const missing = texts.filter((text) => !patterns.has(text))
  if (missing.length === 0) return undefined
  const { wholeMatch } = await import('./regex.js')
  for (const text of missing) {
    try {
      patterns.set(text, wholeMatch(text))
    } catch (error) {
      const hint = 'Write it in the syntax of RE2: no look-around, no back references.'
      return { message: `${JSON.stringify(text)} is not a pattern: ${summaryOf(error)}`, hint }
    }
  }
  return undefined
}

function prepareNetworks(texts: readonly string[]): Complaint | undefined {
  for (const text of texts) {
    const network = networkIn(text)
    if (network === undefined)
      return {
        message: `${JSON.stringify(text)} is not a network`,
        hint: "Write ADDRESS/BITS, such as '10.0.0.0/8' or 'fd00::/8'; an IPv4 address in IPv6 counts as IPv4.",
      }
    networks.set(text, network)
  }
  return undefined
}
