import type { ASTNode } from '@marcbachmann/cel-js'
import type { Complaint } from './identity-entry.js'
import { conditionVariables, isConditionVariable } from './variables.js'

/** What a condition does, found in its syntax. */
export interface ConditionFacts {
  readonly readsArguments: boolean
  /** Inside a loop, where they cost as often as the loop runs. */
  readonly readsArgumentsInLoop: boolean
  /** It depends on which resource it is, which a template does not say. */
  readonly readsResourceUri: boolean
  /** Literals that are made ready at load. */
  readonly patterns: readonly string[]
  readonly networks: readonly string[]
}

const functions = ['has', 'size', 'int', 'uint', 'double', 'string', 'bool', 'timestamp', 'duration']
const loops = ['all', 'exists', 'exists_one', 'map', 'filter']
const methods = [
  ...['size', 'startsWith', 'endsWith', 'contains', 'trim', 'indexOf', 'lastIndexOf', 'substring'],
  ...['getFullYear', 'getMonth', 'getDate', 'getDayOfMonth', 'getDayOfWeek'],
  ...['getHours', 'getMinutes', 'getSeconds', 'getMilliseconds'],
]

const searches = ['contains', 'indexOf', 'lastIndexOf']

class Refused extends Error {
  readonly hint: string

  constructor(message: string, hint: string) {
    super(message)
    this.hint = hint
  }
}

/** What is in a condition. Functions that are not listed here do not exist: what a library adds must be looked at first. */
export function factsOf(ast: ASTNode): ConditionFacts | Complaint {
  const walk = new Walk()
  try {
    walk.visit(ast, [])
  } catch (error) {
    if (error instanceof Refused) return { message: error.message, hint: error.hint }
    throw error
  }
  return walk
}

class Walk implements ConditionFacts {
  readsArguments = false
  readsArgumentsInLoop = false
  readsResourceUri = false
  readonly patterns: string[] = []
  readonly networks: string[] = []

  /** `loopNames`: the variables of the loop that this is in. */
  visit(node: ASTNode, loopNames: readonly string[]): void {
    switch (node.op) {
      case 'value':
        return
      case 'id':
        if (!loopNames.includes(node.args)) this.#variable(node, loopNames)
        return
      case '.':
        if (this.#isVariable(node, loopNames)) return this.#variable(node, loopNames)
        return this.visit(node.args[0], loopNames)
      case 'call':
        return this.#call(node.args[0], node.args[1], loopNames)
      case 'rcall':
        return this.#method(...node.args, loopNames)
      case '!_':
      case '-_':
        return this.visit(node.args, loopNames)
      case 'map':
        for (const [key, value] of node.args) this.#all([key, value], loopNames)
        return
      case '.?':
        throw new Refused('"?." is not supported', 'Ask with has() first.')
      default:
        return this.#all(node.args, loopNames)
    }
  }

  #all(nodes: readonly ASTNode[], loopNames: readonly string[]): void {
    for (const node of nodes) this.visit(node, loopNames)
  }

