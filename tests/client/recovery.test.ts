import { expect, test, vi } from 'vitest'
import { type ConnectOptions, connect } from '../../src/client/index.js'
import { freePort } from '../support/free-port.js'
import { sessionServer } from '../support/session-server.js'
import { makeWorld, serveTest } from '../support/world.js'

const reconnection = { initialReconnectionDelay: 20, maxReconnectionDelay: 100 }

async function lostWorld() {
  const world = await makeWorld()
  const port = await freePort()
  const open = (more: Partial<ConnectOptions> = {}) =>
    connect({
      serverUrl: `https://localhost:${port}/mcp`,
      tls: world.tls,
      log: false,
      reconnection,
      ...more,
    } as ConnectOptions)
  return { world, port, open, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() }
}

const call = (text: string) => ({ name: 'count', arguments: { text } })
const isInitialize = (seen: string) => seen === 'POST initialize'

test.each([404, 400] as const)(
  'a call that is answered %i for its session is made once more, in a new session',
  async (lost) => {
    await using lostIn = await lostWorld()
    await using server = await sessionServer(lostIn.world, lostIn.port, { lost })
    await using client = await lostIn.open()
    await client.callTool(call('first'))
    server.forget()
    expect(await client.callTool(call('second'))).toMatchObject({ content: [{ text: 'second' }] })
    expect(server.calls).toEqual(['first', 'second'])
    expect(server.opened()).toBe(2)
    expect(client.getServerVersion()).toMatchObject({ version: '2' })
  },
)

test('calls made at once share one new session, and each runs once', async () => {
  await using lostIn = await lostWorld()
  await using server = await sessionServer(lostIn.world, lostIn.port)
  await using client = await lostIn.open()
  server.forget()
  const texts = Array.from({ length: 20 }, (_, at) => String(at))
  await Promise.all(texts.map((text) => client.callTool(call(text))))
  expect(server.calls.toSorted()).toEqual(texts.toSorted())
  expect(server.opened()).toBe(2)
  expect(server.seen.filter(isInitialize)).toHaveLength(2)
})

test('a server that was killed and started again is called without a new connect()', async () => {
  await using lostIn = await lostWorld()
  const first = await sessionServer(lostIn.world, lostIn.port)
  await using client = await lostIn.open({ retryAttempts: 0 })
  await client.callTool(call('first'))
  await first[Symbol.asyncDispose]()
  await expect(client.callTool(call('away'))).rejects.toMatchObject({ code: 'CONNECTION_FAILED' })
  await using second = await sessionServer(lostIn.world, lostIn.port)
  expect(await client.callTool(call('back'))).toMatchObject({ content: [{ text: 'back' }] })
  expect(second.calls).toEqual(['back'])
})

test('our own server with sessions, too', async () => {
  await using lostIn = await lostWorld()
  const serving = () => serveTest({ tls: lostIn.world.tls, tlsPort: lostIn.port, sessions: true })
  const first = await serving()
  await using client = await lostIn.open({ clientOptions: { versionNegotiation: { mode: 'legacy' } } })
  await client.callTool({ name: 'count', arguments: {} })
  await first[Symbol.asyncDispose]()
  await using second = await serving()
  await expect
    .poll(() => client.callTool({ name: 'count', arguments: {} }).catch(() => undefined))
    .toMatchObject({ content: [{ type: 'text' }] })
  expect(second.calls).toEqual(['count'])
})

test('log level, subscriptions and handlers hold for the new session; what may have changed is told', async () => {
  await using lostIn = await lostWorld()
  await using server = await sessionServer(lostIn.world, lostIn.port)
  await using client = await lostIn.open()
  const updated: string[] = []
  let changes = 0
  client.setNotificationHandler('notifications/resources/updated', ({ params }) => {
    updated.push(params.uri)
  })
  client.setNotificationHandler('notifications/tools/list_changed', () => {
    changes++
  })
  await client.setLoggingLevel('warning')
  await client.subscribeResource({ uri: 'test://one' })
  await client.subscribeResource({ uri: 'test://two' })
  await client.unsubscribeResource({ uri: 'test://two' })
  server.forget()
  await client.callTool(call('on'))
  expect(server.levels()).toEqual(['warning', 'warning'])
  expect(server.subscribed()).toEqual([['test://one'], ['test://one']])
  expect(changes).toBe(1)
  // It may have changed meanwhile.
  expect(updated).toEqual(['test://one'])
  updated.length = 0
  // Until its GET stream is open, the server has nowhere to send it.
  await expect
    .poll(async () => {
      await server.latest().server.sendResourceUpdated({ uri: 'test://one' })
      return updated
    })
    .toContain('test://one')
})

