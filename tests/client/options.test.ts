import { expect, test } from 'vitest'
import { type ConnectOptions, connect } from '../../src/client/index.js'
import { withHeaders } from '../../src/client/with-headers.js'
import { parseBridgeOptions } from '../../src/config/bridge-options.js'
import { parseClientConfig } from '../../src/config/index.js'
import { reconnectionDelay } from '../../src/config/reconnection.js'
import { freePort } from '../support/free-port.js'
import { refusalOf } from '../support/refusal.js'
import { sessionServer } from '../support/session-server.js'
import { makeWorld } from '../support/world.js'

test('a function for headers is called for each request, in a new session too', async () => {
  await using world = await makeWorld()
  const port = await freePort()
  const tokens: (string | undefined)[] = []
  await using server = await sessionServer(world, port, {
    lie: ({ headers }) => {
      tokens.push(headers.authorization)
      return false
    },
  })
  let count = 0
  await using client = await connect({
    serverUrl: `https://localhost:${port}/mcp`,
    tls: world.tls,
    log: false,
    headers: async () => ({ Authorization: `Bearer ${++count}` }),
  })
  server.forget()
  await client.callTool({ name: 'count', arguments: { text: 'one' } })
  expect(tokens.length).toBeGreaterThanOrEqual(6)
  expect(tokens).not.toContain(undefined)
  expect(new Set(tokens).size).toBe(tokens.length)
})

test('what a function for headers gives is checked; its failure is told; no value is shown, nothing is sent', async () => {
  await using world = await makeWorld()
  const port = await freePort()
  await using server = await sessionServer(world, port)
  const to = (headers: () => unknown) =>
    refusalOf(
      connect({
        serverUrl: `https://localhost:${port}/mcp`,
        tls: world.tls,
        log: false,
        headers: headers as () => Record<string, string>,
      }),
    )
  const value = 'secret-value'
  for (const wrong of [
    () => ({ Host: value }),
    () => ({ 'Mcp-Session-Id': value }),
    () => ({ A: `${value}\n` }),
    () => ({ A: 1 }),
    () => value,
    () => Promise.reject(new Error(value)),
  ]) {
    const { code, message, sent } = await to(wrong)
    expect({ code, sent }).toEqual({ code: 'CONFIG_INVALID', sent: 'no' })
    expect(message).not.toContain(value)
  }
  expect(server.seen).toEqual([])
})

test('a request keeps what it says itself', async () => {
  const sent: Headers[] = []
  const fetch = Object.assign(
    async (_url: string | URL, init?: RequestInit) => {
      sent.push(new Headers(init?.headers))
      return new Response()
    },
    { exchange: async () => new Response(), close: async () => {} },
  )
  await withHeaders(fetch, () => ({ A: '1', B: '1' }))('https://localhost', { headers: { b: '2' } })
  expect(sent.map((headers) => [headers.get('a'), headers.get('b')])).toEqual([['1', '2']])
})

test('reconnection has the names of the SDK, defaults, and bounds', () => {
  const parsed = (reconnection: unknown) =>
    parseClientConfig({ serverUrl: 'http://localhost:1/mcp', useTls: false, reconnection }).reconnection
  expect(parsed(undefined)).toEqual({
    initialReconnectionDelay: 1000,
    maxReconnectionDelay: 30_000,
    reconnectionDelayGrowFactor: 1.5,
    maxRetries: 20,
  })
  expect(parsed({ maxRetries: 0 }).maxRetries).toBe(0)
  expect(() => parsed({ maxRetry: 1 })).toThrow('reconnection.maxRetry: there is no such option')
  for (const wrong of [
    { initialReconnectionDelay: 0 },
    { maxReconnectionDelay: 2 ** 31 },
    { reconnectionDelayGrowFactor: 0.5 },
    { maxRetries: -1 },
    { maxRetries: '2' },
    5,
  ])
    expect(() => parsed(wrong)).toThrow('reconnection')
  expect([0, 1, 20].map((attempt) => reconnectionDelay(attempt, parsed({})))).toEqual([1000, 1500, 30_000])
})

test('a bridge takes no `reconnection`: it has its own', () => {
  const server = { serverUrl: 'http://localhost:1/mcp', useTls: false, reconnection: {} }
  expect(() => parseBridgeOptions({ servers: [server] })).toThrow('leave it out')
})

test('a token of authProvider beside an Authorization header is refused, and what is no provider', async () => {
  await using world = await makeWorld()
  const to = (more: Partial<ConnectOptions>) =>
    refusalOf(connect({ serverUrl: 'https://localhost:1/mcp', tls: world.tls, log: false, ...more }))
  const authProvider = { token: async () => 'token' }
  const both = await to({ authProvider, headers: { authorization: 'Bearer hidden' } })
  expect(both.code).toBe('CONFIG_INVALID')
  expect(both.message).not.toContain('hidden')
  const live = await to({ authProvider, headers: () => ({ AUTHORIZATION: 'Bearer hidden' }) })
  expect(live.code).toBe('CONFIG_INVALID')
  expect(live.message).not.toContain('hidden')
  const wrong = await to({ authProvider: { secret: 'hidden' } as never })
  expect(wrong.message).toContain('authProvider')
  expect(wrong.message).not.toContain('hidden')
})
