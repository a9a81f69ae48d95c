import { openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { LogDestination, openAppending } from '../../../src/tls/log/destination.js'
import { scratch } from '../../support/scratch.js'

/** A destination that cannot be written until it is opened anew, then `path` has what it writes. */
function brokenDestination(onFailure: (code: string) => void = () => {}) {
  const path = join(scratch(), 'log')
  writeFileSync(path, '')
  const opens = [() => openSync(path, 'r'), () => openAppending(path)]
  const destination = new LogDestination({
    name: 'the log',
    open: () => (opens.shift() ?? (() => openSync(join(path, 'nowhere'), 'a')))(),
    lineOf: (dropped) => `${dropped} dropped\n`,
    onFailure,
  })
  onTestFinished(() => destination.close())
  return { destination, written: () => readFileSync(path, 'utf8') }
}

test('a line is written at once', () => {
  const { destination, written } = brokenDestination()
  destination.reopen()
  destination.write('one\n')
  expect(written()).toBe('one\n')
  expect(destination.problem).toBeUndefined()
})

test('what cannot be written waits, and is a problem with its beginning until then; the failure is told once', () => {
  const failed = vi.fn()
  const { destination, written } = brokenDestination(failed)
  const before = new Date()
  destination.write('one\n')
  destination.write('two\n')
  destination.flush()
  const { problem } = destination
  expect(problem?.message).toBe('the log cannot be written (EBADF)')
  expect(problem?.since.getTime()).toBeGreaterThanOrEqual(before.getTime())
  expect(failed.mock.calls).toEqual([['EBADF']])
  destination.reopen()
  expect(written()).toBe('one\ntwo\n')
  expect(destination.problem).toBeUndefined()
})

test('a failure is tried again by itself', () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const { destination, written } = brokenDestination()
  destination.write('one\n')
  expect(vi.getTimerCount()).toBe(1)
  vi.advanceTimersByTime(1000)
  expect(vi.getTimerCount()).toBe(1)
  destination.reopen()
  expect(vi.getTimerCount()).toBe(0)
  expect(written()).toBe('one\n')
})

test('beyond a megabyte lines are dropped, and their number stands where they are missing', () => {
  const { destination, written } = brokenDestination()
  const line = (number: number) => `${String(number).padStart(1023)}\n`
  for (let number = 0; number < 1030; number++) destination.write(line(number))
  expect(destination.dropped).toBe(6)
  expect(destination.problem?.message).toBe('the log cannot be written (EBADF), 6 lines were dropped')
  destination.reopen()
  destination.write('next\n')
  const lines = written().split('\n')
  expect(lines.slice(0, 1024).every((text, number) => Number(text) === number)).toBe(true)
  expect(lines.slice(1024)).toEqual(['6 dropped', 'next', ''])
  expect(destination.dropped).toBe(6)
  expect(destination.problem).toBeUndefined()
})

test('a line longer than a megabyte is one all the same', () => {
  const { destination, written } = brokenDestination()
  destination.reopen()
  destination.write(`${'x'.repeat(2_000_000)}\n`)
  destination.write('next\n')
  expect(written()).toHaveLength(2_000_001 + 5)
})

test('when it cannot be opened anew it goes on where it was, and says so until it can', () => {
  const { destination, written } = brokenDestination()
  destination.reopen()
  destination.reopen()
  expect(destination.problem?.message).toMatch(/^the log could not be reopened \(ENOTDIR\): still writing/)
  destination.write('one\n')
  expect(written()).toBe('one\n')
})

test('where it cannot be opened anew that is tried again by itself', () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const directory = scratch()
  const [before, after] = [join(directory, 'before'), join(directory, 'after')]
  const failing = () => {
    throw Object.assign(new Error(), { code: 'EMFILE' })
  }
  const opens = [() => openAppending(before), failing, failing, () => openAppending(after)]
  const onFailure = vi.fn()
  const destination = new LogDestination({
    name: 'the log',
    open: () => (opens.shift() ?? failing)(),
    lineOf: () => '',
    onFailure,
  })
  onTestFinished(() => destination.close())
  destination.reopen()
  destination.write('one\n')
  vi.advanceTimersByTime(1000)
  expect(destination.problem?.message).toContain('EMFILE')
  vi.advanceTimersByTime(1000)
  expect(destination.problem).toBeUndefined()
  destination.write('two\n')
  expect([before, after].map((path) => readFileSync(path, 'utf8'))).toEqual(['one\n', 'two\n'])
  expect(onFailure.mock.calls).toEqual([['EMFILE']])
})

test('a file whose last line was cut begins with a new one', () => {
  const path = join(scratch(), 'log')
  writeFileSync(path, 'whole\ncu')
  for (const line of ['one\n', 'two\n']) {
    const destination = new LogDestination({ name: 'x', open: () => openAppending(path), lineOf: String })
    destination.write(line)
    destination.close()
  }
  expect(readFileSync(path, 'utf8')).toBe('whole\ncu\none\ntwo\n')
})
