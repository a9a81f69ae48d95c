import { type Element, elementAt, elementsIn } from './der.js'

const [objectId, octetString, sequence, constructed] = [0x06, 0x04, 0x30, 0x20]
/** UTF8String, PrintableString, TeletexString, IA5String, UniversalString and BMPString. */
const strings: readonly number[] = [0x0c, 0x13, 0x14, 0x16, 0x1c, 0x1e]

/**
 * What reading a DER encoding costs, for a hundredth of it, up to `limit`: one for each value, those inside of octet strings
 * too, since names, purposes and policies are a few each; more for long texts and object identifiers. What is no DER
 * ends the count: `checkDer` refuses it.
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
      // Whoever reads it will say so.
    }
  }
  return cost
}

function costOf({ tag, contents, end }: Element): number {
  const length = end - contents
  if (strings.includes(tag)) return 1 + Math.floor(length / 32)
  // As numbers they are as long as their squares; real ones have up to 20 bytes.
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
