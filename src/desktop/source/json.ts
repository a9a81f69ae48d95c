import { getNodeValue, type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser'
import type { Entry } from '../launch.js'
import { lineEndOf, NotUnderstood, type Source, type Where } from './source.js'

type ObjectNode = Node & { readonly children: readonly Node[] }

/** JSON as clients and their users write it: with comments and trailing commas too. */
export function readJson(text: string, { key }: Where): Source {
  const root = objectIn(text)
  const container = root && containerIn(text, root, key)
  const properties = container ? propertiesOf(text, container) : new Map<string, Node>()
  const style = { end: lineEndOf(text), unit: unitOf(text, root) }
  return {
    get value() {
      return root ? plain(root) : {}
    },
    entries: new Map([...properties].map(([name, { children }]) => [name, plain(children?.[1] as Node)])),
    with: (name, entry) => {
      const property = properties.get(name)?.children?.[1]
      if (property) {
        const value = written(entry, indentAt(text, property.offset), style)
        return text.slice(0, property.offset) + value + text.slice(property.offset + property.length)
      }
      if (container) return inserted(text, container, name, entry, style)
      const nested = key.slice(1).reduceRight<unknown>((inner, one) => ({ [one]: inner }), { [name]: entry })
      if (root) return inserted(text, root, key[0] ?? '', nested, style)
      const whole = written({ [key[0] ?? '']: nested }, '', style) + style.end
      return text.trim() === '' ? whole : text.replace(/\s*$/, style.end) + whole
    },
    without: (name) => {
      const node = properties.get(name)
      if (!root || !container || !node) return [text]
      const kept = removed(text, container, node)
      if (properties.size > 1) return [kept]
      // What it leaves: no servers, without the braces on lines of their own, and as it is.
      const end = container.offset + kept.length - (text.length - container.length)
      const bare = kept.slice(container.offset + 1, end - 1).trim() === ''
      const property = container.parent
      const without = property?.parent ? [removed(text, property.parent as ObjectNode, property)] : []
      const collapsed = bare ? [`${kept.slice(0, container.offset)}{}${kept.slice(end)}`] : []
      // Comments among the servers are somebody's.
      return bare ? [...without, ...collapsed, kept] : [kept]
    },
  }
}

/** Its objects have no prototype; ours have. */
const plain = (node: Node): unknown => structuredClone(getNodeValue(node))

interface Style {
  readonly end: string
  readonly unit: string
}

/** The object that the text is; undefined when nothing is there but comments and blanks. */
function objectIn(text: string): ObjectNode | undefined {
  const errors: ParseError[] = []
  const root = parseTree(text, errors, { allowTrailingComma: true, allowEmptyContent: true })
  const [first] = errors
  if (first) throw new NotUnderstood(`is not valid JSON (${words(first)})`, text, first.offset)
  return root && asObject(text, root, 'the file')
}

/** `PropertyNameExpected` → `property name expected`. */
function words({ error }: ParseError): string {
  return printParseErrorCode(error).replace(
    /[A-Z]/g,
    (letter, at) => `${at > 0 ? ' ' : ''}${letter.toLowerCase()}`,
  )
}

function asObject(text: string, node: Node, what: string): ObjectNode {
  if (node.type !== 'object')
    throw new NotUnderstood(
      `has ${node.type === 'null' ? 'null' : `${article(node.type)}`} where ${what} should be an object`,
      text,
      node.offset,
    )
  return node as ObjectNode
}

const article = (type: string) => `${/^[aeiou]/.test(type) ? 'an' : 'a'} ${type}`

/** The object that the keys lead to; undefined when it is not there. */
function containerIn(text: string, root: ObjectNode, key: readonly string[]): ObjectNode | undefined {
  let node: ObjectNode | undefined = root
  for (const name of key) {
    const property: Node | undefined = node && propertiesOf(text, node, name).get(name)
    node = property && asObject(text, property.children?.[1] as Node, `"${name}"`)
  }
  return node
}

/** By name. A name that stands twice, of which programs take one or the other, is refused; `only` looks at that alone. */
function propertiesOf(text: string, { children }: ObjectNode, only?: string): Map<string, Node> {
  const found = new Map<string, Node>()
  for (const property of children) {
    const name = property.children?.[0]?.value as string
    if (only !== undefined && name !== only) continue
    if (found.has(name)) throw new NotUnderstood(`has "${name}" twice`, text, property.offset)
    found.set(name, property)
  }
  return found
}

function inserted(text: string, node: ObjectNode, name: string, value: unknown, style: Style): string {
  const close = node.offset + node.length - 1
  const last = node.children.at(-1)
  const outer = indentAt(text, node.offset)
  const inner = last && isOnOwnLine(text, last.offset) ? indentAt(text, last.offset) : outer + style.unit
  const property = `${JSON.stringify(name)}: ${written(value, inner, style)}`
  const from = last ? last.offset + last.length : node.offset + 1
  const comma = last ? commaAfter(text, from, close) : undefined
  // After the last comment: what stands beside or under the last one stays with it.
  const at = from + text.slice(from, close).trimEnd().length
  const head = text.slice(0, at)
  const withComma = last && comma === undefined ? `${text.slice(0, from)},${text.slice(from, at)}` : head
  const rest = text.slice(at)
  const closing = /^\s*\n/.test(rest) ? '' : style.end + outer
  return `${withComma}${style.end}${inner}${property}${comma === undefined ? '' : ','}${closing}${closing === '' ? rest : rest.trimStart()}`
}

/** The text without a property, its comma, and the blanks before it. */
function removed(text: string, node: ObjectNode, property: Node): string {
  const at = node.children.indexOf(property)
  const before = node.children[at - 1]
  const after = node.children[at + 1]
  const end = property.offset + property.length
  const own = commaAfter(text, end, after?.offset ?? node.offset + node.length - 1)
  const previous = before && commaAfter(text, before.offset + before.length, property.offset)
  const start = text.slice(0, property.offset).trimEnd().length
  // The last of several has no comma after it, so that before it goes; where there is one, as after each, that before it stays.
  const isLast = after === undefined && own === undefined && previous !== undefined
  const head = isLast ? text.slice(0, previous) + text.slice(previous + 1, start) : text.slice(0, start)
  const tail = text.slice(end, own ?? end) + text.slice(own === undefined ? end : own + 1)
  // Objects on one line get their brace back there, and the blank before it if there is one after the other.
  const isOnOneLine = before !== undefined && !isOnOwnLine(text, before.offset)
  const blank = text[node.offset + 1] === ' ' ? ' ' : ''
  return head + (isLast && isOnOneLine ? tail.replace(/^\s*\n\s*/, blank) : tail)
}

/** Where the comma stands between two offsets, outside of comments. */
function commaAfter(text: string, from: number, to: number): number | undefined {
  const between = text
    .slice(from, to)
    .replace(/\/\/[^\r\n]*|\/\*[\s\S]*?\*\//g, (comment) => ' '.repeat(comment.length))
  const at = between.indexOf(',')
  return at < 0 ? undefined : from + at
}

function written(value: unknown, indent: string, { end, unit }: Style): string {
  return JSON.stringify(value, null, unit)
    .split('\n')
    .join(end + indent)
}

const isOnOwnLine = (text: string, offset: number) =>
  text.slice(lineStart(text, offset), offset).trim() === ''

/** The blanks that the line of an offset begins with. */
function indentAt(text: string, offset: number): string {
  return /^[ \t]*/.exec(text.slice(lineStart(text, offset), offset))?.[0] ?? ''
}

function lineStart(text: string, offset: number): number {
  return Math.max(text.lastIndexOf('\n', offset - 1), text.lastIndexOf('\r', offset - 1)) + 1
}

/** One step of indentation, as the first property has it. */
function unitOf(text: string, root: ObjectNode | undefined): string {
  const first = root?.children[0]
  const indent = first && isOnOwnLine(text, first.offset) ? indentAt(text, first.offset) : ''
  return indent === '' ? '  ' : indent
}

/** For people: what stands in the file of such a client. */
export function printedJson(key: readonly string[], name: string, entry: Entry): string {
  const nested = key.reduceRight<unknown>((inner, one) => ({ [one]: inner }), { [name]: entry })
  return `${JSON.stringify(nested, null, 2)}\n`
}
