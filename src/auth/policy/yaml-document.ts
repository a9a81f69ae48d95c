import {
  Composer,
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type ParsedNode,
  Parser,
} from 'yaml'
import { below, type DocumentEntry, type DocumentNode, type ReadDocument } from './document.js'
import { type Place, type PolicyProblem, problem } from './problem.js'

// The only file that knows the YAML library.

/** Characters. A thousand long rules have a quarter of it. */
const longestText = 1_000_000
/** Of syntax: each level of values has about three. What composes values is recursive, and ends the process when its stack does. */
const deepestSyntax = 60

/**
 * Reads one document of YAML 1.2 (so also JSON) without anchors, aliases, tags, directives and duplicate keys. Every problem is reported
 * with its place. `whenEmpty`: what to do about an empty one.
 */
export function yamlDocument(
  text: string,
  whenEmpty = 'To deny everything, write `rules: []`.',
): ReadDocument {
  const lines = new LineCounter()
  const placeOf = (offset: number): Place => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(line, 1), column: Math.max(col, 1) }
  }
  const refused = (offset: number, message: string, hint: string): ReadDocument => ({
    root: undefined,
    problems: [problem('', placeOf(offset), message, hint)],
  })
  if (text.length > longestText)
    return refused(0, `longer than ${longestText} characters`, 'Use patterns instead of long lists.')
  const tokens = [...new Parser(lines.addNewLine).parse(text)]
  if (isTooDeep(tokens)) return refused(0, 'nested too deeply', 'A policy has four levels.')
  const composer = new Composer({ version: '1.2', schema: 'core', uniqueKeys: false, prettyErrors: false })
  const [document, second] = [...composer.compose(tokens)] as Document.Parsed[]
  if (document === undefined) return refused(0, 'the file is empty', whenEmpty)
  if (second !== undefined)
    return refused(second.range[0], 'a second document begins here', 'Keep one document in the file.')
  const { yaml, tags } = document.directives
  if (yaml.explicit || Object.keys(tags).length > 1 || /^\ufeff?%/.test(text))
    return refused(0, 'directives (%) are not allowed', 'Remove the line; the file is YAML 1.2.')
  const syntax = [...document.errors, ...document.warnings]
    .filter(({ code }) => code !== 'BAD_ALIAS' && code !== 'TAG_RESOLVE_FAILED')
    .map(({ message, pos }) => problem('', placeOf(pos[0]), message, syntaxHint(message)))
  if (syntax.length > 0) return { root: undefined, problems: syntax }
  const reader = new Composed(placeOf)
  return { root: reader.read(document.contents, ''), problems: reader.problems }
}

function syntaxHint(message: string): string {
  if (/tab/i.test(message)) return 'Indent with spaces.'
  return 'Quote texts that have special characters, and look at the indentation.'
}

/** By walking over all tokens, without recursion. */
function isTooDeep(tokens: readonly unknown[]): boolean {
  const open = tokens.map((token) => ({ token, depth: 0 }))
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { token, depth } = next
    if (typeof token !== 'object' || token === null) continue
    if (depth > deepestSyntax) return true
    const children: readonly unknown[] = Array.isArray(token) ? token : Object.values(token)
    for (const child of children) open.push({ token: child, depth: depth + 1 })
  }
  return false
}

class Composed {
  readonly problems: PolicyProblem[] = []
  readonly #placeOf: (offset: number) => Place

  constructor(placeOf: (offset: number) => Place) {
    this.#placeOf = placeOf
  }

  read(node: ParsedNode | Node | null, path: string): DocumentNode {
    const place = this.#placeOf(node?.range?.[0] ?? 0)
    if (node === null) return { type: 'scalar', place, value: null }
    if (isAlias(node)) {
      this.#refuse(path, place, 'aliases (*) are not allowed', 'Quote a text that begins with a star: "*".')
      return { type: 'scalar', place, value: '*' }
    }
    if (node.anchor !== undefined)
      this.#refuse(
        path,
        place,
        'anchors (&) are not allowed',
        'Quote a text that begins with "&", or repeat the value.',
      )
    if (node.tag !== undefined)
      this.#refuse(
        path,
        place,
        'tags (!) are not allowed',
        'Remove the tag, or quote a text that begins with "!".',
      )
    if (isSeq(node)) {
      const items = node.items.map((item, at) => this.read(isNode(item) ? item : null, below(path, at)))
      return { type: 'list', place, items }
    }
    if (isMap(node)) return { type: 'map', place, entries: this.#entries(node.items, path) }
    return { type: 'scalar', place, value: isScalar(node) ? node.value : undefined }
  }

  #entries(pairs: readonly { key: unknown; value: unknown }[], path: string): DocumentEntry[] {
    const entries = new Map<string, DocumentEntry>()
    for (const { key: keyNode, value } of pairs) {
      const read = this.read(isNode(keyNode) ? keyNode : null, path)
      const { place } = read
      const key = read.type === 'scalar' ? String(read.value ?? '') : ''
      if (key === '') this.#refuse(path, place, 'a key must be a word', 'Write KEY: VALUE.')
      else if (entries.has(key))
        this.#refuse(below(path, key), place, `${JSON.stringify(key)} is there twice`, 'Keep one of them.')
      else entries.set(key, { key, place, value: this.#value(value, below(path, key), place) })
    }
    return [...entries.values()]
  }

  /** A missing value stands where its key does. */
  #value(value: unknown, path: string, place: Place | undefined): DocumentNode {
    return isNode(value) ? this.read(value, path) : { type: 'scalar', place, value: null }
  }

  #refuse(path: string, place: Place | undefined, message: string, hint: string): void {
    this.problems.push(problem(path, place, message, hint))
  }
}
