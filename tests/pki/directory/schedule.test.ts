import { expect, test } from 'vitest'
import { isDue, listDueAt, nextCheck, nextRetry } from '../../../src/pki/directory/schedule.js'

const at = (seconds: number) => new Date(seconds * 1000)
const hour = 3_600_000
const extremes = [() => 0, () => 1]

test('a certificate is due after two thirds of its life', () => {
  expect(isDue(at(0), at(300), at(199))).toBe(false)
  expect(isDue(at(0), at(300), at(200))).toBe(true)
  expect(isDue(at(0), at(300), at(400))).toBe(true)
})

test('a revocation list is due at half its life', () => {
  expect(listDueAt(at(100), at(300))).toEqual(at(200))
})

test('the next look is when something is due or a little later, and never later than an hour', () => {
  expect(extremes.map((random) => nextCheck(at(100), at(0), random))).toEqual([100_000, 110_000])
  for (const random of extremes)
    for (const due of [undefined, at(1e6)]) {
      expect(nextCheck(due, at(0), random)).toBeLessThanOrEqual(hour)
      expect(nextCheck(due, at(0), random)).toBeGreaterThan(hour * 0.9)
    }
})

test('what was due before is no reason to turn in circles', () => {
  expect(nextCheck(at(0), at(100), () => 0)).toBe(1000)
})

test('retries begin after half a minute, double, and end at an hour', () => {
  const random = () => 0
  expect([1, 2, 3].map((failures) => nextRetry(failures, random))).toEqual([30_000, 60_000, 120_000])
  for (const random of extremes) expect(nextRetry(1000, random)).toBeLessThanOrEqual(hour)
})
