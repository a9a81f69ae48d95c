import { CommanderError } from 'commander'
import { expect, test } from 'vitest'
import {
  type Exiting,
  exitCodeOfError,
  exitCodeOfFailures,
  exitCodeOfLevel,
  exitCodes,
  exitCodesHelp,
} from '../../src/cli/exit-codes.js'
import { Interrupted } from '../../src/cli/io/signals.js'
import { MtlsError } from '../../src/errors.js'

const typing = new CommanderError(1, 'commander.unknownOption', 'unknown option')
const setting = new MtlsError('CONFIG_INVALID', 'wrong')
const missing = new MtlsError('CERT_NOT_FOUND', 'not there')
const slow = new MtlsError('CONNECTION_TIMEOUT', 'no answer')

test.each<[Exiting | undefined, unknown, number]>([
  [undefined, typing, 64],
  ['serve', typing, 64],
  ['serve', setting, 64],
  ['serve', new MtlsError('PORT_CONFLICT', 'twice'), 64],
  ['serve', missing, 1],
  ['serve', new Error('oops'), 1],
  ['cert-check', typing, 64],
  ['cert-check', setting, 64],
  ['cert-check', missing, 2],
  ['cert-check', new Error('oops'), 2],
  ['monitor', missing, 1],
  ['monitor --once', setting, 64],
  ['monitor --once', missing, 2],
  ['ask', typing, 1],
  ['ask', setting, 1],
  ['ask', slow, 4],
  ['ask', missing, 5],
  ['test-tls', slow, 1],
  ['policy check', typing, 64],
  ['policy explain', new MtlsError('POLICY_INVALID', 'wrong'), 1],
  ['policy test', new MtlsError('POLICY_INVALID', 'wrong'), 64],
  ['demo', new Interrupted(), 130],
  ['ask', new Interrupted(), 130],
])('%s: %s is %i', (command, error, code) => {
  expect(exitCodeOfError(error, command)).toBe(code)
})

test('a code that a command can end with is one that its help explains', () => {
  const explained = (command: Exiting) => Object.keys(exitCodes[command].meanings).map(Number)
  for (const kind of ['place', 'timeout', 'unreachable', 'other', 'usage'] as const)
    expect(explained('ask')).toContain(exitCodeOfFailures([{ kind }]))
  for (const level of ['ok', 'warning', 'critical'] as const)
    for (const command of ['cert-check', 'monitor --once'] as const)
      expect(explained(command)).toContain(exitCodeOfLevel(level))
})

test('of several failures the unknown city decides, then the timeout', () => {
  expect(exitCodeOfFailures([{ kind: 'other' }, { kind: 'unreachable' }, { kind: 'timeout' }])).toBe(4)
  expect(exitCodeOfFailures([{ kind: 'timeout' }, { kind: 'place' }])).toBe(2)
  expect(exitCodeOfFailures([])).toBe(0)
})

test('the codes fill the lines of a help text', () => {
  expect(exitCodesHelp('cert-list')).toBe('Exit codes: 0 done, 1 failed, 64 bad usage')
  expect(exitCodesHelp('ask')).toMatch(
    /, 4 timeout,\n5 anything else, 130 interrupted\. Of a partial answer .*\.$/,
  )
})
