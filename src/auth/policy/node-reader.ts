import { nearestOf } from '../../text/nearest.js'
import {
  below,
  type DocumentEntry,
  type DocumentList,
  type DocumentMap,
  type DocumentNode,
} from './document.js'
import { type Place, type PolicyProblem, problem } from './problem.js'

/** A node and where it is. */
export interface At<Node = DocumentNode> {
  readonly node: Node
  readonly path: string
  readonly place: Place | undefined
}

/** Reads values of the kinds that are wanted, and collects what is wrong. */
export class NodeReader {
  readonly problems: PolicyProblem[] = []

  refuse({ path, place }: Omit<At, 'node'>, message: string, hint: string): undefined {
    this.problems.push(problem(path, place, message, hint))
    return undefined
  }

  /** The entries of a mapping that may have these keys, by key. */
  fields<Key extends string>(
    at: At,
    keys: readonly Key[],
    what: string,
  ): Partial<Record<Key, At>> | undefined {
    const { node, path } = at
    if (node.type !== 'map')
      return this.refuse(
        at,
        `${what} must be a mapping (got ${shown(node)})`,
        `Its keys are ${keys.join(', ')}.`,
      )
    const known = node.entries.filter((entry): entry is DocumentEntry & { key: Key } =>
      isOneOf(entry.key, keys),
    )
    for (const entry of node.entries) {
      const its = { path: below(path, entry.key), place: entry.place }
      if (!isOneOf(entry.key, keys))
        this.refuse(its, `unknown key ${JSON.stringify(entry.key)} in ${what}`, keyHint(entry.key, keys))
    }
    return Object.fromEntries(known.map((entry) => [entry.key, entryAt(entry, path)])) as Partial<
      Record<Key, At>
    >
  }

  /** The items of a list that must have one; `example`: what to do without them. */
  items(at: At, what: string, example?: string): At[] | undefined {
    const { node, path } = at
    if (node.type !== 'list') {
      const hint =
        node.type === 'scalar' && typeof node.value === 'string'
          ? `Write [${JSON.stringify(node.value)}].`
          : 'Write it in brackets: [a, b].'
      return this.refuse(at, `must be a list of ${what} (got ${shown(node)})`, example ?? hint)
    }
    if (node.items.length === 0)
      return this.refuse(at, `an empty list of ${what}`, example ?? 'Name at least one, or remove the key.')
    return itemsAt(node, path)
  }

  text(at: At, what: string): string | undefined {
    const { node } = at
    if (node.type === 'scalar' && typeof node.value === 'string') {
      if (node.value === '') return this.refuse(at, `${what} is empty`, 'Write a text, or remove it.')
      if (/\p{Cc}/u.test(node.value.replace(/[\n\t]/g, '')))
        return this.refuse(at, `${what} has control characters`, 'Remove them.')
      return node.value
    }
    const isQuotable = node.type === 'scalar' && node.value !== null && typeof node.value !== 'object'
    const hint = isQuotable
      ? `Quote it: "${String(node.value)}".`
      : 'Quote it, if it is meant as a text: "…".'
    return this.refuse(at, `${what} must be a string (got ${shown(node)})`, hint)
  }

  /** A text on one line, of a bounded length. */
  name(at: At, what: string, longest: number): string | undefined {
    const text = this.text(at, what)
    if (text === undefined) return undefined
    if (/[\n\t]/.test(text)) return this.refuse(at, `${what} has control characters`, 'Write it on one line.')
    if (text.length > longest)
      return this.refuse(at, `${what} is longer than ${longest} characters`, 'Shorten it.')
    return text
  }

  count(at: At, what: string, most: number): number | undefined {
    const { node } = at
    const value = node.type === 'scalar' ? node.value : undefined
    if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= most) return value
    return this.refuse(
      at,
      `${what} must be a whole number from 1 to ${most} (got ${shown(node)})`,
      `Write ${what}: 10, without quotes.`,
    )
  }
}

export function itemsAt({ items }: DocumentList, path: string): At[] {
  return items.map((node, at) => ({ node, path: below(path, at), place: node.place }))
}

export function entriesAt({ entries }: DocumentMap, path: string): (At & { readonly key: string })[] {
  return entries.map((entry) => ({ key: entry.key, ...entryAt(entry, path) }))
}

function entryAt({ key, value, place }: DocumentEntry, path: string): At {
  return { node: value, path: below(path, key), place: value.place ?? place }
}

function isOneOf<Key extends string>(key: string, keys: readonly Key[]): key is Key {
  return (keys as readonly string[]).includes(key)
}

function keyHint(key: string, keys: readonly string[]): string {
  if (key === '<<') return 'Merge keys are not supported: repeat the values.'
  const near = nearestOf(key, keys)
  return near === undefined ? `Its keys are ${keys.join(', ')}.` : `Did you mean ${JSON.stringify(near)}?`
}

/** A value as a message may show it. */
export function shown(node: DocumentNode): string {
  if (node.type === 'map') return 'a mapping'
  if (node.type === 'list') return 'a list'
  const { value } = node
  if (value === null || value === undefined) return 'nothing'
  if (typeof value === 'string' && /[^\P{Cc}\n\t]/u.test(value))
    return 'text with control characters: is the file text in UTF-8?'
  if (typeof value === 'string')
    return value.length > 60 ? `${JSON.stringify(value.slice(0, 60))}…` : JSON.stringify(value)
  return typeof value === 'object' || typeof value === 'function'
    ? `a value of type ${typeof value}`
    : String(value)
}
