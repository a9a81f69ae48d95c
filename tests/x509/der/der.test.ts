import { describe, expect, test } from 'vitest'
import { contentsOf, elementAt, elementsIn, encoded, encodingOf } from '../../../src/x509/der/der.js'

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
