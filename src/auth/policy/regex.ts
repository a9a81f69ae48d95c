import { RE2JS } from 're2js'

// The only file that knows the library of regular expressions. Its time is linear in the length of the text.

/** Whether a whole text fits a pattern. */
export type WholeMatch = (text: string) => boolean

const longestPattern = 500

/** Throws `Error` for what is no pattern of RE2. */
export function wholeMatch(pattern: string): WholeMatch {
  if (pattern.length > longestPattern) throw new Error(`longer than ${longestPattern} characters`)
  const compiled = RE2JS.compile(pattern)
  return (text) => compiled.matches(text)
}