  /** Whether a chain of fields begins at a variable of ours. */
  #isVariable(node: ASTNode, loopNames: readonly string[]): boolean {
    const path = pathOf(node)
    if (path === undefined || loopNames.includes(path.split('.')[0] ?? '')) return false
    // What is below a variable is a field of its value.
    return isConditionVariable(path) || node.op === 'id' || !startsWithVariable(path)
  }

  #variable(node: ASTNode, loopNames: readonly string[]): void {
    const path = pathOf(node) ?? ''
    if (!isConditionVariable(path)) {
      const isPart = Object.keys(conditionVariables).some((name) => name.startsWith(`${path}.`))
      const what = isPart ? `"${path}" is not a value itself` : `there is no variable "${path}"`
      throw new Refused(what, `There are ${Object.keys(conditionVariables).join(', ')}.`)
    }
    if (path === 'mcp.resource.uri') this.readsResourceUri = true
    if (path !== 'mcp.tool.arguments') return
    this.readsArguments = true
    this.readsArgumentsInLoop ||= loopNames.length > 0
  }

  #call(name: string, args: readonly ASTNode[], loopNames: readonly string[]): void {
    // The library reads a duration in quadratic time.
    if (name === 'duration') literal(name, args[0])
    if (name === 'fullMatch') this.patterns.push(literal(name, args[1]))
    else if (name === 'inCidr') this.networks.push(literal(name, args[1]))
    else if (!functions.includes(name)) throw unknown(name)
    this.#all(args, loopNames)
  }

  #method(name: string, receiver: ASTNode, args: readonly ASTNode[], loopNames: readonly string[]): void {
    this.visit(receiver, loopNames)
    const [first, ...bodies] = args
    if (loops.includes(name) && first?.op === 'id') {
      if (loopNames.length > 0)
        throw new Refused('a loop inside a loop', 'Write one loop, or two one after the other.')
      if (Object.keys(conditionVariables).some((path) => path.split('.')[0] === first.args))
        throw new Refused(
          `"${first.args}" is a variable already`,
          'Give the variable of the loop another name.',
        )
      return this.#all(bodies, [first.args])
    }
    if (!methods.includes(name)) throw unknown(name)
    if (name.startsWith('get') && first !== undefined) {
      // A time zone takes its time, and one of a caller's choice would be loaded for each.
      literal(name, first)
      if (loopNames.length > 0)
        throw new Refused('a time zone inside a loop', 'Compare times without a zone there.')
    }
    // Both from the caller, they could be made to take quadratic time.
    if (searches.includes(name) && isOfCaller(receiver, loopNames) && first && isOfCaller(first, loopNames))
      throw new Refused(
        `${name}() looks for something of the caller in something of the caller`,
        'Look for a text that stands in the condition, or compare with == or startsWith().',
      )
    this.#all(args, loopNames)
  }
}

/** Whether a value is made of what a caller sends; a variable of a loop may be. */
function isOfCaller(node: ASTNode, loopNames: readonly string[]): boolean {
  if (node.op === 'value') return false
  if (node.op === 'id') return loopNames.includes(node.args)
  const path = pathOf(node)
  if (path !== undefined && isConditionVariable(path)) return /^mcp\.(?:tool|resource|prompt)\./.test(path)
  return operandsOf(node.args).some((operand) => isOfCaller(operand, loopNames))
}

/** The nodes that a node is made of. */
function operandsOf(args: unknown): ASTNode[] {
  if (Array.isArray(args)) return args.flatMap(operandsOf)
  return typeof args === 'object' && args !== null && 'op' in args ? [args as ASTNode] : []
}

function unknown(name: string): Refused {
  if (name === 'matches')
    return new Refused(
      'matches() is not supported: its time can grow without bound',
      "Write fullMatch(text, 'pattern'): the whole text must fit, in the syntax of RE2.",
    )
  return new Refused(
    `there is no function "${name}"`,
    `There are ${[...functions, 'inCidr', 'fullMatch', ...loops, ...new Set(methods)].join(', ')}.`,
  )
}

function literal(name: string, node: ASTNode | undefined): string {
  if (node?.op === 'value' && typeof node.args === 'string') return node.args
  throw new Refused(
    `${name}() needs a text that stands in the condition itself`,
    `Write it in quotes: ${name === 'inCidr' ? "inCidr(source.address, '10.0.0.0/8')" : `${name}(…, 'text')`}.`,
  )
}

/** `mcp.tool.name` for a chain of fields that begins with a name. */
function pathOf(node: ASTNode): string | undefined {
  if (node.op === 'id') return node.args
  if (node.op !== '.') return undefined
  const before = pathOf(node.args[0])
  return before === undefined ? undefined : `${before}.${node.args[1]}`
}

function startsWithVariable(path: string): boolean {
  return Object.keys(conditionVariables).some((name) => path.startsWith(`${name}.`))
}
