import {
  isMap,
  isPair,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseDocument,
  type Scalar,
  stringify,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml'
import { type Entry, isObject } from '../launch.js'
import { afterLine, lineEndOf, NotUnderstood, type Source, startOfLine, type Where } from './source.js'

/** YAML, in block style or flow style. The servers are a map, or a list of maps that have a `name`. */
export function readYaml(text: string, { key: [key = ''], isList: list }: Where): Source {
  const isList = list === true
  const { root, value } = parsed(text)
  const style: Style = { end: lineEndOf(text), isList }
  const pair = root?.items.find((one) => isScalar(one.key) && one.key.value === key)
  const container = containerIn(text, pair, key, isList)
  const items = itemsOf(text, container, isList)
  const plain = value[key] ?? {}
  const entries = Array.isArray(plain)
    ? plain.filter(isObject).map((entry) => [String(entry.name), entry] as const)
    : Object.entries(plain)
  return {
    value,
    entries: new Map(entries),
    with: (name, entry) => {
      const item = items.get(name)
      if (!item || !container) return added(text, { root, pair, container, key }, name, entry, style)
      const [from, to] = container.flow ? [startOf(item), endOf(item)] : rangeOf(text, container, item)
      const fresh = container.flow
        ? flowItem(name, entry, isList)
        : block(name, entry, columnOf(text, from), style)
      return text.slice(0, from) + fresh + text.slice(to)
    },
    without: (name) => {
      const item = items.get(name)
      if (!item || !container || !pair) return [text]
      const [from, to] = rangeOf(text, container, item)
      const rest = text.slice(0, from) + text.slice(to)
      if (container.items.length > 1) return [rest]
      // What it leaves: nothing, or the key with nothing in it.
      const { end } = style
      const head = text.slice(0, startOfLine(text, startOf(pair)))
      const bare = head + text.slice(Math.max(to, afterLine(text, endOf(container) - 1)))
      const word = text.slice(head.length, endOf(pair.key as Node))
      const empty = `${head}${word}: ${isList ? '[]' : '{}'}${end}${text.slice(to)}`
      return [bare, container.flow ? rest : empty]
    },
  }
}

type Item = Node | Pair
type Container = YAMLMap | YAMLSeq

interface Style {
  readonly end: string
  readonly isList: boolean
}

/** Throws `NotUnderstood` for what is no map, or not valid. */
function parsed(text: string): { root: YAMLMap | undefined; value: Record<string, unknown> } {
  try {
    const document = parseDocument(text, { prettyErrors: false })
    const { errors, contents: root } = document
    const [first] = errors
    if (first)
      throw new NotUnderstood(`is not valid YAML (${first.message.toLowerCase()})`, text, first.pos[0])
    if (root === null || isNull(root)) return { root: undefined, value: {} }
    if (!isMap(root)) throw new NotUnderstood('should be a map', text, startOf(root))
    return { root: root as YAMLMap, value: document.toJS() }
  } catch (error) {
    // Aliases of aliases, which would fill the memory.
    if (error instanceof ReferenceError) throw new NotUnderstood('has too many aliases', text, 0)
    throw error
  }
}

/** The servers; undefined when there is a key for them at most. */
function containerIn(
  text: string,
  pair: Pair | undefined,
  key: string,
  isList: boolean,
): Container | undefined {
  const node = pair?.value as Node | null | undefined
  if (!node || isNull(node)) return undefined
  if (isList ? isSeq(node) : isMap(node)) return node as Container
  const what = `has something else where "${key}" should be a ${isList ? 'list' : 'map'}`
  throw new NotUnderstood(what, text, startOf(node))
}

const isNull = (node: unknown) => isScalar(node) && node.value === null

function startOf(node: Item): number {
  return ('key' in node ? (node.key as Node) : node).range?.[0] ?? 0
}

/** The end of a value, or of a key that has none. */
function endOf(node: Item): number {
  if (!('key' in node)) return node.range?.[1] ?? 0
  return Math.max(endOf(node.key as Node), (node.value as Node | null)?.range?.[1] ?? 0)
}

function itemsOf(text: string, container: Container | undefined, isList: boolean): Map<string, Item> {
  const found = new Map<string, Item>()
  for (const item of (container?.items ?? []) as Item[]) {
    const name = isList ? isMap(item) && item.get('name') : isPair(item) && (item.key as Scalar).value
    if (name === false || name === undefined) continue
    if (found.has(String(name))) throw new NotUnderstood(`has "${name}" twice`, text, startOf(item))
    found.set(String(name), item)
  }
  return found
}

/** What goes when an item goes: its lines, or, in flow style, it and a comma. */
function rangeOf(text: string, { flow, items }: Container, item: Item): readonly [number, number] {
  const [start, end] = [startOf(item), endOf(item)]
  if (!flow) return [startOfLine(text, start), text[end - 1] === '\n' ? end : afterLine(text, end)]
  const after = /^\s*,?\s*/.exec(text.slice(end))?.[0] ?? ''
  const before = /\s*,?\s*$/.exec(text.slice(0, start))?.[0] ?? ''
  return items[0] === item ? [start, end + after.length] : [start - before.length, end]
}

const columnOf = (text: string, from: number) => /^[ ]*/.exec(text.slice(from))?.[0].length ?? 0

interface Spot {
  readonly root: YAMLMap | undefined
  readonly pair: Pair | undefined
  readonly container: Container | undefined
  readonly key: string
}

function added(
  text: string,
  { root, pair, container, key }: Spot,
  name: string,
  entry: Entry,
  style: Style,
): string {
  const { end, isList } = style
  const last = container?.items.at(-1) as Item | undefined
  if (container && last) {
    const [from, to] = rangeOf(text, container, last)
    const at = endOf(last)
    if (container.flow) return `${text.slice(0, at)}, ${flowItem(name, entry, isList)}${text.slice(at)}`
    const glue = text[to - 1] === '\n' ? '' : end
    return text.slice(0, to) + glue + block(name, entry, columnOf(text, from), style) + text.slice(to)
  }
  if (!pair) {
    if (root?.flow)
      throw new NotUnderstood(`is written in braces, in which "${key}" is left to you`, text, startOf(root))
    const marker = /^\.\.\.\s*$/m.exec(text)
    if (marker)
      throw new NotUnderstood('ends with "...", after which nothing can be added', text, marker.index)
    return `${text}${text === '' || text.endsWith('\n') ? '' : end}${key}:${end}${block(name, entry, 2, style)}`
  }
  // Nothing is in it: `{}`, `[]`, `null`, or nothing at all.
  const colon = text.indexOf(':', endOf(pair.key as Node)) + 1
  const head = text.slice(0, colon)
  const rest = text.slice(Math.max(colon, endOf(pair)))
  const line = rest.slice(0, afterLine(rest, 0))
  const indent = columnOf(text, startOfLine(text, startOf(pair))) + 2
  const lines = block(name, entry, indent, style)
  return `${head}${line}${line.endsWith('\n') ? '' : end}${lines}${rest.slice(line.length)}`
}

/** The lines of an item, from this column on. */
function block(name: string, entry: Entry, column: number, { end, isList }: Style): string {
  const written = stringify(isList ? [entry] : { [name]: entry }, { lineWidth: 0, indentSeq: true })
  const indent = ' '.repeat(column)
  return written
    .trimEnd()
    .split('\n')
    .map((line) => indent + line + end)
    .join('')
}

/** JSON is YAML in flow style. */
function flowItem(name: string, entry: Entry, isList: boolean): string {
  return isList ? JSON.stringify(entry) : `${JSON.stringify(name)}: ${JSON.stringify(entry)}`
}

/** For people: what stands in the file of such a client. */
export function printedYaml(key: readonly string[], name: string, entry: Entry, isList = false): string {
  return `${key[0]}:\n${block(name, entry, 2, { end: '\n', isList })}`
}
