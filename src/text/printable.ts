/** What moves a cursor, ends a line, turns text round or cannot be seen: Unicode's category C and line separators. */
const unprintable = /[\p{C}\u2028\u2029]/gu

/** Foreign text, safe in a line of a terminal or a log: what could steer either is shown, as `\x1b` or `\u{202e}`. */
export function printable(text: string): string {
  return text.replace(unprintable, (character) => {
    const code = character.codePointAt(0) ?? 0
    return code < 0x100 ? `\\x${hex(code, 2)}` : `\\u{${hex(code)}}`
  })
}

/** The same of a line of JSON, in JSON's own escapes: a parser gives back what was written. */
export function printableJson(line: string): string {
  // Beyond the first plane it takes two, one for each half.
  return line.replace(unprintable, (character) =>
    character.replace(/[\s\S]/g, (unit) => `\\u${hex(unit.charCodeAt(0), 4)}`),
  )
}

function hex(code: number, digits = 1): string {
  return code.toString(16).padStart(digits, '0')
}
