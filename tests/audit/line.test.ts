import { createHmac, createSecretKey } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalJson } from '../../src/audit/canonical.js'
import { beginning, link, longestLine, readLine } from '../../src/audit/chain.js'
import { hmacSha256 } from '../../src/audit/hmac.js'
import { callEntry, refusedEntry } from '../../src/audit/line.js'
import { secretKeys, shownArguments, usualSecrets } from '../../src/audit/shown-arguments.js'
import { endedCall } from '../support/audited.js'

const key = createSecretKey(Buffer.from('a key of thirty-two bytes, or so'))
const now = new Date('2026-03-01T12:00:00.123Z')

function lineOf(
  call: Parameters<typeof endedCall>[0] = {},
  end: Parameters<typeof endedCall>[1] = {},
  redact?: string[],
) {
  const how = { hmac: hmacSha256(key), isSecret: redact && secretKeys(redact) }
  const { line } = link(callEntry(endedCall(call, end), how, now), beginning)
  return { line, record: JSON.parse(line) }
}

describe('the line of a call', () => {
  test('has these fields, in this order', () => {
    expect(Object.keys(lineOf().record)).toEqual(
      `time seq event server method tool target identity subject serial fingerprint256 address decision rule outcome error
      duration_ms request_id protocol_version bytes_in bytes_out trace_id arguments_hmac prev`.split(/\s+/),
    )
  })

  test('says what happened', () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    const { record } = lineOf(
      {},
      { decision: 'denied', outcome: 'denied', error: 'NOT_AUTHORIZED', rule: undefined, traceparent },
    )
    expect(record).toEqual({
      time: '2026-03-01T12:00:00.123Z',
      seq: 1,
      event: 'call',
      server: 'weather-mcp',
      method: 'tools/call',
      tool: 'getTemperature',
      target: null,
      identity: 'spiffe://demo.local/agent/reporting',
      subject: 'CN=reporting',
      serial: '0a0b',
      fingerprint256: 'ab'.repeat(32),
      address: '192.0.2.7',
      decision: 'denied',
      rule: null,
      outcome: 'denied',
      error: 'NOT_AUTHORIZED',
      duration_ms: 12.346,
      request_id: 'request-1',
      protocol_version: '2026-07-28',
      bytes_in: 120,
      bytes_out: 340,
      trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
      arguments_hmac: createHmac('sha256', key).update('{"city":"Tokyo"}').digest('hex'),
      prev: '0'.repeat(64),
    })
  })

  test.each([
    [
      { kind: 'resource', uri: 'file:///a' },
      { tool: null, target: 'file:///a' },
    ],
    [
      { kind: 'prompt', name: 'summarize' },
      { tool: null, target: 'summarize' },
    ],
    [{ kind: 'method' }, { tool: null, target: null }],
  ] as const)('names its target: %o', (target, expected) => {
    expect(lineOf({ target }).record).toMatchObject(expected)
  })

  test('has no names without a certificate, and no HMAC without arguments', () => {
    expect(lineOf({ caller: undefined, arguments: undefined }).record).toMatchObject({
      identity: null,
      subject: null,
      serial: null,
      fingerprint256: null,
      arguments_hmac: null,
    })
  })

  test('says that rules are only tried out', () => {
    expect(lineOf({}, { decision: 'denied', report: true }).record).toMatchObject({
      decision: 'denied',
      outcome: 'ok',
      report: true,
    })
    expect(lineOf().record).not.toHaveProperty('report')
  })

  test.each([
    ['NOT_AUTHORIZED', 'NOT_AUTHORIZED'],
    [-32602, '-32602'],
    ['my password is 1234', 'UNKNOWN'],
    ['', 'UNKNOWN'],
    [undefined, null],
  ])('has codes for errors and never the words of a tool: %s', (error, expected) => {
    expect(lineOf({}, { error }).record.error).toBe(expected)
  })

  test.each([
    ['', null],
    ['00-00000000000000000000000000000000-00f067aa0ba902b7-01', null],
    ['ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', null],
    ['00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}', null],
    ['01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more', '4bf92f3577b34da6a3ce929d0e0e4736'],
  ])('takes the trace from a header that is one: %s', (traceparent, expected) => {
    expect(lineOf({}, { traceparent }).record.trace_id).toBe(expected)
  })

  test('is one line of JSON with nothing that moves a cursor, whatever callers send; their texts are cut', () => {
    const text = fc.string({ unit: 'binary', maxLength: 600 })
    fc.assert(
      fc.property(text, text, text, fc.jsonValue(), (name, method, requestId, value) => {
        const { line, record } = lineOf(
          { target: { kind: 'tool', name }, method, arguments: value },
          { requestId },
          [],
        )
        expect(line).not.toMatch(/[\p{C}\u2028\u2029]/u)
        for (const shown of [record.tool, record.method, record.request_id])
          expect(shown.length).toBeLessThanOrEqual(256)
        if (name.length <= 256) expect(record.tool).toBe(name)
        expect(readLine(line)).toEqual(record)
        expect(line.length).toBeLessThan(longestLine / 4)
      }),
      { numRuns: 500 },
    )
  })

  test('does not take two long identities for one', () => {
    const id = `spiffe://demo.local/${'a'.repeat(400)}`
    const caller = endedCall().call.caller
    if (!caller) throw new Error('nobody')
    const of = (id: string) => lineOf({ caller: { ...caller, id } }).record.identity
    expect(of(`${id}1`)).not.toBe(of(`${id}2`))
  })
})

