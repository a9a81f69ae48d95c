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

/** Throws `RangeError` unless this is one value that is DER throughout. Other encodings hide their size. */
export function checkDer(bytes: Uint8Array): void {
  const whole = elementAt(bytes, 0)
  if (whole.end !== bytes.length) throw new RangeError('something follows it')
  const pending = [whole]
  for (let next = pending.pop(); next; next = pending.pop())
    if (next.tag & 0x20) pending.push(...elementsIn(next))
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
