import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { afterTime, atMoment, longWait } from '../src/alarm.js'

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
    const awake = Math.min(distance, 60_000)
    vi.setSystemTime(after(distance - awake))
    await vi.advanceTimersByTimeAsync(awake)
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

test('follows a clock that is set forward, as after a sleep, within half a minute', async () => {
  const act = vi.fn()
  atMoment(after(20 * day), act)
  vi.setSystemTime(after(21 * day))
  await vi.advanceTimersByTimeAsync(30_001)
  expect(act).toHaveBeenCalledOnce()
})

test('a wait ends in time, by the timer alone when the clock is set back', async () => {
  const ended = vi.fn()
  void longWait(90_000, new AbortController().signal).then(ended)
  vi.setSystemTime(after(-day))
  await vi.advanceTimersByTimeAsync(89_999)
  expect(ended).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(1)
  expect(ended).toHaveBeenCalledOnce()
})

test('a wait that is aborted rejects at once, with the reason', async () => {
  const stop = new AbortController()
  const waiting = longWait(day, stop.signal)
  stop.abort('enough')
  await expect(waiting).rejects.toBe('enough')
  await expect(longWait(day, stop.signal)).rejects.toBe('enough')
  expect(vi.getTimerCount()).toBe(0)
})

test('after a sleep a wait is over within half a minute, and acts once', async () => {
  const act = vi.fn()
  afterTime(10 * day, act)
  vi.setSystemTime(after(11 * day))
  await vi.advanceTimersByTimeAsync(30_000)
  expect(act).toHaveBeenCalledOnce()
  await vi.advanceTimersByTimeAsync(day)
  expect(act).toHaveBeenCalledOnce()
})

test('acts no more once it is cancelled between two looks at the clock', async () => {
  const act = vi.fn()
  const cancel = afterTime(day, act)
  await vi.advanceTimersByTimeAsync(45_000)
  cancel()
  await vi.advanceTimersByTimeAsync(2 * day)
  expect(act).not.toHaveBeenCalled()
})
