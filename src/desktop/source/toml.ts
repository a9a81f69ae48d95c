import { type AST, getStaticTOMLValue, ParseError, parseTOML } from 'toml-eslint-parser'
import { type Entry, isObject } from '../launch.js'
import { afterLine, lineEndOf, NotUnderstood, type Source, startOfLine, type Where } from './source.js'

/** TOML. A server is a table of its own; one that is written in another way is found, and can be taken out where it has lines of its own. */
export function readToml(text: string, { key }: Where): Source {
  const top = parsed(text)
  const value = getStaticTOMLValue({ type: 'Program', body: [top] } as unknown as AST.TOMLProgram)
  const servers = key.reduce<unknown>((inner, one) => (isObject(inner) ? inner[one] : undefined), value) ?? {}
  if (!isObject(servers))
    throw new NotUnderstood(
      `has something else where "${key.join('.')}" should be a table`,
      text,
      placeOf(top, key),
    )
  const end = lineEndOf(text)
  return {
    value,
    entries: new Map(Object.entries(servers)),
    with: (name, entry) => {
      const own = [...key, name]
      const inline = top.body.find(
        (node) =>
          node.type === 'TOMLKeyValue' && keysOf(node).length <= key.length && begins(key, keysOf(node)),
      )
      if (inline) throw inside(text, inline.range[0], own)
      if (!Object.hasOwn(servers, name)) return appended(text, own, entry)
      const ranges = removable(text, top, own)
      const rest = cut(text, ranges)
      const [at = 0] = ranges[0] ?? []
      const isTable = top.body.some((node) => node.type === 'TOMLTable' && node.range[0] === at)
      if (!isTable) return appended(rest, own, entry)
      return text.slice(0, at) + tables(own, entry).join(end) + end + rest.slice(at)
    },
    without: (name) => {
      const ranges = removable(text, top, [...key, name])
      // The blank line above it was put there with it; below it stands one where it came first.
      const [[from = 0, to = 0] = [], ...others] = ranges
      const first = [blankBefore(text, from), from === 0 ? blankAfter(text, to) : to] as const
      const rest = cut(text, [first, ...others])
      return [rest, cut(text, ranges), rest]
    },
  }
}

type Range = readonly [from: number, to: number]

function parsed(text: string): AST.TOMLTopLevelTable {
  try {
    return parseTOML(text, { tomlVersion: '1.0' }).body[0]
  } catch (error) {
    if (error instanceof ParseError)
      throw new NotUnderstood(`is not valid TOML (${error.message.toLowerCase()})`, text, error.index)
    throw error
  }
}

const keysOf = ({ key }: AST.TOMLKeyValue): string[] =>
  key.keys.map((one) => (one.type === 'TOMLBare' ? one.name : one.value))
const begins = (path: readonly (string | number)[], start: readonly string[]) =>
  start.every((one, at) => path[at] === one)

/** The tables and the lines of keys that belong to what the keys lead to. */
function parts(top: AST.TOMLTopLevelTable, key: readonly string[]): Range[] {
  return top.body.flatMap((node): Range[] => {
    if (node.type === 'TOMLKeyValue') return begins(keysOf(node), key) ? [node.range] : []
    if (begins(node.resolvedKey, key)) return [node.range]
    return node.body
      .filter((one) => begins([...node.resolvedKey, ...keysOf(one)], key))
      .map(({ range }) => range)
  })
}

/** Where what is not a table stands. */
function placeOf(top: AST.TOMLTopLevelTable, key: readonly string[]): number {
  return parts(top, key)[0]?.[0] ?? 0
}

/** The lines of what the keys lead to, with the blank ones between them. */
function removable(text: string, top: AST.TOMLTopLevelTable, key: readonly string[]): Range[] {
  const lines = parts(top, key).map(([from, to]): Range => [startOfLine(text, from), afterLine(text, to)])
  if (lines.length === 0) throw inside(text, placeOf(top, key.slice(0, -1)), key)
  const ranges: Range[] = []
  for (const [from, to] of lines) {
    const before = ranges.at(-1)
    if (before && text.slice(before[1], from).trim() === '') ranges.splice(-1, 1, [before[0], to])
    else ranges.push([from, to])
  }
  return ranges
}

function inside(text: string, offset: number, key: readonly string[]): NotUnderstood {
  return new NotUnderstood(
    `has an inline table where "${key.join('.')}" belongs, which is left to you`,
    text,
    offset,
  )
}

function blankBefore(text: string, offset: number): number {
  const before = startOfLine(text, offset - 1)
  return offset > 0 && text.slice(before, offset).trim() === '' ? before : offset
}

function blankAfter(text: string, offset: number): number {
  const after = afterLine(text, offset)
  return text.slice(offset, after).trim() === '' ? after : offset
}

function cut(text: string, ranges: readonly Range[]): string {
  return ranges.toReversed().reduce((rest, [from, to]) => rest.slice(0, from) + rest.slice(to), text)
}

function appended(text: string, key: readonly string[], entry: Entry): string {
  const end = lineEndOf(text)
  const block = tables(key, entry).join(end)
  if (text.trim() === '') return block + end
  return `${text}${/\n$/.test(text) ? '' : end}${/\n\s*\n$/.test(text) ? '' : end}${block}${end}`
}

/** The lines of a table, and of those in it. */
function tables(key: readonly string[], value: Readonly<Record<string, unknown>>): string[] {
  const all = Object.entries(value).filter(([, one]) => one !== undefined && one !== null)
  const inner = all.filter(([, one]) => isObject(one))
  const own = all.filter(([, one]) => !isObject(one))
  return [
    `[${key.map(keyWord).join('.')}]`,
    ...own.map(([name, one]) => `${keyWord(name)} = ${valueText(one)}`),
    ...inner.flatMap(([name, one]) => ['', ...tables([...key, name], one as Record<string, unknown>)]),
  ]
}

const keyWord = (name: string) => (/^[\w-]+$/.test(name) ? name : quoted(name))

/** JSON's escapes are TOML's, but for one control character. */
const quoted = (text: string) => JSON.stringify(text).replaceAll('\u007f', '\\u007f')

function valueText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(valueText).join(', ')}]`
  if (value instanceof Date) return value.toISOString()
  if (isObject(value))
    return `{ ${Object.entries(value)
      .map(([name, one]) => `${keyWord(name)} = ${valueText(one)}`)
      .join(', ')} }`
  return typeof value === 'string' ? quoted(value) : String(value)
}

/** For people: what stands in the file of such a client. */
export function printedToml(key: readonly string[], name: string, entry: Entry): string {
  return `${tables([...key, name], entry).join('\n')}\n`
}
