import { AsnConvert } from '@peculiar/asn1-schema'
import { ExtendedKeyUsage } from '@peculiar/asn1-x509'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encoded } from '../../src/x509/der/der.js'
import { readObjectIds, readSubjectNames } from '../../src/x509/subject-names.js'

const sequence = (...parts: Uint8Array[]) => encoded(0x30, ...parts)
const other = (id: number[], text: string) =>
  encoded(0xa0, encoded(0x06, Buffer.from(id)), encoded(0xa0, name(0x0c, text)))
const name = (tag: number, contents: Uint8Array | string) => encoded(tag, Buffer.from(contents))

test('every kind is read, in its order; what is none of ours is passed over', () => {
  const directory = encoded(
    0xa4,
    sequence(encoded(0x31, sequence(name(6, Uint8Array.of(0x55, 4, 3)), name(0x0c, 'X')))),
  )
  const der = sequence(
    name(0x82, 'b.example'),
    name(0x82, 'a.example'),
    name(0x81, 'a@b'),
    name(0x86, 'spiffe://x/y'),
    name(0x87, Uint8Array.of(127, 0, 0, 1)),
    directory,
    ...[0xa3, 0xa5, 0x88].map((tag) => name(tag, 'x')),
    other([0x2b, 6, 1, 5, 5, 7, 8, 9], 'ü@b.example'),
    other([0x2b, 6, 1, 4, 1, 0x82, 0x37, 20, 2, 3], 'user@b.example'),
  )
  expect(readSubjectNames(der)).toEqual({
    names: { dns: ['b.example', 'a.example'], email: ['a@b'], uri: ['spiffe://x/y'], ip: ['127.0.0.1'] },
    directoryNames: [['2.5.4.3="x"']],
    mailboxes: ['ü@b.example'],
  })
})

test.each([
  ['00000000000000000000000000000001', '::1'],
  ['20010db8000000000001000000000001', '2001:db8::1:0:0:1'],
  ['00000000000000000000ffff7f000001', '::ffff:7f00:1'],
  ['0a000001', '10.0.0.1'],
  ['0a0000', '0a0000'],
  ['', ''],
])('the address %s is %s', (hex, text) => {
  expect(readSubjectNames(sequence(name(0x87, Buffer.from(hex, 'hex')))).names.ip).toEqual([text])
})

test.each([
  ['a set', encoded(0x31, name(0x82, 'x'))],
  ['something after the end', Buffer.concat([sequence(name(0x82, 'x')), Buffer.from([0])])],
  ['a name cut off', sequence(Buffer.from([0x82, 5, 0x78]))],
  ['a kind that there is not', sequence(name(0x8a, 'x'))],
  ['an other name without a value', sequence(name(0xa0, encoded(0x06, Buffer.from([0x2b]))))],
  [
    'an object identifier of 129 bytes',
    sequence(name(0xa0, Buffer.concat([encoded(0x06, Buffer.alloc(129, 1)), encoded(0xa0, encoded(0x0c))]))),
  ],
  ['a universal type', sequence(name(0x0c, 'x'))],
  ['nothing', Buffer.alloc(0)],
])('%s is refused', (_, der) => {
  expect(() => readSubjectNames(der)).toThrow(RangeError)
})

test('object identifiers are read as the library reads them', () => {
  const arc = fc.integer({ min: 0, max: 0x7fffffff })
  const id = fc
    .tuple(
      fc.constantFrom('0.5', '1.39', '2.0', '2.39', '2.40', '2.999'),
      fc.array(arc, { minLength: 1, maxLength: 8 }),
    )
    .map(([first, rest]) => [first, ...rest].join('.'))
  fc.assert(
    fc.property(fc.array(id, { minLength: 1 }), (ids) => {
      expect(readObjectIds(Buffer.from(AsnConvert.serialize(new ExtendedKeyUsage(ids))))).toEqual(ids)
    }),
  )
})

test.each([
  ['another type', sequence(name(0x04, 'x'))],
  ['an identifier that is cut off', sequence(name(0x06, Uint8Array.of(0x2a, 0x81)))],
  ['an empty one', sequence(name(0x06, ''))],
])('%s is refused', (_, der) => {
  expect(() => readObjectIds(der)).toThrow(RangeError)
})
