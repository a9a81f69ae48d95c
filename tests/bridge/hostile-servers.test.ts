import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { PassThrough } from 'node:stream'
import { expect, onTestFinished, test } from 'vitest'
import { farServer } from '../../src/bridge/far-server.js'
import { startBridge } from '../../src/bridge/start.js'
import { parseClientConfig } from '../../src/config/index.js'
import { initialize } from '../support/bridge-process.js'
import { bridged } from '../support/bridged.js'
import { foreignServer, silentServer } from '../support/foreign-server.js'
import { freePort } from '../support/free-port.js'
import { type SessionServer, sessionServer } from '../support/session-server.js'
import { makeWorld, type World } from '../support/world.js'

type Lie = (request: IncomingMessage, response: ServerResponse, id: unknown) => void

/** An honest server, but for one way in which it answers calls that say `lie`. */
async function lying(
  world: World,
  lie: Lie,
): Promise<readonly [client: ReturnType<typeof bridged>, SessionServer]> {
  const port = await freePort()
  const server = await sessionServer(world, port, {
    lie: (request, response, body) => {
      if (!body.includes('"lie"')) return false
      lie(request, response, JSON.parse(body).id)
      return true
    },
  })
  onTestFinished(() => server[Symbol.asyncDispose]())
  const client = bridged(`https://localhost:${port}/mcp`, world.certDir)
  await client.open()
  return [client, server]
}

const json = { 'content-type': 'application/json' }
const events = { 'content-type': 'text/event-stream' }
const answer = (id: unknown) => JSON.stringify({ jsonrpc: '2.0', id, result: { content: [] } })
const begun = (id: unknown) => answer(id).slice(0, 20)

test.each<[string, Lie]>([
  [
    'less than its length',
    (_request, response, id) =>
      void response
        .writeHead(200, { ...json, 'content-length': 5000 })
        .write(answer(id), () => response.destroy()),
  ],
  [
    'a chunk that is cut',
    (_request, response, id) => void response.writeHead(200, json).write(begun(id), () => response.destroy()),
  ],
  [
    'an event that is cut',
    (_request, response, id) =>
      void response
        .writeHead(200, events)
        .write(`event: message\ndata: ${begun(id)}`, () => response.destroy()),
  ],
  [
    'an event without its end',
    (_request, response, id) => void response.writeHead(200, events).end(`data: ${begun(id)}`),
  ],
  ['an answer to nobody', (_request, response) => void response.writeHead(200, json).end(answer(4711))],
  [
    'an event for nobody',
    (_request, response) => void response.writeHead(200, events).end(`data: ${answer('other')}\n\n`),
  ],
  [
    'another kind of text',
    (_request, response, id) =>
      void response.writeHead(200, { 'content-type': 'text/plain' }).end(answer(id)),
  ],
  ['no message', (_request, response) => void response.writeHead(200, json).end('[1, "x", null]')],
  [
    'what is nested too deep',
    (_request, response) => void response.writeHead(200, json).end('['.repeat(200_000)),
  ],
  [
    'more than it may',
    (_request, response, id) =>
      void response.writeHead(200, json).end(`${answer(id)}${' '.repeat(40 * 1024 * 1024)}`),
  ],
])('a call that is answered by %s fails once, and the next one is answered', async (_what, lie) => {
  await using world = await makeWorld()
  const [client, server] = await lying(world, lie)
  expect(await client.call('count', { text: 'lie' })).toMatchObject({
    error: { message: expect.stringContaining('localhost'), data: { sent: 'maybe' } },
  })
  expect(await client.call('count', { text: 'next' })).toMatchObject({
    result: { content: [{ text: 'next' }] },
  })
  expect(server.opened()).toBe(1)
  expect(server.calls).toEqual(['next'])
})

test('what a server says to nobody, or twice, reaches nobody', async () => {
  await using world = await makeWorld()
  const [client] = await lying(world, (_request, response, id) => {
    const progress = {
      jsonrpc: '2.0',
      method: 'notifications/progress',
      params: { progressToken: 99, progress: 1 },
    }
    const cancelled = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'none' } }
    const said = [answer(4711), JSON.stringify(progress), JSON.stringify(cancelled), answer(id), answer(id)]
    response.writeHead(200, events).end(said.map((data) => `data: ${data}\n\n`).join(''))
  })
  expect(await client.call('count', { text: 'lie' })).toMatchObject({ result: {} })
  expect(await client.call('count', { text: 'next' })).toMatchObject({ result: {} })
  expect(client.heard).toEqual([])
})

