/**
 * Characters that move a cursor, end a line, reverse text or are invisible: Unicode's category C and line separators.
 */
const unprintable = /[\p{C}\u2028\u2029]/gu

/** All that most texts have. */
const plain = /^[\x20-\x7e]*$/

/** Foreign text, safe in a line of a terminal or a log: control characters are shown as `\x1b` or `\u{202e}`. */
export function printable(text: string): string {
  return text.replace(unprintable, (character) => {
    const code = character.codePointAt(0) ?? 0
    return code < 0x100 ? `\\x${hex(code, 2)}` : `\\u{${hex(code)}}`
  })
}

/** The same for a line of JSON, in JSON's own escapes: a parser restores the original text. */
export function printableJson(line: string): string {
  if (plain.test(line)) return line
  // A character beyond the first plane takes two escapes, one for each half.
  return line.replace(unprintable, (character) =>
    character.replace(/[\s\S]/g, (unit) => `\\u${hex(unit.charCodeAt(0), 4)}`),
  )
}

function hex(code: number, digits = 1): string {
  return code.toString(16).padStart(digits, '0')
}
