import stringWidth from 'fast-string-width'
import type { Io } from '../io/io.js'

/** Columns of the terminal; unlimited where there is none. */
export function columnsOf({ stdout }: Pick<Io, 'stdout'>): number {
  const { isTTY, columns } = stdout as Io['stdout'] & { isTTY?: boolean; columns?: number }
  return isTTY && columns ? columns : Number.POSITIVE_INFINITY
}

/** A text of at most so many columns. One that is too long loses its middle: names differ at their ends. */
export function fitted(text: string, columns: number): string {
  if (stringWidth(text) <= columns) return text
  const characters = [...text]
  const head = taken(characters, Math.ceil((columns - 1) / 2))
  const tail = taken(characters.toReversed(), columns - 1 - stringWidth(head.join('')))
  return `${head.join('')}…${tail.toReversed().join('')}`
}

function taken(characters: readonly string[], columns: number): readonly string[] {
  let width = 0
  const end = characters.findIndex((character) => {
    width += stringWidth(character)
    return width > columns
  })
  return end < 0 ? characters : characters.slice(0, end)
}

/** A text with spaces behind it, up to so many columns. */
export function padded(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - stringWidth(text)))
}

/** Words in lines of at most so many columns, as far as each word fits. */
export function wrapped(words: readonly string[], columns: number): string[] {
  const lines: string[] = []
  for (const word of words) {
    const longer = `${lines.at(-1)} ${word}`
    if (lines.length > 0 && stringWidth(longer) <= columns) lines[lines.length - 1] = longer
    else lines.push(word)
  }
  return lines
}
