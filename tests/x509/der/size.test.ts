import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encoded } from '../../../src/x509/der/der.js'
import { readingCost } from '../../../src/x509/der/size.js'
import { forge } from '../../support/forge.js'

const value = encoded(0x02, Buffer.from([1]))
const sequence = (...parts: Uint8Array[]) => encoded(0x30, ...parts)

test('every value counts, also inside of octet strings and of each other', () => {
  expect(readingCost(value, 100)).toBe(1)
  expect(readingCost(sequence(), 100)).toBe(1)
  expect(readingCost(sequence(value, value), 100)).toBe(3)
  expect(readingCost(sequence(sequence(value), encoded(0xa0, value)), 100)).toBe(5)
  expect(readingCost(encoded(0x04, sequence(value, value)), 100)).toBe(4)
  expect(readingCost(encoded(0x04, Buffer.from([0x30, 5, 1])), 100)).toBe(1)
  expect(readingCost(encoded(0x04, Buffer.concat([sequence(value), value])), 100)).toBe(1)
  expect(readingCost(encoded(0x04, value), 100)).toBe(1)
  expect(readingCost(encoded(0x0c, sequence(value, value)), 100)).toBe(1)
})

test('it stops at the limit, and where there is no DER any more', () => {
  expect(readingCost(sequence(...Array.from({ length: 500 }, () => value)), 100)).toBe(100)
  expect(readingCost(Buffer.from([0x30, 3, 2, 1]), 100)).toBe(0)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const count = readingCost(bytes, 50)
      expect(count).toBeLessThanOrEqual(50)
      expect(count).toBeLessThanOrEqual(bytes.length / 2)
    }),
  )
})

test.each([
  [{}, 60],
  [{ dns: Array.from({ length: 100 }, (_, index) => `${index}.example`) }, 170],
  [{ usage: Array.from({ length: 300 }, (_, index) => `1.3.${index}`) }, 370],
])('a certificate with %j has so many', async (options, most) => {
  const { der } = await forge(options)
  const count = readingCost(der, 1000)
  expect(count).toBeGreaterThan(most - 40)
  expect(count).toBeLessThan(most)
})
