import { expect, test } from 'vitest'
import { readSerial } from '../../../src/pki/certificate/serial.js'

test.each([
  ['AB:CD:EF', 'abcdef'],
  ['0x00ab', 'ab'],
  ['abc', 'abc'],
  ['0', '0'],
])('%s is the serial number %s', (text, serial) => {
  expect(readSerial(text)).toBe(serial)
})

test.each(['', 'zz:11', 'AB:C:D', 'ab:', './ab', 'client.crt', `${'a'.repeat(200)}.crt`])(
  '%j is none',
  (text) => {
    expect(readSerial(text)).toBeUndefined()
  },
)
