import { expect, test } from 'vitest'
import { type Step, Steps } from '../../../src/probe/diagnose/steps.js'

test('a step that is interrupted has no result, though what it saw looks like one', async () => {
  const told: Step[] = []
  const controller = new AbortController()
  const steps = new Steps((step) => told.push(step), controller.signal)
  const run = steps.run('cut', {}, async () => {
    controller.abort(new Error('interrupted'))
    return { value: true, detail: 'the connection was cut' }
  })
  await expect(run).rejects.toThrow('interrupted')
  expect(told).toEqual([])
})
