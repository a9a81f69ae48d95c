import { type Element, elementAt, elementsIn } from './der.js'

const [octetString, sequence, constructed] = [0x04, 0x30, 0x20]

/**
 * How many values a DER encoding has, those inside of octet strings too, up to `limit`: names, purposes and policies are
 * a few each, so that it tells what reading costs, for a hundredth of it. What is no DER ends the count.
 */
export function countValues(der: Uint8Array, limit: number): number {
  let count = 0
  const pending = [wholeOf(der, 0, der.length)]
  for (let next = pending.pop(); next; next = pending.pop()) {
    try {
      for (const element of elementsIn(next)) {
        if (++count >= limit) return count
        if (element.tag & constructed) pending.push(element)
        else if (element.tag === octetString && isDer(element)) pending.push(element)
      }
    } catch {
      // Whoever reads it will say so.
    }
  }
  return count
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
