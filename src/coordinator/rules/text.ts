/** A stretch of the question, `end` excluded. */
export interface Span {
  readonly start: number
  readonly end: number
}

export interface Word extends Span {
  /** Folded, see `foldText`. */
  readonly text: string
}

/**
 * Lower case without accents, character for character: positions in the result are positions in the
 * (NFC) original, so that what a pattern finds here can be cut out of what the asker wrote.
 */
export function foldText(text: string): string {
  return Array.from({ length: text.length }, (_, index) => {
    const unit = text.charAt(index)
    const folded = unit.normalize('NFD').charAt(0).toLowerCase()
    return folded.length === 1 ? folded : unit
  })
    .join('')
    .replace(/[’‘]/g, "'")
}

/** Replaces the understood part with `|`: it separates words and keeps the positions. */
export function blank(text: string, spans: Iterable<Span>): string {
  let result = text
  for (const { start, end } of spans)
    result = result.slice(0, start) + '|'.repeat(end - start) + result.slice(end)
  return result
}

export function wordsOf(folded: string): Word[] {
  return Array.from(folded.matchAll(/[\p{L}\p{N}][\p{L}\p{M}\p{N}'/_-]*/gu), (match) => ({
    text: match[0],
    start: match.index,
    end: match.index + match[0].length,
  }))
}
