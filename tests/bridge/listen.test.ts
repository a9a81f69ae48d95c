import { once } from 'node:events'
import { type IncomingHttpHeaders, request } from 'node:http'
import { connect, createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { type BridgeEvent, type BridgeOptions, bridge } from '../../src/bridge/index.js'
import { fixture, fixtureScript } from '../expose/programs/script.js'
import { clientV1, clientV2, clientV2Auto, type Open } from '../support/compare/clients.js'
import { everythingProgram, everythingScript } from '../support/compare/everything.js'
import { transcriptOf } from '../support/compare/transcript.js'
import { exposed } from '../support/exposed.js'
import { freePort } from '../support/free-port.js'
import { scrape, value } from '../support/scraped.js'
import { makeWorld, serveTest, type World } from '../support/world.js'

/** A bridge that listens, closed with the test. */
async function listening(world: World, serverUrl: string, options: Partial<BridgeOptions> = {}) {
  const events: BridgeEvent[] = []
  const running = await bridge({
    servers: { serverUrl, tls: { certDir: world.certDir } },
    listen: {},
    initializeWithin: '30s',
    onEvent: (event) => events.push(event),
    ...options,
  })
  onTestFinished(() => running.close())
  return { running, url: running.url ?? '', events }
}

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** One request, whose target is sent as it is. */
async function ask(
  url: string,
  {
    method = 'POST',
    path,
    headers = {},
    body = '',
  }: {
    readonly method?: string
    readonly path?: string
    readonly headers?: Record<string, string>
    readonly body?: string
  } = {},
): Promise<Answer> {
  const { hostname, port, pathname } = new URL(url)
  const asked = request({
    hostname,
    port,
    method,
    path: path ?? pathname,
    headers: { ...mcp, ...headers },
    agent: false,
  })
  asked.end(body)
  const [response] = await once(asked, 'response')
  return { status: response.statusCode, headers: response.headers, body: await text(response) }
}

const mcp = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }
const initialize = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } },
})
const call = (name: string) =>
  JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name, arguments: {} } })

const clients: readonly (readonly [string, Open])[] = [
  ['SDK v1', clientV1],
  ['SDK v2', clientV2],
  ['SDK v2 that looks for a newer era first', clientV2Auto],
]

test.each(clients)('a client of %s gets through its URL what it gets directly', async (_sdk, open) => {
  await using world = await makeWorld()
  const { url: remote } = await exposed(world, [everythingProgram.command, ...everythingProgram.args])
  const { url } = await listening(world, remote)
  const [through, direct] = await Promise.all([
    transcriptOf(open, { url }, everythingScript),
    transcriptOf(open, everythingProgram, everythingScript),
  ])
  expect(through).toEqual(direct)
})

test('and so does one of 2026-07-28', async () => {
  await using world = await makeWorld()
  const program = fixture('--modern')
  const { url: remote } = await exposed(world, [program.command, ...program.args])
  const { url } = await listening(world, remote)
  const [through, direct] = await Promise.all([
    transcriptOf(clientV2Auto, { url }, fixtureScript),
    transcriptOf(clientV2Auto, program, fixtureScript),
  ])
  expect(through).toEqual(direct)
})

test('the URL is on loopback, and new each time', async () => {
  await using world = await makeWorld()
  const urls = await Promise.all([1, 2].map(() => listening(world, 'https://localhost:1/mcp')))
  for (const { url } of urls) expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/[\w-]{22,}$/)
  const [one, other] = urls.map(({ url }) => new URL(url).pathname)
  expect(one).not.toBe(other)
})

test('whoever does not know the path gets nothing', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls, sessions: true })
  const { url } = await listening(world, served.server.url)
  const { pathname } = new URL(url)
  const wrong = [
    ...['/', '/mcp', '/health', '/metrics', `/${'x'.repeat(24)}`],
    ...[`${pathname}/`, `/${pathname}`, `${pathname}x`, pathname.slice(0, -1), `${pathname}/mcp`],
    ...[pathname.toUpperCase(), pathname.replace('/', '/%2f'), `/./${pathname.slice(1)}`, `/x/..${pathname}`],
    `${pathname.slice(0, -1)}%${pathname.charCodeAt(pathname.length - 1).toString(16)}`,
  ]
  for (const path of wrong)
    for (const method of ['POST', 'GET', 'DELETE', 'OPTIONS']) {
      const { status, body, headers } = await ask(url, {
        path,
        method,
        body: method === 'POST' ? initialize : '',
      })
      expect([path, method, status, body]).toEqual([path, method, 404, '{"error":"not_found"}'])
      expect(JSON.stringify(headers)).not.toContain(pathname.slice(1))
    }
  expect((await ask(url, { body: initialize })).status).toBe(200)
})

test.each([
  ['Host', 'evil.example'],
  ['Host', '127.0.0.1.evil.example'],
  ['Host', 'localhost.evil.example:80'],
  ['Host', '192.168.0.1'],
  ['Host', '[::ffff:7f00:1]'],
  ['Origin', 'null'],
  ['Origin', 'https://evil.example'],
  ['Origin', 'http://localhost:1'],
  ['Origin', 'https://app.example.evil.example'],
  ['Origin', 'http://app.example'],
  ['Origin', 'https://app.example:8443'],
  ['Origin', 'file://'],
])('a request with a foreign %s, %s, runs nothing', async (name, value) => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls })
  const { url } = await listening(world, served.server.url, { listen: { origin: 'https://app.example' } })
  for (const method of ['POST', 'OPTIONS']) {
    const body = method === 'POST' ? call('count') : ''
    const { status, headers } = await ask(url, { method, headers: { [name]: value }, body })
    expect(status).toBe(403)
    expect(headers).not.toHaveProperty('access-control-allow-origin')
  }
  expect(served.calls).toEqual([])
})

