import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { classify } from '../../src/auth/call.js'

const origin = { caller: undefined, server: 'test', protocolVersion: '2025-03-26' }
const request = (method: string, params: unknown = {}, id: unknown = 1) => ({
  jsonrpc: '2.0',
  id,
  method,
  params,
})

describe('what a call asks for', () => {
  test.each([
    ['tools/call', { name: 'echo', arguments: { a: 1 } }, { kind: 'tool', name: 'echo' }, { a: 1 }],
    ['prompts/get', { name: 'p', arguments: { b: '2' } }, { kind: 'prompt', name: 'p' }, { b: '2' }],
    ['resources/read', { uri: 'file:///x' }, { kind: 'resource', uri: 'file:///x' }, undefined],
    ['resources/subscribe', { uri: 'file:///x' }, { kind: 'resource', uri: 'file:///x' }, undefined],
    ['resources/unsubscribe', { uri: 'file:///x' }, { kind: 'resource', uri: 'file:///x' }, undefined],
    [
      'completion/complete',
      { ref: { type: 'ref/prompt', name: 'p' }, argument: { name: 'n', value: 'v' } },
      { kind: 'prompt', name: 'p' },
      { name: 'n', value: 'v' },
    ],
    [
      'completion/complete',
      { ref: { type: 'ref/resource', uri: 'file:///{x}' }, argument: { name: 'x', value: '' } },
      { kind: 'resource', uri: 'file:///{x}' },
      { name: 'x', value: '' },
    ],
    ['tools/list', {}, { kind: 'method' }, undefined],
    [
      'subscriptions/listen',
      { notifications: { toolsListChanged: true, resourceSubscriptions: ['file:///a', 'file:///b'] } },
      { kind: 'subscription', uris: ['file:///a', 'file:///b'] },
      undefined,
    ],
    ['subscriptions/listen', { notifications: {} }, { kind: 'subscription', uris: [] }, undefined],
    ['subscriptions/listen', {}, { kind: 'method' }, undefined],
    [
      'subscriptions/listen',
      { notifications: { resourceSubscriptions: 'file:///a' } },
      { kind: 'method' },
      undefined,
    ],
    [
      'subscriptions/listen',
      { notifications: { resourceSubscriptions: [7] } },
      { kind: 'method' },
      undefined,
    ],
    ['tools/call', { name: 7 }, { kind: 'method' }, undefined],
    ['tools/call', null, { kind: 'method' }, undefined],
    ['x/own', { name: 'echo' }, { kind: 'method' }, undefined],
  ])('%s %j', (method, params, target, args) => {
    expect(classify(request(method, params), origin).calls).toEqual([
      { ...origin, id: 1, method, target, arguments: args },
    ])
  })

  test.each([
    ['a notification', { jsonrpc: '2.0', method: 'notifications/initialized' }],
    ['an answer', { jsonrpc: '2.0', id: 1, result: {} }],
    ['an id that is null', request('tools/call', {}, null)],
    ['text', 'tools/call'],
    ['nothing', undefined],
  ])('%s is no call', (_what, body) => {
    expect(classify(body, origin)).toEqual({ calls: [] })
  })
})

test.each([
  ['x'.repeat(256), undefined],
  ['x'.repeat(257), 'the id of a request has more than 256 characters'],
])('an id is kept, so that it may not be endless', (id, problem) => {
  expect(classify(request('ping', {}, id), origin).problem).toBe(problem)
})

test('every call of a batch is one, in its order', () => {
  const body = [
    request('tools/call', { name: 'a' }, 'x'),
    { jsonrpc: '2.0', method: 'n' },
    request('ping', {}, 2),
  ]
  const { calls, problem } = classify(body, origin)
  expect(calls.map(({ id, method }) => [id, method])).toEqual([
    ['x', 'tools/call'],
    [2, 'ping'],
  ])
  expect(problem).toBeUndefined()
})

test('a batch has a hundred messages at most', () => {
  const batch = (size: number) => Array.from({ length: size }, (_, id) => request('ping', {}, id))
  expect(classify(batch(100), origin).problem).toBeUndefined()
  expect(classify(batch(101), origin).problem).toBe('a batch has at most 100 messages')
})

test('it never throws, whatever JSON holds', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (body) => {
      for (const { id, method } of classify(body, origin).calls) {
        expect(['string', 'number']).toContain(typeof id)
        expect(typeof method).toBe('string')
      }
    }),
  )
})
