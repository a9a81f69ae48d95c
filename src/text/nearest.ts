/** The word that is meant by one that is spelled nearly like it: in another case, or with one slip. Undefined when there is none. */
export function nearestOf(word: string, words: readonly string[]): string | undefined {
  const lower = word.toLowerCase()
  return (
    words.find((known) => known.toLowerCase() === lower) ??
    words.find((known) => isOneSlip(known.toLowerCase(), lower))
  )
}

/** Whether one letter is too many, missing or another, or two that are neighbours are swapped. */
function isOneSlip(one: string, other: string): boolean {
  const shorter = Math.min(one.length, other.length)
  if (shorter < 2) return false // nearly all of so short a word is the slip
  let start = 0
  while (start < shorter && one[start] === other[start]) start++
  let end = 0
  while (end < shorter - start && one.at(-1 - end) === other.at(-1 - end)) end++
  const middle = (text: string) => text.slice(start, text.length - end)
  const [left, right] = [middle(one), middle(other)]
  const isSwapped = left.length === 2 && left === [...right].reverse().join('')
  return isSwapped || Math.max(left.length, right.length) === 1
}
