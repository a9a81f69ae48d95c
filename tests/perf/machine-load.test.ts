import { expect, test } from 'vitest'
import { machineTime, shareOfOthers } from '../../src/perf/machine-load.js'

test('what others take of a machine is what was busy beside our own, as a share of the time of all its cores', () => {
  const before = { busy: 1000, passed: 10_000 }
  expect(shareOfOthers(before, { busy: 1500, passed: 11_000 }, 200)).toBe(0.3)
  expect(shareOfOthers(before, { busy: 1500, passed: 11_000 }, 700)).toBe(0) // clocks of unlike steps
  expect(shareOfOthers(before, before, 0)).toBe(0)
})

test('the time of a machine only grows', () => {
  const before = machineTime()
  const after = machineTime()
  expect(after.passed).toBeGreaterThanOrEqual(before.passed)
  expect(before.busy).toBeLessThanOrEqual(before.passed)
})
