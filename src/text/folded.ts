/** A key as readers see it that take keys in any case, as `encoding/json` of Go does: letters that only fold to ASCII (ſ, K) too. */
export function folded(key: string): string {
  return key.toUpperCase().toLowerCase()
}
