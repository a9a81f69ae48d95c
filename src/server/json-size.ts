export interface JsonLimits {
  /** Keys in all objects of a body together. */
  readonly maxBodyKeys: number
  /** How many objects and arrays may stand in each other. */
  readonly maxBodyDepth: number
}

/**
 * Why this JSON would cost more than it may, undefined for everything else; what it is that is no JSON is not said. One
 * walk over the text, before anything is made of it: each key costs some microseconds in what checks messages.
 */
export function jsonExcess(text: string, { maxBodyKeys, maxBodyDepth }: JsonLimits): string | undefined {
  let keys = 0
  let depth = 0
  let inString = false
  for (let index = 0; index < text.length; index++) {
    switch (text.charCodeAt(index)) {
      case backslash:
        if (inString) index++
        break
      case quote:
        inString = !inString
        break
      case colon:
        if (!inString && ++keys > maxBodyKeys) return `has more than ${maxBodyKeys} keys`
        break
      case brace:
      case bracket:
        if (!inString && ++depth > maxBodyDepth) return `is nested more than ${maxBodyDepth} deep`
        break
      case braceEnd:
      case bracketEnd:
        if (!inString) depth--
    }
  }
  return undefined
}

const [quote, backslash, colon, brace, bracket, braceEnd, bracketEnd] = [
  0x22, 0x5c, 0x3a, 0x7b, 0x5b, 0x7d, 0x5d,
]