test('a client that only listens gets a new session once its stream is told that the old one is gone', async () => {
  await using lostIn = await lostWorld()
  const first = await sessionServer(lostIn.world, lostIn.port)
  await using client = await lostIn.open()
  await client.subscribeResource({ uri: 'test://one' })
  await expect.poll(() => first.seen).toContain('GET')
  await first[Symbol.asyncDispose]()
  await using second = await sessionServer(lostIn.world, lostIn.port)
  await expect.poll(() => second.subscribed()).toEqual([['test://one']])
})

test('a server that is lost in every session is told of after one more try', async () => {
  await using lostIn = await lostWorld()
  let lies = false
  await using server = await sessionServer(lostIn.world, lostIn.port, {
    lie: (request, response, body) => {
      if (!lies || request.headers['mcp-session-id'] === undefined || !body.includes('tools/call'))
        return false
      response.writeHead(404).end()
      return true
    },
  })
  await using client = await lostIn.open()
  lies = true
  await expect(client.callTool(call('never'))).rejects.toMatchObject({
    name: 'MtlsError',
    code: 'CONNECTION_FAILED',
    message: `the server at localhost:${lostIn.port} does not know this session any more`,
    sent: 'no',
  })
  expect(server.seen.filter((one) => one === 'POST tools/call')).toHaveLength(2)
  expect(server.seen.filter(isInitialize)).toHaveLength(2)
  lies = false
  expect(await client.callTool(call('well'))).toMatchObject({ content: [{ text: 'well' }] })
})

test('a server that answers everything with 404 is asked for a new session once for each call', async () => {
  await using lostIn = await lostWorld()
  let lies = false
  await using server = await sessionServer(lostIn.world, lostIn.port, {
    lie: (request, response) => {
      if (!lies || request.method !== 'POST') return false
      response.writeHead(404).end('nothing here')
      return true
    },
  })
  await using client = await lostIn.open()
  lies = true
  server.seen.length = 0
  await expect(client.callTool(call('never'))).rejects.toMatchObject({
    code: 'CONNECTION_FAILED',
    message: expect.stringContaining('takes no new one'),
    sent: 'no',
  })
  expect(server.seen.filter((one) => one.startsWith('POST'))).toEqual(['POST tools/call', 'POST initialize'])
  expect(client.getServerCapabilities()).toMatchObject({ tools: {} })
  lies = false
  expect(await client.callTool(call('well'))).toMatchObject({ content: [{ text: 'well' }] })
})

test('a call under way while the session is lost is not made again', async () => {
  await using lostIn = await lostWorld()
  let begun = () => {}
  const hasBegun = new Promise<void>((resolve) => {
    begun = resolve
  })
  let end = () => {}
  await using server = await sessionServer(lostIn.world, lostIn.port, {
    lie: (_request, response, body) => {
      if (!body.includes('"slow"')) return false
      begun()
      end = () => void response.destroy()
      return true
    },
  })
  await using client = await lostIn.open()
  const slow = client.callTool(call('slow')).catch((error) => error)
  await hasBegun
  server.forget()
  await client.callTool(call('other'))
  end()
  expect(await slow).toMatchObject({ code: 'CONNECTION_FAILED', sent: 'maybe' })
  expect(server.seen.filter((one) => one === 'POST tools/call')).toHaveLength(3)
  expect(server.calls).toEqual(['other'])
})

test('a call that is given up while the new session is opened is not made again', async () => {
  await using lostIn = await lostWorld()
  let opening = () => {}
  const isOpening = new Promise<void>((resolve) => {
    opening = resolve
  })
  let proceed = () => {}
  let holds = false
  await using server = await sessionServer(lostIn.world, lostIn.port, {
    lie: async (_request, _response, body) => {
      if (!holds || !body.includes('"initialize"')) return false
      opening()
      await new Promise<void>((resolve) => {
        proceed = resolve
      })
      return false
    },
  })
  await using client = await lostIn.open()
  server.forget()
  holds = true
  const givingUp = new AbortController()
  const given = client.callTool(call('given up'), { signal: givingUp.signal }).catch((error) => error)
  await isOpening
  givingUp.abort()
  await given
  holds = false
  proceed()
  await expect(client.callTool(call('next'))).resolves.toMatchObject({ content: [{ text: 'next' }] })
  expect(server.calls).toEqual(['next'])
})

test('a client that is closed while a new session is opened ends its calls', async () => {
  await using lostIn = await lostWorld()
  let opening = () => {}
  const isOpening = new Promise<void>((resolve) => {
    opening = resolve
  })
  let holds = false
  await using server = await sessionServer(lostIn.world, lostIn.port, {
    lie: (_request, _response, body) => {
      const isHeld = holds && body.includes('"initialize"')
      if (isHeld) opening()
      return isHeld
    },
  })
  const client = await lostIn.open()
  server.forget()
  holds = true
  const never = client.callTool(call('second')).catch((error) => error)
  await isOpening
  await client.close()
  expect(await never).toBeInstanceOf(Error)
})

