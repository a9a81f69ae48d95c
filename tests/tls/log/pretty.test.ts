import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import { prettyLine } from '../../../src/tls/log/pretty.js'

const line = JSON.stringify({
  level: 40,
  time: '2026-01-02T03:04:05.678Z',
  name: 'echo-mcp',
  peer_address: '127.0.0.1:1',
  reason: 'CERT_EXPIRED',
  msg: 'certificate CN=\u001b[31mx expired',
})

test('a line of the log is one readable line: time, level, message, fields', () => {
  expect(stripVTControlCharacters(prettyLine(line))).toBe(
    '03:04:05 warn  certificate CN=\\x1b[31mx expired name=echo-mcp peer_address=127.0.0.1:1 reason=CERT_EXPIRED\n',
  )
})

test('what a peer sent does not reach the terminal raw', () => {
  expect(prettyLine(line)).not.toContain('\u001b[31m')
})
