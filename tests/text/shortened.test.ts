import { expect, test } from 'vitest'
import { longestPeerText, shortened } from '../../src/text/shortened.js'

test('a text is cut where it is too long, and never in the middle of a character', () => {
  expect(shortened('x'.repeat(longestPeerText))).toBe('x'.repeat(longestPeerText))
  expect(shortened('x'.repeat(longestPeerText + 1))).toBe(`${'x'.repeat(longestPeerText - 1)}…`)
  expect(shortened('abcdef', 4)).toBe('abc…')
  expect(shortened('ab😀😀', 4)).toBe('ab…')
  expect(shortened('a😀😀', 4)).toBe('a😀…')
})
