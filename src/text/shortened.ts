/** The longest text from a peer in a log line or an answer, in characters. */
export const longestPeerText = 256

/** A text cut to this many characters, with `…` in place of the rest. */
export function shortened(text: string, longest = longestPeerText): string {
  if (text.length <= longest) return text
  // Never cuts a character beyond the first plane in half.
  return `${text.slice(0, longest - 1).replace(/[\ud800-\udbff]$/, '')}…`
}
