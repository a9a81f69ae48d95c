/** What of a text of a peer goes into a log line or an answer at most, in characters. */
export const longestPeerText = 256

/** A text cut at so many characters, with `…` in the place of the rest. */
export function shortened(text: string, longest = longestPeerText): string {
  if (text.length <= longest) return text
  // No half of a character beyond the first plane.
  return `${text.slice(0, longest - 1).replace(/[\ud800-\udbff]$/, '')}…`
}
