import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { tier } from '../support/tier.js'

test('calls go on, whole and flat, while certificates change and clients are revoked or leave', async () => {
  const every = tier(2, 10)
  const args = ['bench/endurance.mjs', '--json', '--seconds', String(tier(5, 120)), '--every', String(every)]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  const result = JSON.parse(stdout)
  expect(result).toMatchObject({ failed: 0, failures: [] })
  expect(result.reloads).toBeGreaterThan(1)
  expect(result.refused_revoked).toBe(result.reloads)
  expect(result.answered).toBeGreaterThan(100)
  const { first_third: first, last_third: last } = result
  expect(last.heap_mb).toBeLessThan(first.heap_mb * 1.3)
  expect(last.handles).toBeLessThan(first.handles + 40)
})
