import { expect, test } from 'vitest'
import { dayMs } from '../../src/text/duration.js'
import { expiringFrom } from '../../src/x509/life.js'

const begins = new Date('2026-01-01T00:00:00Z')
const after = (milliseconds: number) => new Date(begins.getTime() + milliseconds)

test.each([
  [365, 335],
  [61, 31],
  [60.5, 30.5],
  [60, 54],
  [47, 42.3],
  [30, 27],
  [1, 0.9],
  [1 / 24, 0.9 / 24],
])('of a life of %d days the end is near after %d', (life, near) => {
  expect(expiringFrom(begins, after(life * dayMs))).toEqual(after(near * dayMs))
})
