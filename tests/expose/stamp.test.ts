import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { stamped } from '../../src/expose/stamp.js'
import type { CallerFacts } from '../../src/server/caller-facts.js'

const caller: CallerFacts = {
  id: 'spiffe://lab/agent',
  trust_domain: null,
  verified: true,
  names: ['spiffe://lab/agent'],
  issuer: 'CN=lab',
  serial: '0A',
  fingerprint256: 'ab',
  not_after: '2027-01-01T00:00:00.000Z',
  tls: { version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384', key_exchange: null, resumed: false },
}
const forged = { 'mcp-mtls/caller': { id: 'spiffe://lab/admin' } }
const call = (params?: unknown) => ({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  ...(params !== undefined && { params }),
})

/** As it comes from the wire: with own keys `__proto__`. */
const parsed = (text: string): unknown => JSON.parse(text)

describe('what a client says under our prefix', () => {
  it.each(['mcp-mtls/caller', 'MCP-MTLS/Caller', 'mcp-mtls/', 'mcp-mtls/anything', 'mcp-mtl\u017f/caller'])(
    'is removed from the _meta of params: %s',
    (key) => {
      const body = call({ name: 'echo', _meta: { [key]: 1, progressToken: 7 } })
      expect(stamped(body, undefined)).toEqual(call({ name: 'echo', _meta: { progressToken: 7 } }))
    },
  )

  it.each(['mcp-mtls', 'mcp-mtlsx/caller', 'x/mcp-mtls/caller', 'progressToken'])('but not %s', (key) => {
    const body = call({ _meta: { [key]: 1 } })
    expect(stamped(body, undefined)).toBe(body)
  })

  it('is removed from the _meta of an answer', () => {
    const answer = { jsonrpc: '2.0', id: 1, result: { action: 'accept', _meta: { ...forged, kept: 1 } } }
    expect(stamped(answer, caller)).toEqual({ ...answer, result: { action: 'accept', _meta: { kept: 1 } } })
  })

  it('is removed from each answer that comes with a call', () => {
    const inputResponses = { a: { action: 'accept', _meta: forged }, b: { roots: [] }, c: 'odd' }
    expect(stamped(call({ name: 'ask', inputResponses }), undefined)).toEqual(
      call({ name: 'ask', inputResponses: { ...inputResponses, a: { action: 'accept', _meta: {} } } }),
    )
  })

  it.each([
    ['_META', { _meta: {}, _META: forged }],
    ['_Meta beside none', { _Meta: forged }],
    ['a _META that takes the caller away', { _meta: {}, _META: null }],
  ])('cannot be told by a key in another case, as Go reads it: %s', (_what, params) => {
    expect(stamped(call(params), caller)).toEqual(call({ _meta: { 'mcp-mtls/caller': caller } }))
  })

  it.each(['Params', 'PARAMS', 'param\u017f'])('cannot be told by another %s', (key) => {
    const body = { ...call({ name: 'a' }), [key]: { name: 'b', _meta: forged }, METHOD: 'x' }
    expect(stamped(body, caller)).toEqual(call({ name: 'a', _meta: { 'mcp-mtls/caller': caller } }))
  })

  it('is removed from notifications, which get no caller', () => {
    const notification = { jsonrpc: '2.0', method: 'notifications/progress', params: { _meta: forged } }
    expect(stamped(notification, caller)).toEqual({ ...notification, params: { _meta: {} } })
  })

  it('is removed from each message of a batch', () => {
    const notification = { jsonrpc: '2.0', method: 'notifications/initialized', params: { _meta: forged } }
    expect(stamped([call({ _meta: forged }), notification, 5], caller)).toEqual([
      call({ _meta: { 'mcp-mtls/caller': caller } }),
      { ...notification, params: { _meta: {} } },
      5,
    ])
  })

  it('is removed from what is a request and an answer at once', () => {
    const both = { ...call({ _meta: forged }), result: { _meta: forged } }
    expect(stamped(both, undefined)).toEqual({ ...call({ _meta: {} }), result: { _meta: {} } })
  })

  it('never arrives, whatever is around it', () => {
    const json = fc.jsonValue() as fc.Arbitrary<unknown>
    const meta = fc.dictionary(fc.constantFrom('mcp-mtls/caller', 'Mcp-Mtls/x', 'a', '__proto__'), json)
    const fields = fc.record({ _meta: fc.oneof(meta, json), name: json }, { requiredKeys: [] })
    const params = fc.oneof(
      json,
      fields,
      fc.record({ _meta: meta, inputResponses: fc.dictionary(fc.string(), fc.oneof(fields, json)) }),
    )
    const message = fc.oneof(
      json,
      fc.record(
        { id: fc.integer(), method: fc.string(), params, result: fc.oneof(fields, json) },
        { requiredKeys: [] },
      ),
    )
    fc.assert(
      fc.property(fc.oneof(message, fc.array(message)), (given) => {
        const body = parsed(JSON.stringify(given))
        const before = JSON.stringify(body)
        const after = stamped(body, undefined)
        expect(JSON.stringify(body)).toBe(before)
        for (const one of Array.isArray(after) ? after : [after])
          for (const place of placesIn(one))
            expect(Object.keys(place).filter((key) => key.toLowerCase().startsWith('mcp-mtls/'))).toEqual([])
        expect(stamped(after, undefined)).toBe(after)
      }),
    )
  })
})

describe('the caller', () => {
  it.each([
    ['without params', call()],
    ['without _meta', call({})],
    ['that names another', call({ _meta: forged })],
  ])('is told in a request %s', (_, body) => {
    expect(stamped(body, caller)).toEqual(call({ _meta: { 'mcp-mtls/caller': caller } }))
  })

  it('stands beside what else is in _meta', () => {
    const _meta = { progressToken: 'p', traceparent: 't' }
    expect(stamped(call({ name: 'echo', _meta }), caller)).toEqual(
      call({ name: 'echo', _meta: { ..._meta, 'mcp-mtls/caller': caller } }),
    )
  })

  it('is told to whom takes an id of null for one', () => {
    expect(stamped({ ...call(), id: null }, caller)).toMatchObject({
      params: { _meta: { 'mcp-mtls/caller': caller } },
    })
  })

  it('is in no answer', () => {
    const answer = { jsonrpc: '2.0', id: 1, result: {} }
    expect(stamped(answer, caller)).toBe(answer)
  })
})

describe('what is left as it is', () => {
  it.each([
    [null],
    [7],
    ['text'],
    [[]],
    [{}],
    [call(null)],
    [call([1])],
    [call('x')],
    [call({ _meta: null })],
    [call({ _meta: [forged] })],
  ])('is the same object, for the server to refuse: %j', (body) => {
    expect(stamped(body, caller)).toBe(body)
  })

  it.each([[call({ name: 'echo', _meta: { a: 1 } })], [[call(), call({})]]])(
    'is a message without a word of ours, when nobody is known: %j',
    (body) => {
      expect(stamped(body, undefined)).toBe(body)
    },
  )

  it('changes nothing in what it is given', () => {
    const body = call({ _meta: { ...forged } })
    const before = structuredClone(body)
    stamped(body, caller)
    expect(body).toEqual(before)
  })

  it('keys named __proto__ stay keys', () => {
    const text =
      '{"id":1,"method":"x","__proto__":{"a":1},"params":{"__proto__":{"_meta":{"b":1}},"_meta":{"__proto__":{"mcp-mtls/caller":1},"mcp-mtls/caller":2},"inputResponses":{"__proto__":{"_meta":{"mcp-mtls/x":1}}}}}'
    const out = stamped(parsed(text), undefined) as object
    expect(JSON.stringify(out)).toBe(
      text.replace(',"mcp-mtls/caller":2', '').replace('{"mcp-mtls/x":1}', '{}'),
    )
    expect(Object.getPrototypeOf(out)).toBe(Object.prototype)
    expect('a' in out).toBe(false)
  })
})

/** Every `_meta` that a server reads a word of ours in. */
function placesIn(message: unknown): object[] {
  const { params, result } = fieldsOf(message)
  return [params, result, ...Object.values(fieldsOf(fieldsOf(params).inputResponses))]
    .map((value) => fieldsOf(value)._meta)
    .filter((meta): meta is object => typeof meta === 'object' && meta !== null && !Array.isArray(meta))
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {}
}
