import { expect, test } from 'vitest'
import { table } from '../../src/cli/terminal/table.js'

test('columns of a table are as wide as their widest cell', () => {
  expect(
    table([
      ['name', 'port'],
      ['datetime-mcp', '8444'],
    ]),
  ).toEqual(['name          port', 'datetime-mcp  8444'])
})

test('the width of a cell is what it takes on a terminal', () => {
  const rows = [
    ['東京', 'wide: two places a letter'],
    ['Sa\u0303o', 'a combining mark: none'],
    ['👩‍🚀 ok', 'one emoji of three characters'],
    ['\x1b[32m✓\x1b[39m', 'colour: none'],
    ['12345', 'digits'],
  ]
  expect(table(rows)).toEqual([
    '東京   wide: two places a letter',
    'Sa\u0303o    a combining mark: none',
    '👩‍🚀 ok  one emoji of three characters',
    '\x1b[32m✓\x1b[39m      colour: none',
    '12345  digits',
  ])
})

test('figures stand to the right', () => {
  const rows = [
    ['', 'p50', 'p99'],
    ['mTLS', '1.5 ms', '12 ms'],
  ]
  expect(table(rows, 1)).toEqual(['         p50    p99', 'mTLS  1.5 ms  12 ms'])
})
