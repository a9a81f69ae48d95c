import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isLoopback, parseDuration } from '../../src/config/index.js'

test.each([
  ['500ms', 500],
  ['30s', 30_000],
  ['5m', 300_000],
  ['250', 250],
  ['1.5s', 1500],
])('the duration %s is %d ms', (text, expected) => {
  expect(parseDuration(text)).toBe(expected)
})

test.each(['', 's', '5h', '-1s', '1e3', '5 s', '0x10', 'NaN'])('%j is not a duration', (text) => {
  expect(parseDuration(text)).toBeUndefined()
})

test.each(['localhost', 'LOCALHOST', '127.0.0.1', '127.9.9.9', '::1', '[::1]', '::ffff:127.0.0.1'])(
  '%s is loopback',
  (host) => expect(isLoopback(host)).toBe(true),
)

test.each([
  '0.0.0.0',
  '::',
  '192.168.1.2',
  'example.com',
  'localhost.example.com',
  '127.0.0.1.nip.io',
  '',
  'a.localhost',
])('%j is not loopback', (host) => expect(isLoopback(host)).toBe(false))

test('an IPv4 address is loopback exactly when it starts with 127', () => {
  fc.assert(fc.property(fc.ipV4(), (address) => isLoopback(address) === address.startsWith('127.')))
})
