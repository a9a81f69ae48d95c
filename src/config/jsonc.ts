import { getNodeValue, type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser'

// JSON as people and editors write it: comments, trailing commas, a byte order mark. No index.ts names what needs this: bundlers of
// others cannot follow the parser's modules.

/** Line and column, counted from 1, as editors show them. */
export interface Position {
  readonly line: number
  readonly column: number
}

/** What a text says, and where in it. */
export interface JsoncDocument {
  readonly value: unknown
  /** Where the value at this path begins; that of the deepest part of the path that there is. */
  positionOf(path: readonly (string | number)[]): Position
  /** Keys that stand twice in their object, of which the last one counts. */
  readonly duplicates: readonly { readonly path: readonly string[]; readonly position: Position }[]
}

/** Why a text is no JSON. The message shows nothing of the text: it may hold a secret. */
export class JsoncError extends Error {
  readonly position: Position

  constructor(message: string, position: Position) {
    super(message)
    this.position = position
  }
}

/** Reads JSON with comments and trailing commas. Throws `JsoncError` at the first thing that is neither. */
export function readJsonc(text: string): JsoncDocument {
  const at = (offset: number) => positionIn(text, offset)
  const errors: ParseError[] = []
  const root = treeOf(text, errors)
  const [error] = errors
  if (error)
    throw new JsoncError(words[printParseErrorCode(error.error)] ?? 'this is no JSON', at(error.offset))
  if (!root) throw new JsoncError('the file is empty', at(0))
  return {
    value: getNodeValue(root),
    positionOf: (path) => at(deepest(root, path).offset),
    duplicates: duplicatesIn(root, []).map(({ path, offset }) => ({ path, position: at(offset) })),
  }
}

function treeOf(text: string, errors: ParseError[]): Node | undefined {
  try {
    return parseTree(text, errors, { allowTrailingComma: true, allowEmptyContent: true })
  } catch (error) {
    if (error instanceof RangeError) throw new JsoncError('it is nested too deep', { line: 1, column: 1 })
    throw error
  }
}

/** By what the parser calls them. */
const words: Readonly<Record<string, string>> = {
  InvalidSymbol: 'expected a value: text in double quotes, a number, true, false or null',
  InvalidNumberFormat: 'not a number',
  PropertyNameExpected: 'expected a key in double quotes',
  ValueExpected: 'expected a value',
  ColonExpected: 'expected a colon',
  CommaExpected: 'expected a comma',
  CloseBraceExpected: 'expected a closing brace }',
  CloseBracketExpected: 'expected a closing bracket ]',
  EndOfFileExpected: 'expected the end of the file',
  UnexpectedEndOfComment: 'a comment does not end',
  UnexpectedEndOfString: 'a text does not end: a double quote is missing',
  UnexpectedEndOfNumber: 'a number does not end',
  InvalidUnicode: 'a \\u escape needs four hex digits',
  InvalidEscapeCharacter: 'an escape that JSON does not have (a backslash is written \\\\)',
  InvalidCharacter: 'a control character inside a text (write \\n, \\t)',
}

function deepest(root: Node, path: readonly (string | number)[]): Node {
  let node = root
  for (const part of path) {
    const next =
      node.type === 'object'
        ? node.children?.findLast((property) => property.children?.[0]?.value === part)?.children?.[1]
        : node.children?.[Number(part)]
    if (!next) break
    node = next
  }
  return node
}

function duplicatesIn(node: Node, path: readonly string[]): { path: readonly string[]; offset: number }[] {
  const seen = new Set<string>()
  return (node.children ?? []).flatMap((child, index) => {
    if (node.type !== 'object') return duplicatesIn(child, [...path, String(index)])
    const [key, value] = child.children ?? []
    const name = String(key?.value)
    const own = [...path, name]
    const again = seen.has(name) ? [{ path: own, offset: child.offset }] : []
    seen.add(name)
    return [...again, ...(value ? duplicatesIn(value, own) : [])]
  })
}

function positionIn(text: string, offset: number): Position {
  const before = text.slice(0, offset).split(/\r\n|\r|\n/)
  return { line: before.length, column: (before.at(-1) ?? '').length + 1 }
}
