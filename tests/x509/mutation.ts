import { elementAt, elementsIn, encoded } from '../../src/x509/der/der.js'

/** Numbers from 0 to below 1, the same for a seed on every machine (mulberry32). */
export function numbersFrom(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A value of an encoding; those inside it, in octet strings too. */
interface Node {
  tag: number
  readonly inside: Node[] | undefined
  contents: Uint8Array
  /** In the place of its encoding. */
  instead?: Uint8Array
}

const tags = [
  ...[
    0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0a, 0x0c, 0x0d, 0x10, 0x11, 0x12, 0x13, 0x14, 0x16, 0x17,
    0x18,
  ],
  ...[0x1a, 0x1c, 0x1e, 0x23, 0x24, 0x2c, 0x30, 0x31, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88],
  ...[0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5],
]
const bytes = [0x00, 0x01, 0x02, 0x7f, 0x80, 0xfe, 0xff]

/** An encoding with one thing in it changed, by these numbers; the lengths around it fit again, but for a third of them. */
export function mutated(der: Uint8Array, next: () => number): Buffer {
  const below = (limit: number) => Math.floor(next() * limit)
  const one = <Value>(all: readonly Value[]) => all[below(all.length)] as Value
  const whole = Buffer.from(der)
  const at = below(whole.length)
  switch (below(9)) {
    case 0:
      whole[at] = (whole[at] ?? 0) ^ (1 << below(8))
      return whole
    case 1:
      return Buffer.concat([whole.subarray(0, at), whole.subarray(at + 1 + below(4))])
    case 2:
      return Buffer.concat([whole.subarray(0, at), Buffer.of(below(256)), whole.subarray(at)])
  }
  const root = parsed(elementAt(whole, 0))
  const all = nodesIn(root)
  const node = one(all)
  const contents = Buffer.from(written(node)).subarray(headLength(written(node)))
  const replaceBy = (...parts: Uint8Array[]) => {
    node.instead = Buffer.concat(parts)
  }
  switch (below(10)) {
    case 0:
      replaceBy(encoded(one(tags), contents))
      break
    case 1:
      replaceBy(written(node), written(node))
      break
    case 2:
      replaceBy()
      break
    case 3:
      replaceBy(encoded(node.tag, contents, Buffer.of(below(256))))
      break
    case 4:
      replaceBy(encoded(node.tag, Buffer.of(one(bytes)), contents))
      break
    case 5:
      replaceBy(encoded(node.tag, contents.subarray(0, Math.max(0, contents.length - 1 - below(2)))))
      break
    case 6: // of indefinite length
      replaceBy(Buffer.of(node.tag, 0x80), contents, Buffer.of(0, 0))
      break
    case 7: // of a longer form than it needs
      replaceBy(Buffer.of(node.tag, 0x83, 0, contents.length >> 8, contents.length & 0xff), contents)
      break
    case 8:
      replaceBy(written(one(all)))
      break
    default: {
      const length = one([0, 1, 1, 1, 2, 3, 4, 5])
      const small = one(all.filter(({ contents }) => contents.length < 6))
      small.instead = encoded(
        small.tag,
        Uint8Array.from({ length }, () => one([...bytes, below(256)])),
      )
    }
  }
  return Buffer.from(written(root))
}

function parsed(element: ReturnType<typeof elementAt>): Node {
  const { bytes, tag, contents, end } = element
  const inside =
    tag & 0x20 ? [...elementsIn(element)].map(parsed) : tag === 0x04 ? insideOf(element) : undefined
  return { tag, inside, contents: bytes.subarray(contents, end) }
}

/** What an octet string holds, if that is an encoding. */
function insideOf({ bytes, contents, end }: ReturnType<typeof elementAt>): Node[] | undefined {
  try {
    const element = elementAt(bytes, contents, end)
    return element.end === end ? [parsed(element)] : undefined
  } catch {
    return undefined
  }
}

function nodesIn(node: Node): Node[] {
  return [node, ...(node.inside ?? []).flatMap(nodesIn)]
}

function written({ tag, inside, contents, instead }: Node): Uint8Array {
  return instead ?? encoded(tag, ...(inside ? inside.map(written) : [contents]))
}

function headLength(encoding: Uint8Array): number {
  const { start, contents } = elementAt(encoding, 0)
  return contents - start
}
