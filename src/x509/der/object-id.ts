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
  const arcs: (number | bigint)[] = []
  let value: number | bigint = 0
  for (const [at, byte] of bytes.entries()) {
    if (byte === 0x80 && value === 0)
      throw new RangeError('an object identifier that is not of the shortest form')
    // A number as long as it is exact: all but those made from a UUID.
    value = value < 2 ** 45 ? Number(value) * 128 + (byte & 0x7f) : BigInt(value) * 128n + BigInt(byte & 0x7f)
    if (byte & 0x80) {
      if (at === bytes.length - 1) throw new RangeError('an object identifier that is cut off')
      continue
    }
    // The first two arcs are one number; the first has three values.
    if (arcs.length > 0) arcs.push(value)
    else if (value < 80) arcs.push(Math.floor(Number(value) / 40), Number(value) % 40)
    else arcs.push(2, typeof value === 'bigint' ? value - 80n : value - 80)
    value = 0
  }
  if (arcs.length === 0) throw new RangeError('an empty object identifier')
  return arcs.join('.')
}
