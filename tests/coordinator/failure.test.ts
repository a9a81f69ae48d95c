import { ProtocolError } from '@modelcontextprotocol/client'
import { expect, test } from 'vitest'
import { failureOf } from '../../src/coordinator/failure.js'

test.each([
  [-32_011, 'NOT_AUTHORIZED', 'does not allow this call'],
  [-32_012, 'RATE_LIMITED', 'allows no more of these calls'],
  [-32_013, 'AUDIT_FAILED', 'cannot record the call'],
])('a denial (%i) keeps its code, and says where its reason is found', (number, code, words) => {
  const error = new ProtocolError(number, 'not authorized', { code, request_id: 'abc-1' })
  const failure = failureOf(error, 'weather')
  expect(failure).toMatchObject({ kind: 'unreachable', code })
  expect(failure.message).toContain(words)
  expect(failure.message).toContain('abc-1')
  expect(failure.hint).toContain('--request-id abc-1')
})

test('an error that only looks like a denial is none', () => {
  const error = new ProtocolError(-32_011, 'other', { code: 'SOMETHING' })
  expect(failureOf(error, 'weather').code).toBe('TOOL_FAILED')
})
