import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { atMoment } from '../../src/tls/at-moment.js'

const day = 86_400_000
const start = new Date('2030-01-01T00:00:00Z')
const after = (milliseconds: number) => new Date(start.getTime() + milliseconds)

beforeEach(() => {
  vi.useFakeTimers({ now: start })
})
afterEach(() => {
  vi.useRealTimers()
})

test.each([0, 1, 5000, 25 * day, 400 * day])(
  'acts once, %i ms away, right after the moment',
  async (distance) => {
    const acted: number[] = []
    atMoment(after(distance), () => acted.push(Date.now()))
    await vi.advanceTimersByTimeAsync(distance)
    expect(acted).toEqual([])
    await vi.advanceTimersByTimeAsync(2)
    await vi.advanceTimersByTimeAsync(day)
    expect(acted).toEqual([after(distance + 1).getTime()])
  },
)

test('acts at once, but not before it returns, for a moment in the past', async () => {
  const act = vi.fn()
  atMoment(after(-day), act)
  expect(act).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(1)
  expect(act).toHaveBeenCalledOnce()
})

test('does nothing once it is cancelled', async () => {
  const act = vi.fn()
  atMoment(after(30 * day), act)()
  await vi.advanceTimersByTimeAsync(31 * day)
  expect(act).not.toHaveBeenCalled()
})

test('follows a clock that is set back', async () => {
  const act = vi.fn()
  atMoment(after(1000), act)
  vi.setSystemTime(after(-5000))
  await vi.advanceTimersByTimeAsync(2000)
  expect(act).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(5000)
  expect(act).toHaveBeenCalledOnce()
})

test('follows a clock that is set forward, as after a sleep, within the hour', async () => {
  const act = vi.fn()
  atMoment(after(20 * day), act)
  vi.setSystemTime(after(21 * day))
  await vi.advanceTimersByTimeAsync(3_600_001)
  expect(act).toHaveBeenCalledOnce()
})
