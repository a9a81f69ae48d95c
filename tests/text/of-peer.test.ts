import { expect, test } from 'vitest'
import { ofPeer } from '../../src/text/of-peer.js'

test('what a peer wrote stays in its line, and is cut', () => {
  expect(ofPeer('a\nerror: forged \u001b[2J\u2028\u202e')).toBe(
    'a\\x0aerror: forged \\x1b[2J\\u{2028}\\u{202e}',
  )
  expect(ofPeer('x'.repeat(9_000_000))).toBe(`${'x'.repeat(255)}…`)
  expect(ofPeer('\n'.repeat(300))).toHaveLength(256)
  expect(ofPeer('abcdef', 4)).toBe('abc…')
})
