/** What a star may not cross, by the kind of name. */
export type PatternKind = 'name' | 'uri' | 'dns' | 'email' | 'spiffe'

/** A name with stars, ready to be compared. */
export interface Pattern {
  /** Whether the whole name fits. Time grows with its length, and not with the number of ways to fit. */
  readonly matches: (name: string) => boolean
  /** Whether a name that begins like this can fit. */
  readonly canBegin: (prefix: string) => boolean
}

/** A text that must stand there, or a star. */
type Token = string | Star

interface Star {
  /** Characters that it does not match. */
  readonly stops: string
  /** `*` alone in its segment, and `**`, stand for one character at least. */
  readonly isEmptyAllowed: boolean
  /** `**`: it crosses segments. */
  readonly isFar: boolean
}

export function hasStar(text: string): boolean {
  return text.includes('*')
}

/** Reads a pattern. `*` stays within its segment; `**` alone in a segment stands for one or more segments. */
export function patternOf(text: string, kind: PatternKind): Pattern {
  const tokens = tokensOf(text, kind)
  const isTrap = kind === 'uri' && hasStar(text) ? isTrapUri : () => false
  const [first] = tokens
  const head = typeof first === 'string' ? first : ''
  return {
    // Most names differ from most patterns in how they begin.
    matches: (name) => name.startsWith(head) && !isTrap(name) && run(tokens, name, false),
    canBegin: (prefix) => !isTrap(prefix) && run(tokens, prefix, true),
  }
}

/** With the parameters that some servers cut off before they look (`..;a=b`). */
const dotSegment = /(?:^|[/\\?#])(?:\s|%20)*\.{1,2}(?:\s|%20)*(?:$|[/\\?#;])/
/** However often the sign that escapes is escaped itself: some servers decode twice. */
const escaped = /%(?:25)*(?:2e|2f|5c)/i
/** Parsers of URLs drop spaces at both ends (WHATWG URL section 4.4). */
const spaceAtEnd = /^\s|\s$/

/**
 * A URI that a server may take for another one: dot segments and empty ones, escaped dots and separators, backslashes, spaces at an end. No
 * pattern with a star may match it.
 */
export function isTrapUri(uri: string): boolean {
  return (
    dotSegment.test(uri) ||
    hasEmptySegment(uri) ||
    spaceAtEnd.test(uri) ||
    uri.includes('\\') ||
    escaped.test(uri)
  )
}

/** What begins with a slash leads out of a directory that it is resolved in (RFC 3986 section 5.2.2). */
function hasEmptySegment(uri: string): boolean {
  const [path = ''] = uri.replace(/^[^/?#]*:\/\/[^/?#]*/, '').split(/[?#]/, 1)
  return path.includes('//')
}

function tokensOf(text: string, kind: PatternKind): readonly Token[] {
  const tokens: Token[] = []
  for (const match of text.matchAll(/\*+|[^*]+/g)) {
    const [part] = match
    if (!part.startsWith('*')) {
      tokens.push(part)
      continue
    }
    const [before, after] = [text.slice(0, match.index), text.slice(match.index + part.length)]
    const { separators, farStops } = stopsAt(before, after, kind)
    const isAlone = isEdge(before.at(-1), separators) && isEdge(after[0], separators)
    const isFar = isAlone && part === '**'
    tokens.push({ stops: isFar ? farStops : separators, isEmptyAllowed: !isAlone, isFar })
  }
  return tokens
}

function isEdge(character: string | undefined, separators: string): boolean {
  return character === undefined || separators.includes(character)
}

/** What ends a segment at this place, and what ends everything that `**` may stand for. */
function stopsAt(before: string, after: string, kind: PatternKind): { separators: string; farStops: string } {
  switch (kind) {
    case 'name':
      return { separators: '/.', farStops: '' }
    case 'spiffe':
      return { separators: '/?#', farStops: '?#' }
    case 'dns':
      return { separators: '.', farStops: '' }
    case 'email':
      // A local part is one segment, whatever dots it has.
      return before.includes('@') ? { separators: '.@', farStops: '@' } : { separators: '@', farStops: '@' }
    case 'uri': {
      const isInQuery = /[?#]/.test(before)
      const isInAuthority = /^[^/?#]*:\/\/[^/?#]*$/.test(before)
      const separators = `/?#${isInQuery ? '&' : ''}${isInAuthority ? '.:@' : ''}`
      // What a host ends with is no part of a path: `https://evil.example/.example.com`.
      const isHostBehind = isInAuthority && /^[.:@]/.test(after)
      return { separators, farStops: isHostBehind ? '/?#:@' : '?#' }
    }
  }
}

/**
 * Compares from left to right. Where it fails, the last star takes one character more, and where that one may not, the last star
 * that crosses segments: an earlier one could stand for nothing that these cannot. So each character is looked at a number of times
 * that only the pattern bounds.
 */
function run(tokens: readonly Token[], name: string, isPrefix: boolean): boolean {
  let [token, at] = [0, 0]
  /** Where to go on, for the last star within a segment and the last that crosses them: the token after it, and what it took. */
  let near: Retry | undefined
  let far: Retry | undefined
  for (;;) {
    if (isPrefix && at >= name.length) return true
    const next = tokens[token]
    if (next === undefined && at === name.length) return true
    if (typeof next === 'string' && name.startsWith(next, at)) {
      token += 1
      at += next.length
      continue
    }
    if (isPrefix && typeof next === 'string' && next.startsWith(name.slice(at))) return true
    if (typeof next === 'object') {
      const retry = { token: token + 1, at, stops: next.stops }
      if (next.isFar) [far, near] = [retry, undefined]
      else near = retry
      if (next.isEmptyAllowed) {
        token += 1
        continue
      }
    }
    // One character more for a star; the first, for a new one that may not be empty.
    let retry = near
    if (retry === undefined || !takesMore(retry, name)) {
      near = undefined
      retry = far
      if (retry === undefined || !takesMore(retry, name)) return false
    }
    retry.at += 1
    token = retry.token
    at = retry.at
  }
}

interface Retry {
  readonly token: number
  readonly stops: string
  at: number
}

function takesMore({ at, stops }: Retry, name: string): boolean {
  return at < name.length && !stops.includes(name.charAt(at))
}
