import { expect, test } from 'vitest'
import { dayMs, hourMs, timeText } from '../../src/text/duration.js'

test.each([
  [0, '0 minutes', '0 minutes'],
  [59_999, '0 minutes', '1 minute'],
  [6 * 60_000, '6 minutes', '6 minutes'],
  [hourMs - 1, '59 minutes', '60 minutes'],
  [hourMs, '1 hour', '1 hour'],
  [dayMs - 1, '23 hours', '24 hours'],
  [dayMs, '1 day', '1 day'],
  [29.5 * dayMs, '29 days', '30 days'],
])('%d ms are %s, rounded up %s', (milliseconds, down, up) => {
  expect(timeText(milliseconds)).toBe(down)
  expect(timeText(milliseconds, Math.ceil)).toBe(up)
})
