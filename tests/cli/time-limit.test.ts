import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { TimeLimit } from '../../src/cli/mcp/time-limit.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('aborts once the time is over, and says of whom', () => {
  const { signal } = new TimeLimit(1000, 'https://localhost/mcp')
  vi.advanceTimersByTime(999)
  expect(signal.aborted).toBe(false)
  vi.advanceTimersByTime(1)
  expect(signal.reason).toMatchObject({
    code: 'CONNECTION_TIMEOUT',
    message: 'https://localhost/mcp did not answer within 1000 ms',
  })
})

test('no time runs while somebody is asked, also twice at once', () => {
  const limit = new TimeLimit(1000, 'it')
  vi.advanceTimersByTime(600)
  limit.pause()
  limit.pause()
  vi.advanceTimersByTime(60_000)
  limit.resume()
  vi.advanceTimersByTime(60_000)
  limit.resume()
  vi.advanceTimersByTime(399)
  expect(limit.signal.aborted).toBe(false)
  vi.advanceTimersByTime(2)
  expect(limit.signal.aborted).toBe(true)
})

test('never aborts after its end', () => {
  const limit = new TimeLimit(1000, 'it')
  limit.pause()
  limit.end()
  limit.resume()
  vi.advanceTimersByTime(5000)
  expect([limit.signal.aborted, vi.getTimerCount()]).toEqual([false, 0])
})
