import fc from 'fast-check'
import { expect, it } from 'vitest'
import { editDistance } from '../../src/places/edit-distance.js'

function distance(a: string, b: string, limit = 9): number {
  return editDistance(Buffer.from(a), Buffer.from(b), 0, b.length, limit)
}

it.each([
  ['oslo', 'oslo', 0],
  ['oslo', 'oslp', 1],
  ['pairs', 'paris', 1],
  ['munich', 'muniich', 1],
  ['munich', 'munch', 1],
  ['', 'abc', 3],
  ['kitten', 'sitting', 3],
])('counts the edits between %j and %j', (a, b, edits) => {
  expect(distance(a, b)).toBe(edits)
})

it('stops counting above the limit', () => {
  expect(distance('abcdefgh', 'stuvwxyz', 2)).toBe(3)
})

it('is the same in both directions, and zero only for the same text', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 6 })
  fc.assert(
    fc.property(word, word, (a, b) => {
      expect(distance(a, b)).toBe(distance(b, a))
      expect(distance(a, b) === 0).toBe(a === b)
    }),
  )
})
