import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Moments } from '../../../src/tls/peer/moments.js'

const begin = new Date('2030-01-01T00:00:00Z').getTime()
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'], now: begin })
})
afterEach(() => vi.useRealTimers())

test('all that wait for one moment are looked at once, by one timer; others wait on', () => {
  const moments = new Moments()
  const seen: number[] = []
  for (const one of [1, 2, 3]) moments.add(begin + 1000, { check: () => seen.push(one) })
  moments.add(begin + 2000, { check: () => seen.push(4) })
  expect(vi.getTimerCount()).toBe(2)
  vi.advanceTimersByTime(1000)
  expect(seen).toEqual([])
  vi.advanceTimersByTime(1)
  expect(seen).toEqual([1, 2, 3])
  vi.advanceTimersByTime(5000)
  expect(seen).toEqual([1, 2, 3, 4])
  expect(vi.getTimerCount()).toBe(0)
})

test('who leaves is not looked at, and the last one takes the timer along', () => {
  const moments = new Moments()
  const check = vi.fn()
  const [one, other] = [{ check }, { check }]
  moments.add(begin + 1000, one)
  moments.add(begin + 1000, other)
  moments.remove(begin + 1000, one)
  moments.remove(begin + 1000, one)
  expect(vi.getTimerCount()).toBe(1)
  moments.remove(begin + 1000, other)
  expect(vi.getTimerCount()).toBe(0)
  vi.advanceTimersByTime(2000)
  expect(check).not.toHaveBeenCalled()
})
