import { expect, test } from 'vitest'
import { printable } from '../../src/cli/io/output.js'

test.each([
  ['\u001b[31mred', '\\x1b[31mred'],
  ['two\r\nlines', 'two\\x0d\\x0alines'],
  ['\u009b2J', '\\x9b2J'],
  ['user\u202egnp.exe', 'user\\u{202e}gnp.exe'],
  ['São Paulo, 東京', 'São Paulo, 東京'],
])('%j from a peer is printed as %j', (text, expected) => {
  expect(printable(text)).toBe(expected)
})