test.each([
  ['0', 100],
  ['99999999999', 30_000],
])('a server that says `retry: %s` of its stream is believed within bounds', async (retry, wait) => {
  await using lostIn = await lostWorld()
  await using _server = await sessionServer(lostIn.world, lostIn.port, {
    lie: ({ method }, response) => {
      if (method !== 'GET') return false
      response
        .writeHead(200, { 'content-type': 'text/event-stream' })
        .end(`retry: ${retry}\nid: 1\ndata:\n\n`)
      return true
    },
  })
  const timers = vi.spyOn(globalThis, 'setTimeout')
  await using _client = await lostIn.open({ reconnection: undefined })
  const waits = () => timers.mock.calls.map(([, ms]) => ms)
  await expect.poll(waits).toContain(wait)
  expect(waits()).not.toContain(Number(retry))
  timers.mockRestore()
})

test('a stream that a server answers with 404 from the beginning is none, and no session is opened for it', async () => {
  await using lostIn = await lostWorld()
  await using server = await sessionServer(lostIn.world, lostIn.port, {
    lie: ({ method }, response) => {
      if (method === 'GET') response.writeHead(404).end()
      return method === 'GET'
    },
  })
  await using client = await lostIn.open()
  await expect.poll(() => server.seen).toContain('GET')
  for (let at = 0; at < 20; at++) await client.callTool(call('on'))
  expect(server.opened()).toBe(1)
})

test('a session that was opened and could not be begun is left, and the next call tries again', async () => {
  await using lostIn = await lostWorld()
  let lies = false
  await using server = await sessionServer(lostIn.world, lostIn.port, {
    lie: (_request, response, body) => {
      const isLie = lies && body.includes('notifications/initialized')
      if (isLie) response.writeHead(500).end()
      return isLie
    },
  })
  await using client = await lostIn.open()
  server.forget()
  lies = true
  await expect(client.callTool(call('never'))).rejects.toMatchObject({ sent: 'no' })
  await expect.poll(() => server.seen).toContain('DELETE')
  lies = false
  expect(await client.callTool(call('well'))).toMatchObject({ content: [{ text: 'well' }] })
  expect(server.calls).toEqual(['well'])
})

test('a new session of a revision that has none is refused, and so is a result that is none', async () => {
  await using lostIn = await lostWorld()
  let result: object | undefined
  await using server = await sessionServer(lostIn.world, lostIn.port, {
    lie: (_request, response, body) => {
      const isLie = result !== undefined && body.includes('"initialize"')
      const { id } = body === '' ? { id: 0 } : JSON.parse(body)
      if (isLie)
        response
          .writeHead(200, { 'content-type': 'application/json', 'mcp-session-id': 'new' })
          .end(JSON.stringify({ jsonrpc: '2.0', id, result }))
      return isLie
    },
  })
  await using client = await lostIn.open()
  server.forget()
  const serverInfo = { name: 'lying', version: '1' }
  for (const lie of [
    { protocolVersion: '2026-07-28', capabilities: {}, serverInfo },
    { protocolVersion: '2025-11-25', capabilities: null, serverInfo },
    {},
  ]) {
    result = lie
    await expect(client.callTool(call('never'))).rejects.toMatchObject({
      code: 'CONNECTION_FAILED',
      message: expect.stringContaining('takes no new one'),
    })
  }
  expect(client.getServerVersion()).toMatchObject({ name: 'sessions' })
})

test('a server that says of each stream that its session is lost is believed ever more slowly', async () => {
  await using lostIn = await lostWorld()
  const streamed = new Set<string>()
  await using server = await sessionServer(lostIn.world, lostIn.port, {
    lie: ({ method, headers }, response) => {
      if (method !== 'GET') return false
      const id = String(headers['mcp-session-id'])
      if (streamed.has(id)) response.writeHead(404).end()
      else response.writeHead(200, { 'content-type': 'text/event-stream' }).end(': here\n\n')
      streamed.add(id)
      return true
    },
  })
  const timers = vi.spyOn(globalThis, 'setTimeout')
  await using _client = await lostIn.open({
    reconnection: {
      initialReconnectionDelay: 11,
      maxReconnectionDelay: 30_000,
      reconnectionDelayGrowFactor: 3,
    },
  })
  const waits = () => timers.mock.calls.map(([, ms]) => ms).filter((ms) => [0, 33, 99].includes(ms ?? -1))
  await expect.poll(() => waits().slice(-2)).toEqual([33, 99])
  timers.mockRestore()
  expect(server.opened()).toBeLessThan(8)
})
