/**
 * Bytes. Those made from a UUID have 20. Converting them to numbers takes time that grows with the square of their length,
 * and Node 20 and 22 have room for 255 characters of one, of which each byte may need four: behind them they read on.
 */
const longestObjectId = 60

/**
 * `1.3.6.1.5.5.7.3.2`, from the contents of an object identifier (X.690 section 8.19). Throws `RangeError` if they are
 * invalid.
 */
export function objectIdText(bytes: Uint8Array): string {
  if (bytes.length > longestObjectId) throw new RangeError('an object identifier that nobody uses')
  const arcs: bigint[] = []
  let value = 0n
  for (const [at, byte] of bytes.entries()) {
    if (byte === 0x80 && value === 0n)
      throw new RangeError('an object identifier that is not of the shortest form')
    value = value * 128n + BigInt(byte & 0x7f)
    if (byte & 0x80) {
      if (at === bytes.length - 1) throw new RangeError('an object identifier that is cut off')
      continue
    }
    // The first two arcs are one number; the first has three values.
    if (arcs.length > 0) arcs.push(value)
    else if (value < 80n) arcs.push(value / 40n, value % 40n)
    else arcs.push(2n, value - 80n)
    value = 0n
  }
  if (arcs.length === 0) throw new RangeError('an empty object identifier')
  return arcs.join('.')
}
