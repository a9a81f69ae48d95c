import { expect, test } from 'vitest'
import { parseListenPlace } from '../../src/config/index.js'

test.each([
  ['8090', '127.0.0.1', 8090],
  ['127.0.0.1:0', '127.0.0.1', 0],
  ['127.0.0.2:1', '127.0.0.2', 1],
  ['localhost:8090', 'localhost', 8090],
  ['LocalHost.:8090', 'localhost', 8090],
  ['[::1]:8090', '::1', 8090],
  ['[0:0:0:0:0:0:0:1]:8090', '::1', 8090],
  // As clients write it into their Host header.
  ['[::ffff:127.0.0.1]:8090', '::ffff:7f00:1', 8090],
])('--listen %s is %s, port %i', (typed, host, port) => {
  expect(parseListenPlace(typed, undefined)).toEqual({ host, port })
})

test.each([
  ...['0.0.0.0:1', '[::]:1', '192.168.1.1:1', '[fe80::1]:1', 'example.org:1', '127.0.0.1.example.org:1'],
  ...['[::ffff:0.0.0.0]:1', '[::ffff:192.168.1.1]:1', '[::127.0.0.1]:1', '[::1%lo]:1', 'a.localhost:1'],
  ...['127.1:1', '2130706433:1', '0x7f.1:1', '0177.0.0.1:1', '0:1', '*:1'],
  ...['localhost', '127.0.0.1', '::1', '::1:1', '127.0.0.1:', '127.0.0.1:x', '127.0.0.1:70000', '-1', ''],
])('--listen %j is refused', (typed) => {
  expect(() => parseListenPlace(typed, undefined)).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining('--listen') }),
  )
})
