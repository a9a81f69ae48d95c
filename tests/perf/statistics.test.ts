import { expect, test } from 'vitest'
import {
  curve,
  curveParts,
  isAtMost,
  median,
  medianInterval,
  percentile,
  percentiles,
  split,
  spread,
} from '../../src/perf/statistics.js'

const hundred = Array.from({ length: 100 }, (_, index) => 100 - index)

test('percentiles are values that were measured, whatever their order', () => {
  expect(percentiles(hundred)).toEqual({ p50_ms: 51, p90_ms: 91, p99_ms: 100 })
  expect(median([3, 1, 2])).toBe(2)
  expect(percentile([7], 0.999)).toBe(7)
})

test('values are compared as numbers', () => {
  expect(median([9, 10, 100])).toBe(10)
})

test('of no values there is no percentile', () => {
  expect(percentile([], 0.5)).toBeNaN()
})

test('a curve rises, with a point for each of its parts', () => {
  const points = curve(hundred)
  expect(points).toHaveLength(curveParts.length)
  expect(points).toEqual(points.toSorted((one, other) => one - other))
  expect(curveParts).toContain(0.5)
})

test('the spread is the distance between the ends in percent of the middle', () => {
  expect(spread([90, 100, 110])).toBe(20)
  expect(spread([5, 5, 5])).toBe(0)
  expect(spread([5])).toBe(0)
})

test('a median lies between values that few samples would leave on one side', () => {
  const upTo = (count: number) => Array.from({ length: count }, (_, index) => count - index)
  // From the table of the binomial distribution: at most this many of so many beyond it in 2.5 % of all samples.
  expect(medianInterval(upTo(5))).toBeUndefined()
  expect(medianInterval(upTo(6))).toEqual([1, 6])
  expect(medianInterval(upTo(9))).toEqual([2, 8])
  expect(medianInterval(upTo(16))).toEqual([4, 13])
  expect(medianInterval(upTo(100))).toEqual([40, 61])
})

test('a limit is judged only where it lies outside of the interval', () => {
  expect(isAtMost(5, [1, 5])).toBe(true)
  expect(isAtMost(5, [5.1, 6])).toBe(false)
  expect(isAtMost(5, [4, 6])).toBeUndefined()
  expect(isAtMost(5, undefined)).toBeUndefined()
})

test('measurements are split into consecutive parts, all of them and each once', () => {
  expect(split([1, 2, 3, 4, 5], 2)).toEqual([
    [1, 2, 3],
    [4, 5],
  ])
  expect(split([1, 2], 5).flat()).toEqual([1, 2])
})
