import { expect, test } from 'vitest'
import { elementAt, encoded } from '../../src/x509/der/der.js'
import { readTime } from '../../src/x509/time.js'

const [utc, generalized] = [0x17, 0x18]
const time = (tag: number, text: string) => readTime(elementAt(encoded(tag, Buffer.from(text, 'latin1')), 0))

test.each([
  [utc, '500101000000Z', '1950-01-01T00:00:00.000Z'],
  [utc, '491231235959Z', '2049-12-31T23:59:59.000Z'],
  [utc, '000229120000Z', '2000-02-29T12:00:00.000Z'],
  [utc, '991001010203Z', '1999-10-01T01:02:03.000Z'],
  [generalized, '20500101000000Z', '2050-01-01T00:00:00.000Z'],
  [generalized, '99991231235959Z', '9999-12-31T23:59:59.000Z'],
  [generalized, '20240229235959Z', '2024-02-29T23:59:59.000Z'],
])('%i %s is %s', (tag, text, iso) => {
  expect(new Date(time(tag, text)).toISOString()).toBe(iso)
})

test.each([
  [utc, '261301000000Z', 'a month too many'],
  [utc, '260001000000Z', 'no month'],
  [utc, '260100000000Z', 'no day'],
  [utc, '260132000000Z', 'a day too many'],
  [utc, '260229000000Z', 'a day that only leap years have'],
  [utc, '260431000000Z', 'a day too many for April'],
  [utc, '260101240000Z', 'an hour too many'],
  [utc, '260101006000Z', 'a minute too many'],
  [utc, '260101000060Z', 'a second too many'],
  [utc, '2601010000Z', 'no seconds'],
  [utc, '260101000000', 'no Z'],
  [utc, '2601010000000', 'a digit in the place of Z'],
  [utc, '260101000000+0000', 'an offset'],
  [utc, '26010100000/Z', 'a character before the digits'],
  [utc, '26010100000:Z', 'a character after the digits'],
  [utc, '20260101000000Z', 'four digits for the year'],
  [generalized, '260101000000Z', 'two digits for the year'],
  [generalized, '20260101000000.5Z', 'a fraction'],
  [0x16, '20260101000000Z', 'another type'],
  [0x16, '260101000000Z', 'another type'],
])('%i %s is refused: %s', (tag, text) => {
  expect(() => time(tag, text)).toThrow(RangeError)
})
