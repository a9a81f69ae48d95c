import { expect, onTestFinished, test, vi } from 'vitest'
import { AcceptFailures } from '../../src/server/accept-failures.js'

test('what lasts is told once and counted each time; after a quiet while it is over, and told again', () => {
  onTestFinished(() => void vi.useRealTimers())
  vi.useFakeTimers({ toFake: ['Date'], now: 0 })
  const told: string[] = []
  const failures = new AcceptFailures((message) => told.push(message))
  const at = (milliseconds: number) => vi.setSystemTime(milliseconds)
  const full = Object.assign(new Error(), { code: 'EMFILE' })
  const problems = () => failures.problems(new Date())

  failures.look()
  expect([failures.count, problems()]).toEqual([0, []])
  failures.failed(full)
  at(2000)
  failures.failed(full)
  at(4500)
  expect(problems()).toEqual([
    {
      code: 'CONNECTION_FAILED',
      message: expect.stringMatching(/^no connection can be accepted: .*EMFILE/),
      since: new Date(0).toISOString(),
    },
  ])
  at(5500)
  expect(problems()).toEqual([])
  expect(told).toHaveLength(1)

  failures.failed(Object.assign(new Error(), { code: 'ENOBUFS' }))
  expect(problems()).toMatchObject([{ since: new Date(5500).toISOString() }])
  expect(told[1]).toBe('no connection can be accepted: ENOBUFS')
  expect(failures.count).toBe(3)
})
