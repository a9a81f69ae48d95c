import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseDocument,
  stringify,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml'
import { type Entry, isObject } from '../launch.js'
import { afterLine, lineEndOf, NotUnderstood, type Source, startOfLine, type Where } from './source.js'

/** YAML, in block style or flow style. The servers are a map, or a list of maps that have a `name`. */
export function readYaml(text: string, { key, isList }: Where): Source {
  const document = parsed(text)
  const value = document.toJS() ?? {}
  const root = document.contents
  if (root !== null && !isMap(root) && !isNull(root))
    throw new NotUnderstood('should be a map', text, startOf(root))
  const [name = ''] = key
  const pair = isMap(root) ? root.items.find((one) => isScalar(one.key) && one.key.value === name) : undefined
  const node = pair?.value as Node | null | undefined
  if (node && !isNull(node) && !(isList ? isSeq(node) : isMap(node)))
    throw new NotUnderstood(
      `has something else where "${name}" should be a ${isList ? 'list' : 'map'}`,
      text,
      startOf(node),
    )
  const container = node && !isNull(node) ? (node as YAMLMap | YAMLSeq) : undefined
  const items = itemsOf(text, container, isList === true)
  const plain = (value[name] ?? (isList ? [] : {})) as unknown[] | Record<string, unknown>
  const entries: [string, unknown][] = Array.isArray(plain)
    ? plain.filter(isObject).map((entry) => [String(entry.name), entry])
    : Object.entries(plain)
  const style: Style = { end: lineEndOf(text), isList: isList === true }
  const add = (to: string, one: string, entry: Entry) => {
    const again = parsed(to)
    return added(to, again.contents as YAMLMap | null, name, one, entry, style)
  }
  return {
    value,
    entries: new Map(entries),
    with: (one, entry) => {
      const item = items.get(one)
      if (!item || !container) return add(text, one, entry)
      const [from, to] = rangeOf(text, container, item)
      if (container.flow)
        return (
          text.slice(0, startOf(item.node)) +
          flowItem(one, entry, isList === true) +
          text.slice(endOf(item.node))
        )
      return text.slice(0, from) + block(one, entry, columnOf(text, from), style) + text.slice(to)
    },
    without: (one) => {
      const item = items.get(one)
      if (!item || !container || !pair) return [text]
      const [from, to] = rangeOf(text, container, item)
      const rest = text.slice(0, from) + text.slice(to)
      if (items.size > 1 || container.items.length > 1) return [rest]
      const start = startOfLine(text, startOf(pair.key as Node))
      const bare = text.slice(0, start) + text.slice(Math.max(to, afterLine(text, endOf(container) - 1)))
      const end = lineEndOf(text)
      const word = text.slice(start, endOf(pair.key as Node))
      const empty = `${text.slice(0, start)}${word}: ${isList ? '[]' : '{}'}${end}${text.slice(to)}`
      return [
        bare,
        ...(bare.endsWith(end) ? [bare.slice(0, -end.length)] : []),
        container.flow ? rest : empty,
      ]
    },
  }
}

interface Style {
  readonly end: string
  readonly isList: boolean
}

interface Item {
  readonly node: Node | Pair
}

function parsed(text: string): Document.Parsed {
  let document: Document.Parsed
  try {
    document = parseDocument(text, { prettyErrors: false })
  } catch (error) {
    if (error instanceof RangeError) throw new NotUnderstood('is nested too deeply', text, 0)
    throw error
  }
  const [first] = document.errors
  if (first)
    throw new NotUnderstood(
      `is not valid YAML (${first.message.split('\n')[0]?.toLowerCase()})`,
      text,
      first.pos[0],
    )
  return document
}

const isNull = (node: unknown) => isScalar(node) && node.value === null

function startOf(node: Node | Pair): number {
  return ('key' in node ? (node.key as Node) : node).range?.[0] ?? 0
}