test('a line that sums up refusals has their number', () => {
  const refusals = { server: 'weather-mcp', address: '192.0.2.1', reason: 'CERT_EXPIRED', count: 12 }
  expect(JSON.parse(link(refusedEntry(refusals, now), beginning).line)).toEqual({
    time: '2026-03-01T12:00:00.123Z',
    seq: 1,
    event: 'refused',
    server: 'weather-mcp',
    address: '192.0.2.1',
    decision: 'refused',
    error: 'CERT_EXPIRED',
    count: 12,
    prev: '0'.repeat(64),
  })
})

describe('arguments', () => {
  const shown = (value: unknown, ...redact: string[]) => JSON.parse(shownArguments(value, secretKeys(redact)))

  test('are recorded only where that was asked for', () => {
    expect(lineOf().record).not.toHaveProperty('arguments')
    expect(lineOf({}, {}, []).record.arguments).toEqual({ city: 'Tokyo' })
  })

  test('lose the values of secret keys, at any depth and in any case', () => {
    const value = {
      user: 'a',
      Password: 'x',
      list: [{ TOKEN: { a: 1 } }, { deep: { token: ['y'] } }],
      tokens: 3,
    }
    expect(shown(value, 'password', 'Token')).toEqual({
      user: 'a',
      Password: '[redacted]',
      list: [{ TOKEN: '[redacted]' }, { deep: { token: '[redacted]' } }],
      tokens: 3,
    })
  })

  test('of a completion lose what was typed for a secret argument', () => {
    expect(shown({ name: 'password', value: 'hunter2' }, 'password')).toEqual({
      name: 'password',
      value: '[redacted]',
    })
    expect(shown({ name: 'city', value: 'To' }, 'password')).toEqual({ name: 'city', value: 'To' })
  })

  test('lose the usual secrets when nobody says which', () => {
    expect(shown({ apiKey: 'x', access_token: 'y', pin: 1234, city: 'Tokyo' }, ...usualSecrets)).toEqual({
      apiKey: '[redacted]',
      access_token: '[redacted]',
      pin: '[redacted]',
      city: 'Tokyo',
    })
  })

  test('keep a key that is named __proto__', () => {
    expect(shownArguments(JSON.parse('{"__proto__":{"a":1}}'), () => false)).toBe('{"__proto__":{"a":1}}')
  })

  test('are JSON of bounded size, whatever they are, and no secret is in it', () => {
    const tree = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 6 },
        fc.string({ unit: 'binary', maxLength: 2000 }),
        fc.double(),
        fc.array(tie('value'), { maxLength: 50 }),
        fc.dictionary(fc.oneof(fc.constantFrom('Secret', 'a'), fc.string()), tie('value'), { maxKeys: 20 }),
      ),
    })).value
    fc.assert(
      fc.property(tree, (value) => {
        const text = shownArguments(
          { secret: 'hunter2', value, last: { SECRET: 'hunter2' } },
          secretKeys(['secret']),
        )
        expect(text.length).toBeLessThan(20_000)
        expect(text).not.toContain('hunter2')
        JSON.parse(text)
      }),
      { numRuns: 200 },
    )
  })

  test('that are nested a million deep are no reason to fail', () => {
    const deep = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`)
    const { record } = lineOf({ arguments: deep }, {}, [])
    expect(record.arguments_hmac).toBeNull()
    expect(JSON.stringify(record.arguments)).toContain('…')
  })
})

describe('the canonical text (RFC 8785)', () => {
  test('is that of the example in section 3.2.3', () => {
    const value = JSON.parse(
      '{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/","literals":[null,true,false]}',
    )
    expect(canonicalJson(value)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    )
  })

  test('sorts keys by UTF-16 code units, as in section 3.2.3', () => {
    const keys = ['\u20ac', '\r', '\ufb33', '1', '\u{1f600}', '\u0080', '\u00f6']
    const value = Object.fromEntries(keys.map((key) => [key, 0]))
    const sorted = ['\r', '1', '\u0080', '\u00f6', '\u20ac', '\u{1f600}', '\ufb33']
    expect(canonicalJson(value)).toBe(`{${sorted.map((key) => `${JSON.stringify(key)}:0`).join(',')}}`)
  })

  test('is the same in whatever order keys come, and says the same', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(value) ?? ''
        expect(canonicalJson(JSON.parse(text))).toBe(text)
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)))
        expect(canonicalJson(reversed(value))).toBe(text)
      }),
    )
  })
})

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, inner]) => [key, reversed(inner)]),
  )
}
