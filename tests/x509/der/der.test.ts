import { describe, expect, test } from 'vitest'
import {
  checkDer,
  contentsOf,
  elementAt,
  elementsIn,
  encoded,
  encodingOf,
  implicitly,
} from '../../../src/x509/der/der.js'

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'))

describe('a value', () => {
  test.each([
    ['0400', 2, 2],
    ['047f', 2, 2 + 127],
    ['048180', 3, 3 + 128],
    ['0481ff', 3, 3 + 255],
    ['04820100', 4, 4 + 256],
    ['0483010000', 5, 5 + 65_536],
    ['048401000000', 6, 6 + 16_777_216],
  ])('with the head %s has contents from %i to %i', (head, contents, end) => {
    const found = elementAt(bytes(head), 0, Number.MAX_SAFE_INTEGER)
    expect(found).toMatchObject({ tag: 4, start: 0, contents, end })
  })

  test.each([
    ['', 'cut off'],
    ['04', 'cut off'],
    ['0401', 'cut off'],
    ['0482 01', 'cut off'],
    ['1f 01 00', 'a tag of several bytes'],
    ['3f 81 01 00', 'a tag of several bytes'],
    ['bf 01 00', 'a tag of several bytes'],
    ['30 80 00 00', 'a length that DER does not have'],
    ['04 85 00 00 00 00 01 00', 'a length that DER does not have'],
    ['04 85 01 00 00 00 00 00', 'a length that DER does not have'],
    [`04 81 7f ${'00'.repeat(127)}`, 'a length that DER does not have'],
    [`04 82 00 ff ${'00'.repeat(255)}`, 'a length that DER does not have'],
    [`04 83 00 01 00 ${'00'.repeat(256)}`, 'a length that DER does not have'],
  ])('%s is refused: %s', (hex, reason) => {
    expect(() => elementAt(bytes(hex), 0)).toThrow(RangeError)
    expect(() => elementAt(bytes(hex), 0)).toThrow(reason)
  })

  test('does not reach beyond what it stands in', () => {
    const der = bytes('04 02 aa bb')
    expect(elementAt(der, 0, 4).end).toBe(4)
    for (const limit of [0, 1, 2, 3]) expect(() => elementAt(der, 0, limit)).toThrow('cut off')
    expect(() => [...elementsIn(elementAt(bytes('30 03 04 02 aa bb'), 0))]).toThrow('cut off')
  })

  test('gives the values inside, in their order, with and without their heads', () => {
    const [first, second, ...others] = [...elementsIn(elementAt(bytes('30 07 04 02 aa bb 02 01 07'), 0))]
    expect(others).toEqual([])
    expect(first && Buffer.from(encodingOf(first)).toString('hex')).toBe('0402aabb')
    expect(second && Buffer.from(contentsOf(second)).toString('hex')).toBe('07')
  })
})

test.each([
  [0, '0400'],
  [127, '047f'],
  [128, '048180'],
  [255, '0481ff'],
  [256, '04820100'],
  [4096, '04821000'],
  [65_536, '0483010000'],
])('%i bytes are written with the head %s, and read back', (length, head) => {
  const der = encoded(4, new Uint8Array(length))
  expect(Buffer.from(der.subarray(0, head.length / 2)).toString('hex')).toBe(head)
  expect(elementAt(der, 0)).toMatchObject({ contents: head.length / 2, end: der.length })
  expect(der.length).toBe(head.length / 2 + length)
})

describe('DER throughout', () => {
  test.each([
    ['a BOOLEAN', '01 01 ff'],
    ['an INTEGER of the shortest form', '02 02 00 80'],
    ['a negative one', '02 02 ff 7f'],
    ['a BIT STRING with zeros at its end', '03 02 07 80'],
    ['an empty BIT STRING', '03 01 00'],
    ['a time', `17 0d ${Buffer.from('260102030405Z').toString('hex')}`],
    ['a tag of another class', '81 01 01'],
    ['a sequence of sequences', '30 04 30 02 05 00'],
  ])('%s is', (_, hex) => {
    expect(() => checkDer(bytes(hex))).not.toThrow()
  })

  test.each([
    ['a BOOLEAN that is neither', '01 01 01'],
    ['a BOOLEAN of two bytes', '01 02 ff ff'],
    ['an empty INTEGER', '02 00'],
    ['an INTEGER with a zero too many', '02 02 00 7f'],
    ['a negative one with a byte too many', '02 02 ff 80'],
    ['an ENUMERATED with a zero too many', '0a 02 00 01'],
    ['a BIT STRING without its first byte', '03 00'],
    ['one with bits behind its end', '03 02 07 c0'],
    ['one of nothing that leaves bits out', '03 01 01'],
    ['one that leaves out more than a byte', '03 02 08 00'],
    ['a NULL with contents', '05 01 00'],
    ['an object identifier that is cut off', '06 02 2a 80'],
    ['a time without Z', `17 0d ${Buffer.from('2601020304050').toString('hex')}`],
    ['a time with a fraction', `18 11 ${Buffer.from('20260102030405.1Z').toString('hex')}`],
    ['a text in parts', '2c 03 0c 01 61'],
    ['octets in parts', '24 03 04 01 61'],
    ['a sequence without parts', '10 00'],
    ['a set without parts', '11 00'],
    ['an end of contents', '00 00'],
    ['a type that nobody uses', '0d 01 2a'],
    ['something behind it', '05 00 00'],
    ['it inside of a sequence', '30 03 01 01 01'],
  ])('%s is not', (_, hex) => {
    expect(() => checkDer(bytes(hex))).toThrow(RangeError)
  })

  test('63 values inside each other are, 65 are not', () => {
    const nested = (depth: number): Uint8Array =>
      depth === 1 ? encoded(0x30) : encoded(0x30, nested(depth - 1))
    expect(() => checkDer(nested(63))).not.toThrow()
    expect(() => checkDer(nested(65))).toThrow('too many values')
  })

  test('an implicit tag has the form of the type that it stands for', () => {
    expect(implicitly(elementAt(bytes('81 01 ff'), 0), 0x01).tag).toBe(0x01)
    for (const hex of ['81 01 01', 'a1 02 05 00', '81 00'])
      expect(() => implicitly(elementAt(bytes(hex), 0), 0x01)).toThrow(RangeError)
    expect(() => implicitly(undefined, 0x01)).toThrow(RangeError)
  })
})
