import stringWidth from 'fast-string-width'

/**
 * Columns side by side, each as wide as its widest cell on a terminal, where characters may take two columns or none.
 * The columns from `figuresFrom` on are right-aligned.
 */
export function table(
  rows: readonly (readonly string[])[],
  figuresFrom = Number.POSITIVE_INFINITY,
): string[] {
  const measured = rows.map((row) => row.map((text) => ({ text, width: stringWidth(text) })))
  const widths: number[] = []
  for (const row of measured)
    for (const [column, { width }] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, width)
  return measured.map((row) =>
    row
      .map(({ text, width }, column) => {
        const space = ' '.repeat((widths[column] ?? 0) - width)
        return column < figuresFrom ? text + space : space + text
      })
      .join('  ')
      .trimEnd(),
  )
}
