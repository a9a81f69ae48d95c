import type { Element } from './der/der.js'

const [utcTime, generalizedTime] = [0x17, 0x18]
export const timeTags: readonly number[] = [utcTime, generalizedTime]

/**
 * A time as RFC 5280 section 4.1.2.5 writes it, with seconds and Z; milliseconds since 1970. Throws `RangeError` for
 * other formats. Written by hand: a revocation list has a hundred thousand of them.
 */
export function readTime({ bytes, tag, contents, end }: Element): number {
  const yearDigits = tag === utcTime ? 2 : 4
  if (!timeTags.includes(tag) || end - contents !== yearDigits + 11 || bytes[end - 1] !== 0x5a)
    throw notATime()
  const number = (from: number, digits: number): number => {
    let value = 0
    for (let at = from; at < from + digits; at++) {
      const digit = (bytes[at] ?? 0) - 0x30
      if (digit < 0 || digit > 9) throw notATime()
      value = value * 10 + digit
    }
    return value
  }
  const years = number(contents, yearDigits)
  const year = tag === utcTime ? years + (years < 50 ? 2000 : 1900) : years
  const pair = (index: number) => number(contents + yearDigits + 2 * index, 2)
  const [month, day, hour, minute, second] = [pair(0), pair(1), pair(2), pair(3), pair(4)]
  const time = new Date(Date.UTC(year, month - 1, day, hour, minute, second))
  if (
    time.getUTCMonth() !== month - 1 || // an invalid day falls in another month
    hour > 23 ||
    minute > 59 ||
    second > 59
  )
    throw notATime()
  return time.getTime()
}

const notATime = () => new RangeError('not a time')
