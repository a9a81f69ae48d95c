import { describe, expect, test } from 'vitest'
import { parseServerConfig, readSettings } from '../../src/config/index.js'
import { refusal } from '../support/refusal.js'

const plain = { name: 'echo-mcp', tlsEnabled: false }
const auditOf = (audit: object, auditLog: unknown = '/var/log/audit.jsonl') =>
  parseServerConfig({ ...plain, auditLog, audit }).audit

test.each([
  ['1000,60s', { lines: 1000, ms: 60_000 }],
  ['60s, 1000', { lines: 1000, ms: 60_000 }],
  ['5', { lines: 5 }],
  ['2m', { ms: 120_000 }],
  ['1h', { ms: 3_600_000 }],
  ['500ms', { ms: 500 }],
])('checkpoints are made every %s', (text, expected) => {
  expect(readSettings({ env: { AUDIT_CHECKPOINT: text } }).audit.checkpoint).toEqual(expected)
  expect(auditOf({ checkpoint: text })?.checkpoint).toEqual(expected)
  expect(auditOf({ checkpoint: expected })?.checkpoint).toEqual(expected)
})

test.each([
  ['4096', 4096],
  ['100MiB', 100 * 1024 * 1024],
  ['1 g', 1024 ** 3],
  ['512k', 512 * 1024],
])('a file of the record has at most %s', (text, expected) => {
  expect(readSettings({ env: { AUDIT_MAX_BYTES: text } }).audit.maxBytes).toBe(expected)
  expect(auditOf({ maxBytes: text })?.maxBytes).toBe(expected)
  expect(auditOf({ maxBytes: expected })?.maxBytes).toBe(expected)
})

test('keys to leave out stand between commas', () => {
  expect(readSettings({ env: { AUDIT_REDACT: 'password, token' } }).audit.redact).toEqual([
    'password',
    'token',
  ])
})

describe('is refused, with what is allowed', () => {
  const wrong = {
    AUDIT_CHECKPOINT: [
      '0',
      '0s',
      '1000,1000',
      '1s,1s',
      '1000,60s,5',
      '-1',
      '1.5',
      '10 s',
      'often',
      '600h',
      ',',
    ],
    AUDIT_MAX_BYTES: ['4095', '1k', '10x', '-1', '1e9', '1.5m', 'kib'],
    AUDIT_REDACT: ['a,', ',a', 'a,,b', ','],
    AUDIT_ON_FAILURE: ['Deny', 'stop', 'deny,continue'],
    AUDIT_ARGUMENTS: ['yes', 'some'],
  }
  const allowed = {
    AUDIT_CHECKPOINT: 'allowed are a number of lines, a time, or both: 1000,60s',
    AUDIT_MAX_BYTES: 'allowed are sizes from 4096 bytes: 1048576, 512k, 100MiB',
    AUDIT_REDACT: 'allowed are keys between commas: password,token',
    AUDIT_ON_FAILURE: 'allowed are continue, deny',
    AUDIT_ARGUMENTS: 'allowed are true, false, 1, 0',
  }
  const names = Object.keys(wrong) as (keyof typeof wrong)[]
  test.each(names.flatMap((name) => wrong[name].map((text) => [name, text] as const)))(
    '%s=%s',
    (name, text) => {
      const { code, message } = refusal(() => readSettings({ env: { [name]: text } }))
      expect(code).toBe('CONFIG_INVALID')
      expect(message).toContain(`${name} (--audit-`)
      expect(message).toContain(`${JSON.stringify(text)}: ${allowed[name]}`)
    },
  )
})

test('without options a record has the documented ones; its paths do not move with the working directory', () => {
  expect(parseServerConfig({ ...plain, auditLog: 'audit.jsonl' }).audit).toEqual({
    sink: `${process.cwd()}/audit.jsonl`,
    onFailure: 'continue',
    arguments: false,
    checkpoint: { lines: 1000, ms: 60_000 },
    maxBytes: 100 * 1024 * 1024,
  })
  expect(auditOf({ key: 'audit.key', redact: ['pin'] }, '-')).toMatchObject({
    sink: '-',
    key: `${process.cwd()}/audit.key`,
    redact: ['pin'],
  })
  expect(parseServerConfig(plain)).not.toHaveProperty('audit')
})

test('the function that gets each line is left as it is', () => {
  const receive = Object.assign(() => undefined, { lines: [] })
  expect(auditOf({}, receive)?.sink).toBe(receive)
  expect(Object.isFrozen(receive) || Object.isFrozen(receive.lines)).toBe(false)
})

test('how calls are recorded without where is a mistake: nothing would be', () => {
  const { code, message } = refusal(() => parseServerConfig({ ...plain, audit: { onFailure: 'deny' } }))
  expect(code).toBe('CONFIG_INVALID')
  expect(message).toContain('audit: says how calls are recorded, and auditLog, which says where, is missing')
})

test('every wrong option of a record is told at once, and no unknown one is passed over', () => {
  const audit = {
    onFailure: 'Deny',
    arguments: 'yes',
    redact: 'password',
    checkpoint: { lines: 0 },
    maxBytes: 10,
    key: '-----BEGIN PRIVATE KEY-----\nx',
    onFailur: 'deny',
  }
  const { message } = refusal(() => auditOf(audit, 7))
  for (const part of [
    'auditLog: 7: where calls are recorded is the path of a file',
    'audit.onFailure: "Deny": allowed are continue, deny',
    'audit.arguments: "yes": allowed are true and false',
    'audit.redact: text: lists are wanted',
    'audit.checkpoint: a value of type object: allowed are a number of lines, a time, or both',
    'audit.maxBytes: 10: allowed are sizes from 4096 bytes',
    'audit.key: the value given: the path of a file is wanted',
    'audit.onFailur: there is no such option (did you mean onFailure?)',
  ])
    expect(message).toContain(part)
  expect(message).not.toContain('BEGIN')
})

test.each([{}, { lines: 1, seconds: 5 }, { ms: 1.5 }, { ms: 2 ** 31 }, 5, null])(
  'checkpoint: %j is refused',
  (checkpoint) => {
    expect(refusal(() => auditOf({ checkpoint })).message).toContain('audit.checkpoint: ')
  },
)
