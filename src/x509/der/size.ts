import { type Element, elementAt, elementsIn } from './der.js'

const [objectId, octetString, sequence, constructed] = [0x06, 0x04, 0x30, 0x20]
/** UTF8String, PrintableString, TeletexString, IA5String, UniversalString and BMPString. */
const strings: readonly number[] = [0x0c, 0x13, 0x14, 0x16, 0x1c, 0x1e]

/**
 * The cost of reading a DER encoding, computed for a hundredth of that cost, up to `limit`: one for each value,
 * including those inside octet strings, since names, purposes and policies are a few each; more for long texts and
 * object identifiers. Counting stops at anything that is not DER: `checkDer` refuses it.
 */
export function readingCost(der: Uint8Array, limit: number): number {
  let cost = 0
  const pending = [wholeOf(der, 0, der.length)]
  for (let next = pending.pop(); next; next = pending.pop()) {
    try {
      for (const element of elementsIn(next)) {
        cost += costOf(element)
        if (cost >= limit) return limit
        if (element.tag & constructed) pending.push(element)
        else if (element.tag === octetString && isDer(element)) pending.push(element)
      }
    } catch {
      // The reader will report it.
    }
  }
  return cost
}

function costOf({ tag, contents, end }: Element): number {
  const length = end - contents
  if (strings.includes(tag)) return 1 + Math.floor(length / 32)
  // Converting them to numbers takes time that grows with the square of their length; real ones have up to 20 bytes.
  return tag === objectId ? 1 + Math.floor(length ** 2 / 1024) : 1
}

function isDer({ bytes, contents, end }: Element): boolean {
  try {
    return bytes[contents] === sequence && elementAt(bytes, contents, end).end === end
  } catch {
    return false
  }
}

function wholeOf(bytes: Uint8Array, contents: number, end: number): Element {
  return { bytes, tag: sequence, start: contents, contents, end }
}
