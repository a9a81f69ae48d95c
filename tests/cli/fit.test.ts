import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { columnsOf, fitted, padded, wrapped } from '../../src/cli/terminal/fit.js'

test('what is too long loses its middle, and never takes more columns', () => {
  expect(fitted('short', 5)).toBe('short')
  expect(fitted('spiffe://example.org/agent', 11)).toBe('spiff…agent')
  expect(fitted('spiffe://example.org/agent', 10)).toBe('spiff…gent')
  expect(fitted('東京都千代田区', 9)).toBe('東京…田区')
  expect(fitted('東京都千代田区', 8)).toBe('東京…区')
})

test('a text that is long enough is not padded', () => {
  expect(padded('東京', 6)).toBe('東京  ')
  expect(padded('longer', 3)).toBe('longer')
})

test('words fill lines', () => {
  expect(wrapped(['a,', 'b,', 'long-word,', 'c'], 6)).toEqual(['a, b,', 'long-word,', 'c'])
  expect(wrapped([], 6)).toEqual([])
})

test('only a terminal has columns', () => {
  const stdout = new PassThrough()
  expect(columnsOf({ stdout })).toBe(Number.POSITIVE_INFINITY)
  expect(columnsOf({ stdout: Object.assign(stdout, { isTTY: true, columns: 80 }) })).toBe(80)
})
