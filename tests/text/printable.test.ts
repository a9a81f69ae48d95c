import { expect, test } from 'vitest'
import { printable, printableJson } from '../../src/text/printable.js'

test.each([
  ['\u001b[31mred', '\\x1b[31mred'],
  ['two\r\nlines', 'two\\x0d\\x0alines'],
  ['\u009b2J', '\\x9b2J'],
  ['user\u202egnp.exe', 'user\\u{202e}gnp.exe'],
  ['a\u2028b\u{e0001}c\ud800', 'a\\u{2028}b\\u{e0001}c\\u{d800}'],
  ['café 東京 😀', 'café 東京 😀'],
])('foreign text %j is shown as %s', (text, shown) => {
  expect(printable(text)).toBe(shown)
})

test('a line of JSON is escaped in its own way, and says the same', () => {
  const line = JSON.stringify({ name: 'a\u007f\u202e\u{e0001}\u2028 東京' })
  expect(printableJson(line)).toBe('{"name":"a\\u007f\\u202e\\udb40\\udc01\\u2028 東京"}')
  expect(JSON.parse(printableJson(line))).toEqual(JSON.parse(line))
})
