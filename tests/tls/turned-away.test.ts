import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { TurnedAway } from '../../src/tls/turned-away.js'

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }))
afterEach(() => void vi.useRealTimers())

test('an address is refused for a while, and each time counts', () => {
  const away = new TurnedAway(1000)
  expect(away.refuses('10.0.0.1')).toBe(false)
  away.add('10.0.0.1')
  expect([away.refuses('10.0.0.1'), away.refuses('10.0.0.2'), away.refuses('10.0.0.1')]).toEqual([
    true,
    false,
    true,
  ])
  vi.advanceTimersByTime(999)
  away.add('10.0.0.1') // again: from now on
  vi.advanceTimersByTime(999)
  expect(away.refuses('10.0.0.1')).toBe(true)
  vi.advanceTimersByTime(1)
  expect(away.refuses('10.0.0.1')).toBe(false)
  expect(away.count).toBe(3)
})

test('with no time to it nobody is refused; ten thousand addresses are remembered', () => {
  const never = new TurnedAway(0)
  never.add('10.0.0.1')
  expect(never.refuses('10.0.0.1')).toBe(false)
  const away = new TurnedAway(1000)
  for (let at = 0; at <= 10_000; at++) away.add(String(at))
  expect([away.refuses('0'), away.refuses('1'), away.refuses('10000')]).toEqual([false, true, true])
})
