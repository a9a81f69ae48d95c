/** One value of a DER encoding (X.690 section 8.1): where its contents begin and end within `bytes`. */
export interface Element {
  readonly bytes: Uint8Array
  /** The identifier octet: class, form and number. Numbers above 30 are not read. */
  readonly tag: number
  readonly start: number
  readonly contents: number
  readonly end: number
}

/** The value at an offset. Throws `RangeError` if it is cut off, of indefinite length or not of the shortest length. */
export function elementAt(bytes: Uint8Array, start: number, limit = bytes.length): Element {
  const tag = byteAt(bytes, start, limit)
  if ((tag & 0x1f) === 0x1f) throw new RangeError('a tag of several bytes')
  const first = byteAt(bytes, start + 1, limit)
  let contents = start + 2
  let length = first
  if (first >= 0x80) {
    const count = first & 0x7f
    if (count === 0 || count > 4) throw new RangeError('a length that DER does not have')
    length = 0
    for (; contents < start + 2 + count; contents++) length = length * 256 + byteAt(bytes, contents, limit)
    if (length < 0x80 || length < 256 ** (count - 1)) throw new RangeError('a length that DER does not have')
  }
  const end = contents + length
  if (end > limit) throw new RangeError('it is cut off')
  return { bytes, tag, start, contents, end }
}

/** The values inside a constructed one, in order. */
export function* elementsIn({ bytes, contents, end }: Element): Generator<Element> {
  for (let at = contents; at < end; ) {
    const element = elementAt(bytes, at, end)
    yield element
    at = element.end
  }
}

/** Values inside values; those of certificates have ten. */
const greatestDepth = 64

/** Throws `RangeError` unless this is one value that is DER throughout. Other encodings hide their size, or say one thing in two ways. */
export function checkDer(bytes: Uint8Array): void {
  const whole = elementAt(bytes, 0)
  if (whole.end !== bytes.length) throw new RangeError('something follows it')
  const pending: [Element, depth: number][] = [[whole, 1]]
  for (let next = pending.pop(); next; next = pending.pop()) {
    const [element, depth] = next
    checkForm(element)
    if (!(element.tag & constructed)) continue
    if (depth === greatestDepth) throw new RangeError('too many values inside each other')
    for (const inner of elementsIn(element)) pending.push([inner, depth + 1])
  }
}

const constructed = 0x20
const [boolean, integer, bitString, none, objectId, enumerated] = [0x01, 0x02, 0x03, 0x05, 0x06, 0x0a]
const octetString = 0x04
/** UTF8, Numeric, Printable, Teletex, IA5, Visible, General, Universal and BMP strings. */
const texts: readonly number[] = [0x0c, 0x12, 0x13, 0x14, 0x16, 0x1a, 0x1b, 0x1c, 0x1e]
const [utcTime, generalizedTime, sequence, set] = [0x17, 0x18, 0x30, 0x31]

/** The value of an implicit tag as the universal type that it stands for. Throws `RangeError` if it has not the form of that one. */
export function implicitly(element: Element | undefined, tag: number): Element {
  const value = { ...expected(element), tag }
  if (((element?.tag ?? 0) ^ tag) & constructed) throw new RangeError('another form was expected')
  checkForm(value)
  return value
}

/** The form of a universal type and of its contents (X.690 sections 8.2 to 8.19, 10.2, 11.1, 11.2). */
function checkForm({ bytes, tag, contents, end }: Element): void {
  if (tag >= 0x40) return // of a class whose types are named elsewhere
  const length = end - contents
  const [first = 0, second = 0, last = 0] = [bytes[contents], bytes[contents + 1], bytes[end - 1]]
  const fine = (): boolean => {
    switch (tag) {
      case sequence:
      case set:
        return true
      case boolean:
        return length === 1 && (first === 0 || first === 0xff)
      case integer:
      case enumerated: // of the shortest form
        return (
          length === 1 || (length > 1 && (first === 0 ? second >= 0x80 : first !== 0xff || second < 0x80))
        )
      case bitString: // with zeros behind its last bit
        return length > 0 && first < 8 && (length > 1 ? (last & ((1 << first) - 1)) === 0 : first === 0)
      case none:
        return length === 0
      case objectId:
        return length > 0 && last < 0x80
      case utcTime:
      case generalizedTime: // without fractions, as RFC 5280 section 4.1.2.5 has them
        return (
          length === (tag === utcTime ? 13 : 15) &&
          last === 0x5a &&
          bytes.subarray(contents, end - 1).every((digit) => digit >= 0x30 && digit <= 0x39)
        )
      default: // no other type has parts, and no type but these stands in what is read here
        return tag === octetString || texts.includes(tag)
    }
  }
  if (!fine()) throw new RangeError('a value that DER does not have')
}

/** The same element. Throws `RangeError` if it is missing, or has another tag. */
export function expected(element: Element | undefined, tag = element?.tag): Element {
  if (!element || element.tag !== tag) throw new RangeError('another value was expected')
  return element
}

/** With tag and length. */
export function encodingOf({ bytes, start, end }: Element): Uint8Array {
  return bytes.subarray(start, end)
}

/** Without them. */
export function contentsOf({ bytes, contents, end }: Element): Uint8Array {
  return bytes.subarray(contents, end)
}

/** The encoding of a value with this identifier octet around these contents. */
export function encoded(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const length = contents.reduce((sum, part) => sum + part.length, 0)
  const long = length < 0x80 ? [] : Buffer.from(length.toString(16).replace(/^(..)*.$/, '0$&'), 'hex')
  const head = Uint8Array.from([tag, length < 0x80 ? length : 0x80 + long.length, ...long])
  return Buffer.concat([head, ...contents], head.length + length)
}

function byteAt(bytes: Uint8Array, at: number, limit: number): number {
  const byte = at < limit ? bytes[at] : undefined
  if (byte === undefined) throw new RangeError('it is cut off')
  return byte
}
