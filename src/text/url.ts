/**
 * The URL in a text, undefined if it is none. Not by `URL.canParse`: once Node 20 and 22 have compiled it, it says no to
 * letters such as `ü`.
 */
export function urlIn(text: string, base?: string | URL): URL | undefined {
  try {
    return new URL(text, base)
  } catch {
    return undefined
  }
}