/** The end of a value, or of a key that has none. */
function endOf(node: Node | Pair): number {
  if (!('key' in node)) return node.range?.[1] ?? 0
  const value = node.value as Node | null
  return value?.range ? Math.max(value.range[1], endOf(node.key as Node)) : endOf(node.key as Node)
}

function itemsOf(text: string, container: YAMLMap | YAMLSeq | undefined, isList: boolean): Map<string, Item> {
  const found = new Map<string, Item>()
  for (const node of (container?.items ?? []) as (Node | Pair)[]) {
    const name = isList
      ? isMap(node)
        ? node.get('name')
        : undefined
      : ((node as Pair).key as { value?: unknown }).value
    if (name === undefined || isAlias(node)) continue
    if (found.has(String(name))) throw new NotUnderstood(`has "${name}" twice`, text, startOf(node))
    found.set(String(name), { node })
  }
  return found
}

/** What goes when an item goes: its lines, or, in flow style, it and a comma. */
function rangeOf(text: string, container: YAMLMap | YAMLSeq, { node }: Item): readonly [number, number] {
  const [start, end] = [startOf(node), endOf(node)]
  if (!container.flow) return [startOfLine(text, start), text[end - 1] === '\n' ? end : afterLine(text, end)]
  const isFirst = container.items[0] === node
  const after = /^\s*,?\s*/.exec(text.slice(end))?.[0] ?? ''
  const before = /\s*,?\s*$/.exec(text.slice(0, start))?.[0] ?? ''
  return isFirst ? [start, end + after.length] : [start - before.length, end]
}

const columnOf = (text: string, from: number) => /^[ ]*/.exec(text.slice(from))?.[0].length ?? 0

function added(
  text: string,
  root: YAMLMap | null,
  key: string,
  name: string,
  entry: Entry,
  style: Style,
): string {
  const { end, isList } = style
  const pair = isMap(root) ? root.items.find((one) => isScalar(one.key) && one.key.value === key) : undefined
  if (!pair) {
    const whole = `${key}:${end}${block(name, entry, isList ? 2 : 2, style)}`
    if (isMap(root) && root.flow)
      throw new NotUnderstood(`is written in braces, in which "${key}" is left to you`, text, startOf(root))
    if (isNull(root) && text.trim() !== '' && !/^\s*(#[^\n]*(\n|$)\s*)*$/.test(text))
      throw new NotUnderstood('should be a map', text, 0)
    const marker = /^\.\.\.\s*$/m.exec(text)
    if (marker)
      throw new NotUnderstood('ends with "...", after which nothing can be added', text, marker.index)
    return `${text}${text === '' || text.endsWith('\n') ? '' : end}${whole}`
  }
  const node = pair.value as Node | null
  if (node && !isNull(node)) {
    const container = node as YAMLMap | YAMLSeq
    const last = container.items.at(-1) as Node | Pair | undefined
    if (container.flow && last) {
      const at = endOf(last)
      return `${text.slice(0, at)}, ${flowItem(name, entry, isList)}${text.slice(at)}`
    }
    if (last) {
      const [from, to] = rangeOf(text, container, { node: last })
      const glue = text[to - 1] === '\n' ? '' : end
      const column = isList ? columnOf(text, from) : columnOf(text, from)
      return text.slice(0, to) + glue + block(name, entry, column, style) + text.slice(to)
    }
  }
  // Nothing is in it: `{}`, `[]`, `null`, or nothing at all.
  const after = endOf(pair.key as Node)
  const [, colon = ''] = /^(\s*:)/.exec(text.slice(after)) ?? []
  const stop = node?.range && node.range[1] > node.range[0] ? node.range[1] : after + colon.length
  const rest = text.slice(stop)
  const line = afterLine(rest, 0)
  const tail = rest.slice(0, line)
  const indent = columnOf(text, startOfLine(text, startOf(pair.key as Node))) + 2
  return `${text.slice(0, after)}${colon}${tail.endsWith('\n') ? tail : tail + end}${block(name, entry, indent, style)}${rest.slice(line)}`
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
