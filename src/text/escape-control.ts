/**
 * Text of a peer, or JSON with such text in it, without characters that move a cursor or turn text round. A JSON
 * parser gives back what the peer wrote.
 */
export function escapeControl(text: string): string {
  // Beyond the first plane JSON wants two escapes, one for each half.
  return text.replace(/[\p{C}\u2028\u2029]/gu, (character) =>
    character.replace(/[\s\S]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
  )
}
