import { expect, test } from 'vitest'
import { dayMs, expiringFrom, timeText } from '../../src/x509/life.js'

const begins = new Date('2026-01-01T00:00:00Z')
const after = (milliseconds: number) => new Date(begins.getTime() + milliseconds)
const hour = dayMs / 24

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

test.each([
  [0, '0 minutes', '0 minutes'],
  [59_999, '0 minutes', '1 minute'],
  [6 * 60_000, '6 minutes', '6 minutes'],
  [hour - 1, '59 minutes', '60 minutes'],
  [hour, '1 hour', '1 hour'],
  [dayMs - 1, '23 hours', '24 hours'],
  [dayMs, '1 day', '1 day'],
  [29.5 * dayMs, '29 days', '30 days'],
])('%d ms are %s, rounded up %s', (milliseconds, down, up) => {
  expect(timeText(milliseconds)).toBe(down)
  expect(timeText(milliseconds, Math.ceil)).toBe(up)
})