test('a redirect to another origin is not followed: neither the certificate nor a header goes there', async () => {
  await using world = await makeWorld()
  await using other = await foreignServer(world.server, (_request, response) => response.end())
  await using server = await foreignServer(world.server, (_request, response) =>
    response.writeHead(307, { location: other.url }).end(),
  )
  const client = bridged(server.url, world.certDir, 50, { headers: { 'X-Secret': 'mine' } })
  await client.open()
  expect(await client.call('count')).toMatchObject({
    error: { message: expect.stringMatching(/redirects to .* which is refused/) },
  })
  expect(other.connections).toBe(0)
})

test.each(['accepts and says nothing', 'takes the request and says nothing'])(
  'a server that %s: the client is answered in time, and its calls say why',
  async (how) => {
    await using world = await makeWorld()
    await using server = how.startsWith('accepts')
      ? await silentServer()
      : await foreignServer(world.server, () => {})
    const client = bridged(server.url, world.certDir, 50, { timeoutMs: 1000, retryAttempts: 0 })
    expect(await client.open()).toMatchObject({ result: { serverInfo: { name: 'mcp-mtls-bridge' } } })
    expect(await client.call('count')).toMatchObject({
      error: {
        message: expect.stringMatching(/within/),
        data: { sent: 'no', code: expect.stringMatching(/TIMEOUT/) },
      },
    })
    await client.end()
  },
)

test('a call whose answer never comes is given up with its client', async () => {
  await using world = await makeWorld()
  let closed = false
  let begun = () => {}
  const hasBegun = new Promise<void>((resolve) => (begun = resolve))
  const [client] = await lying(world, (_request, response) => {
    response.on('close', () => (closed = true))
    begun()
  })
  void client.call('count', { text: 'lie' })
  await hasBegun
  await client.end()
  await expect.poll(() => closed).toBe(true)
})

test('of a server that says more than its client reads, so much is kept, and then the bridge ends', async () => {
  await using world = await makeWorld()
  const port = await freePort()
  let flood: ServerResponse | undefined
  await using server = await sessionServer(world, port, {
    lie: ({ method }, response) => {
      if (method !== 'GET') return false
      flood = response.writeHead(200, events)
      response.flushHeaders()
      return true
    },
  })
  const [input, output] = [new PassThrough(), new PassThrough()]
  const url = `https://localhost:${port}/mcp`
  const far = farServer('far', parseClientConfig({ serverUrl: url, tls: world.tls }), () => {})
  const { closed } = await startBridge({ input, output }, [far], { early: 30_000, tell: () => {} })
  const say = (message: object) => input.write(`${JSON.stringify(message)}\n`)
  say(initialize)
  await once(output, 'readable') // and is not read
  say({ jsonrpc: '2.0', method: 'notifications/initialized' })
  await expect.poll(() => flood !== undefined).toBe(true)
  const params = { level: 'info', data: 'x'.repeat(1024 * 1024) }
  const event = `data: ${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params })}\n\n`
  let sent = 0
  const write = () => {
    while (sent < 1000 && flood?.destroyed === false) {
      sent++
      if (!flood.write(event)) return void flood.once('drain', write)
    }
  }
  write()
  await closed
  expect(output.writableLength).toBeLessThan(70 * 1024 * 1024)
  expect(sent).toBeLessThan(200)
  await expect.poll(() => server.seen).toContain('DELETE')
})

test('a server that asks without end is answered, and so many of its questions wait', async () => {
  await using world = await makeWorld()
  let refused = 0
  const port = await freePort()
  await using server = await sessionServer(world, port, {
    lie: ({ method }, response, body) => {
      if (method === 'GET') {
        const asks = Array.from({ length: 1500 }, (_, id) => ({ jsonrpc: '2.0', id, method: 'roots/list' }))
        response.writeHead(200, events).write(asks.map((ask) => `data: ${JSON.stringify(ask)}\n\n`).join(''))
        return true
      }
      if (!body.includes('"error"')) return false
      refused++
      response.writeHead(202).end()
      return true
    },
  })
  const client = bridged(`https://localhost:${port}/mcp`, world.certDir)
  await client.open({ roots: {} })
  await expect.poll(() => refused, { timeout: 20_000 }).toBe(500)
  expect(client.methods().filter((method) => method === 'roots/list')).toHaveLength(1000)
  expect(await client.call('count', { text: 'next' })).toMatchObject({ result: {} })
  expect(server.opened()).toBe(1)
})
