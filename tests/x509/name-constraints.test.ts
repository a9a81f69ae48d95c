import { expect, test } from 'vitest'
import { encoded } from '../../src/x509/der/der.js'
import { readNameConstraints } from '../../src/x509/name-constraints.js'

const [sequence, permitted, excluded] = [0x30, 0xa0, 0xa1]
const subtree = (tag: number, contents: Uint8Array | string, ...limits: Uint8Array[]) =>
  encoded(sequence, encoded(tag, Buffer.from(contents)), ...limits)
const read = (list: number, ...subtrees: Uint8Array[]) =>
  readNameConstraints(encoded(sequence, encoded(list, ...subtrees)))

test('both lists are read, each subtree as what it is', () => {
  const der = encoded(
    sequence,
    encoded(permitted, subtree(0x82, 'example.com'), subtree(0x81, 'a@b'), subtree(0x86, '.x')),
    encoded(
      excluded,
      subtree(0x87, Uint8Array.of(10, 0, 0, 0, 255, 0, 0, 0)),
      subtree(0xa4, encoded(sequence)),
    ),
  )
  expect(readNameConstraints(der)).toEqual({
    permitted: [
      { kind: 'dns', text: 'example.com' },
      { kind: 'email', text: 'a@b' },
      { kind: 'uri', text: '.x' },
    ],
    excluded: [
      { kind: 'ip', bytes: Buffer.from([10, 0, 0, 0, 255, 0, 0, 0]) },
      { kind: 'directory', rdns: [] },
    ],
  })
})

test.each([
  ['an address alone', subtree(0x87, new Uint8Array(4))],
  ['an address of 16 bytes alone', subtree(0x87, new Uint8Array(16))],
  ['a registered id', subtree(0x88, Uint8Array.of(1))],
  ['a minimum', subtree(0x82, 'a', encoded(0x80, Uint8Array.of(1)))],
  ['a maximum', subtree(0x82, 'a', encoded(0x81, Uint8Array.of(1)))],
  ['nothing', encoded(sequence)],
])('%s is a subtree that nobody can check', (_, der) => {
  expect(read(permitted, der).permitted).toEqual([{ kind: 'unsupported' }])
  expect(read(excluded, der).excluded).toEqual([{ kind: 'unsupported' }])
})

test('an address of 16 bytes and its mask are one', () => {
  expect(read(permitted, subtree(0x87, new Uint8Array(32))).permitted).toMatchObject([{ kind: 'ip' }])
})

test.each([0xa2, 0x30, 0x80])('a third list (%i) is no name constraints', (tag) => {
  expect(() => read(tag, subtree(0x82, 'a'))).toThrow('no name constraints')
})
