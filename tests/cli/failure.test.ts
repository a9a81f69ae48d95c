import { expect, test } from 'vitest'
import { fail } from '../../src/cli/program.js'
import { MtlsError } from '../../src/errors.js'
import { testIo } from '../support/io.js'

const missing = new MtlsError('CERT_NOT_FOUND', 'serverKey: certs/server.key does not exist', {
  hint: 'Make it.',
})

test('an error is what went wrong and what to do, on stderr, and exit code 1', () => {
  const io = testIo()
  fail(missing, io)
  expect(io.exitCode).toBe(1)
  expect(io.stdout.read()).toBeNull()
  expect(io.stderr.read()).toBe(
    'error: CERT_NOT_FOUND: serverKey: certs/server.key does not exist\nhint: Make it.\n',
  )
})

test('with --json it is an object on stdout too', () => {
  const io = testIo()
  fail(missing, io, { json: true })
  expect(JSON.parse(io.stdout.read())).toEqual({
    error: { code: 'CERT_NOT_FOUND', message: missing.message, hint: 'Make it.' },
  })
})

test.each(['CONFIG_INVALID', 'PORT_CONFLICT'] as const)('%s is bad usage', (code) => {
  const io = testIo()
  fail(new MtlsError(code, 'wrong'), io)
  expect(io.exitCode).toBe(64)
})

test('a command that has set its exit code keeps it', () => {
  const io = testIo()
  io.exitCode = 3
  fail(missing, io)
  expect(io.exitCode).toBe(3)
})

test('text from a peer in an error cannot command the terminal', () => {
  const io = testIo()
  fail(new MtlsError('CLIENT_CERT_REJECTED', 'the server says \u001b]0;owned\u0007'), io)
  expect(io.stderr.read()).toContain('the server says \\x1b]0;owned\\x07')
})

test('a mistake of ours shows its stack only when debugging', () => {
  const quiet = testIo()
  fail(new Error('oops'), quiet)
  const text = quiet.stderr.read()
  expect(text).toContain('error: INTERNAL: oops\nhint: This is a mistake in mcp-mtls')
  expect(text).not.toContain('    at ')

  const debugging = testIo({ env: { LOG_LEVEL: 'debug' } })
  fail(new Error('oops'), debugging)
  expect(debugging.stderr.read()).toContain('    at ')
})