test('one origin is let in, with what its browser asks for', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls, sessions: true })
  const { url } = await listening(world, served.server.url, { listen: { origin: 'https://app.example' } })
  const preflight = await ask(url, {
    method: 'OPTIONS',
    headers: {
      origin: 'https://app.example',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type, mcp-session-id, x-other',
      'access-control-request-private-network': 'true',
    },
  })
  expect(preflight).toMatchObject({
    status: 204,
    headers: {
      'access-control-allow-origin': 'https://app.example',
      'access-control-allow-methods': 'POST, GET, DELETE',
      'access-control-allow-headers': 'content-type, mcp-session-id',
      'access-control-allow-private-network': 'true',
    },
  })
  const opened = await ask(url, { headers: { origin: 'https://app.example' }, body: initialize })
  expect(opened).toMatchObject({
    status: 200,
    headers: { 'access-control-allow-origin': 'https://app.example' },
  })
  expect(opened.headers['access-control-expose-headers']).toContain('Mcp-Session-Id')
  // Without the list no origin is let in, and none gets a header.
  const without = await listening(world, served.server.url)
  expect(
    await ask(without.url, { headers: { origin: 'https://app.example' }, body: initialize }),
  ).toMatchObject({
    status: 403,
  })
})

test('each client has a session of its own: one that ends it ends no other', async () => {
  await using world = await makeWorld()
  const healthPort = await freePort()
  await using served = await serveTest({ tls: world.tls, sessions: true, healthPort })
  const { url, running } = await listening(world, served.server.url)
  const [one, other] = await Promise.all([1, 2].map(() => ask(url, { body: initialize })))
  const ids = [one, other].map((answer) => String(answer?.headers['mcp-session-id']))
  const sessions = async () => value(await scrape(healthPort), 'sessions')
  expect(new Set(ids).size).toBe(2)
  expect(await sessions()).toBe(2)
  const [first = '', second = ''] = ids
  expect((await ask(url, { method: 'DELETE', headers: { 'mcp-session-id': first } })).status).toBe(200)
  await expect.poll(sessions).toBe(1)
  expect((await ask(url, { headers: { 'mcp-session-id': first }, body: call('count') })).status).toBe(404)
  const { body } = await ask(url, { headers: { 'mcp-session-id': second }, body: call('count') })
  expect(body).toContain('"text":"1"')
  await running.close()
  await expect.poll(sessions).toBe(0)
})

test('closing it ends what is open, and is done once', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls, sessions: true })
  const { url, running } = await listening(world, served.server.url)
  const { headers } = await ask(url, { body: initialize })
  const stream = request(url, {
    headers: { accept: 'text/event-stream', 'mcp-session-id': String(headers['mcp-session-id']) },
  })
  stream.end()
  const [response] = await once(stream, 'response')
  const idle = connect(Number(new URL(url).port), '127.0.0.1')
  await once(idle, 'connect')
  const ended = Promise.all([once(response.resume(), 'close'), once(idle, 'close')])
  await Promise.all([running.close(), running.close(), running.closed, ended])
  await expect(ask(url, { body: initialize })).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})

test('what comes slowly, or is too much, ends nothing else', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls, sessions: true })
  const { url } = await listening(world, served.server.url)
  const headers = { 'content-length': String(65 * 1024 * 1024) }
  expect((await ask(url, { headers }).catch(({ code }) => ({ status: code }))).status).toBe(413)
  expect((await ask(url, { body: '{' })).status).toBe(400)
  expect((await ask(url, { headers: { 'x-long': 'x'.repeat(20_000) }, body: initialize })).status).toBe(431)
  expect((await ask(url, { body: initialize })).status).toBe(200)
})

test.each([
  ['0.0.0.0', /loopback/],
  ['::', /loopback/],
  ['192.168.1.1', /loopback/],
  ['example.org', /loopback/],
  ['127.0.0.1.example.org', /loopback/],
])('it never listens at %s', async (host, words) => {
  await using world = await makeWorld()
  await expect(listening(world, 'https://localhost:1/mcp', { listen: { host } })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringMatching(words),
  })
})

test.each(['null', '*', 'app.example', 'https://app.example/', 'https://app.example/x', 'https://'])(
  'the origin %j is none',
  async (origin) => {
    await using world = await makeWorld()
    await expect(listening(world, 'https://localhost:1/mcp', { listen: { origin } })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('origin'),
    })
  },
)

test('a port that is taken is said to be', async () => {
  await using world = await makeWorld()
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  onTestFinished(() => void other.close())
  const { port } = other.address() as { port: number }
  await expect(listening(world, 'https://localhost:1/mcp', { listen: { port } })).rejects.toMatchObject({
    code: 'PORT_IN_USE',
  })
})

test('a server that is away is told of in each answer', async () => {
  await using world = await makeWorld()
  const { url } = await listening(world, 'https://localhost:1/mcp', { initializeWithin: 50 })
  const { headers, status } = await ask(url, { body: initialize })
  expect(status).toBe(200)
  const { body } = await ask(url, {
    headers: { 'mcp-session-id': String(headers['mcp-session-id']) },
    body: call('echo'),
  })
  expect(body).toContain('CONNECTION_FAILED: nothing is listening on localhost:1')
})
