import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { progressBar } from '../../src/cli/terminal/progress.js'

const stream = (isTTY: boolean) => Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY })

test('on a terminal one line is drawn anew, and gone at the end', () => {
  const stderr = stream(true)
  const bar = progressBar({ stderr })
  bar.update(0.5, 'calls: mTLS, 4 in flight')
  bar.update(0.5, 'calls: mTLS, 4 in flight')
  expect(stderr.read()).toBe(`\r${'█'.repeat(12)}${'░'.repeat(12)}  50 %  calls: mTLS, 4 in flight\x1b[K`)
  bar.clear()
  expect(stderr.read()).toBe('\r\x1b[K')
})

test('elsewhere each part is told once, in a line', () => {
  const stderr = stream(false)
  const bar = progressBar({ stderr })
  bar.update(0.1, 'calls: HTTP, 1 in flight')
  bar.update(0.2, 'calls: mTLS, 1 in flight')
  bar.update(0.9, 'memory')
  bar.clear()
  expect(stderr.read()).toBe('calls\nmemory\n')
})
