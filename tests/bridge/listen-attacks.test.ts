import { once } from 'node:events'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { type BridgeOptions, bridge } from '../../src/bridge/index.js'
import { freePort } from '../support/free-port.js'
import { listening as gated } from '../support/gated.js'
import { scrape, value } from '../support/scraped.js'
import { openWire } from '../support/wire.js'
import { makeWorld, serveTest, type World } from '../support/world.js'

// What other users of the machine, and web pages in its browsers, may try.

async function listening(world: World, serverUrl: string, options: Partial<BridgeOptions> = {}) {
  const said: string[] = []
  const running = await bridge({
    servers: { serverUrl, tls: { certDir: world.certDir } },
    listen: {},
    initializeWithin: '30s',
    onEvent: ({ message }) => said.push(message),
    ...options,
  })
  onTestFinished(() => running.close())
  const url = running.url ?? ''
  const { host, pathname } = new URL(url)
  return { running, url, host, path: pathname, said }
}

/** It needs no session: it runs as soon as it is let in. */
const echoCall = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: {
    name: 'echo',
    arguments: { text: 'ran' },
    _meta: {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientInfo': { name: 'x', version: '1' },
      'io.modelcontextprotocol/clientCapabilities': {},
    },
  },
})
const countCall = JSON.stringify({
  jsonrpc: '2.0',
  id: 2,
  method: 'tools/call',
  params: { name: 'count', arguments: {} },
})
const initialize = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } },
})
const accept = 'application/json, text/event-stream'

interface Place {
  readonly host: string
  readonly path: string
}

const length = `Content-Length: ${echoCall.length}`
const post = ({ host, path }: Place, ...headers: string[]) => [
  `POST ${path} HTTP/1.1`,
  `Host: ${host}`,
  'Content-Type: application/json',
  `Accept: ${accept}`,
  'MCP-Protocol-Version: 2026-07-28',
  'Mcp-Method: tools/call',
  'Mcp-Name: echo',
  ...headers,
]
const whole = (lines: readonly string[], body = echoCall) => `${lines.join('\r\n')}\r\n\r\n${body}`
const chunked = `${echoCall.length.toString(16)}\r\n${echoCall}\r\n0\r\n\r\n`

const raw: readonly (readonly [string, number, (place: Place) => string])[] = [
  ['nothing wrong', 200, (at) => whole(post(at, length))],
  [
    'a target that is a URL elsewhere',
    403,
    (at) => whole(post({ ...at, path: `http://evil.example${at.path}` }, length)),
  ],
  [
    'a target that is its own URL',
    404,
    (at) => whole(post({ ...at, path: `http://${at.host}${at.path}` }, length)),
  ],
  ['two hosts', 403, (at) => whole(post(at, 'Host: evil.example', length))],
  ['no host', 400, (at) => whole(post(at, length).filter((line) => !line.startsWith('Host')))],
  ['a host with a user', 403, (at) => whole(post({ ...at, host: `x@${at.host}` }, length))],
  ['a host that is a number', 403, (at) => whole(post({ ...at, host: '2130706433' }, length))],
  ['two lengths', 400, (at) => whole(post(at, length, 'Content-Length: 0'))],
  ['a length and chunks', 400, (at) => whole(post(at, length, 'Transfer-Encoding: chunked'), chunked)],
  ['an unknown coding', 400, (at) => whole(post(at, 'Transfer-Encoding: chunked, identity'), chunked)],
  ['a space before the colon', 400, (at) => whole(post(at, 'Transfer-Encoding : chunked'), chunked)],
  ['a folded header', 400, (at) => whole(post(at, 'X-One: 1\r\n  2', length))],
  ['lines that end in LF', 400, (at) => whole(post(at, length)).replace(/\r\n/g, '\n')],
  ['a length with a sign', 400, (at) => whole(post(at, `Content-Length: +${echoCall.length}`))],
  ['a space in the target', 400, (at) => whole(post({ ...at, path: `${at.path} x` }, length))],
  [
    'bare text',
    415,
    (at) => whole(post(at, length).map((line) => line.replace(/^(Content-Type:).*/, '$1 text/plain'))),
  ],
  [
    'a form',
    415,
    (at) =>
      whole(
        post(at, length).map((line) =>
          line.replace(/^(Content-Type:).*/, '$1 application/x-www-form-urlencoded'),
        ),
      ),
  ],
  ['no type', 415, (at) => whole(post(at, length).filter((line) => !line.startsWith('Content-Type')))],
  [
    'a stream of events without a session',
    400,
    (at) =>
      whole(
        [
          `GET ${at.path} HTTP/1.1`,
          `Host: ${at.host}`,
          'Accept: text/event-stream',
          'Sec-Fetch-Mode: no-cors',
        ],
        '',
      ),
  ],
  ['HEAD', 405, (at) => whole([`HEAD ${at.path} HTTP/1.1`, `Host: ${at.host}`], '')],
  ['TRACE', 405, (at) => whole([`TRACE ${at.path} HTTP/1.1`, `Host: ${at.host}`], '')],
  [
    'PUT, which says that it is POST',
    405,
    (at) => whole(post(at, 'X-HTTP-Method-Override: POST', length)).replace('POST', 'PUT'),
  ],
  [
    'GET, which says that it is POST',
    400,
    (at) => whole(post(at, 'X-HTTP-Method-Override: POST', length)).replace('POST', 'GET'),
  ],
  ['an unknown expectation', 417, (at) => whole(post(at, 'Expect: magic', length))],
]

test.each(raw)(
  '%s is answered with %i, and runs nothing unless that is 200',
  async (_what, status, bytes) => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls })
    const at = await listening(world, served.server.url)
    const { socket, until, received } = await openWire(at.url)
    socket.write(bytes(at))
    await until(status === 200 ? /"ran"/ : /\r\n\r\n/)
    expect(Number(received().slice('HTTP/1.1 '.length, 12))).toBe(status)
    socket.destroy()
    expect(served.calls).toEqual(status === 200 ? ['ran'] : [])
    expect(received()).not.toContain(at.path.slice(1))
  },
)

test('CONNECT gets no connection', async () => {
  await using world = await makeWorld()
  const at = await listening(world, 'https://localhost:1/mcp')
  const { socket, closed } = await openWire(at.url)
  socket.write(`CONNECT ${at.host} HTTP/1.1\r\nHost: ${at.host}\r\n\r\n`)
  expect(await closed).toBe('')
})

test('what follows a refused body on its connection is not read as a request', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls })
  const at = await listening(world, served.server.url)
  const hidden = whole(post(at, length))
  const { socket, closed } = await openWire(at.url)
  const outer = post({ ...at, path: '/guess' }, `Content-Length: ${hidden.length}`)
  socket.write(whole(outer, hidden) + hidden)
  expect((await closed).match(/HTTP\/1\.1 \d{3}/g)).toEqual(['HTTP/1.1 404'])
  expect(served.calls).toEqual([])
})

async function ask(url: string, body: string, headers: Record<string, string> = {}) {
  const asked = request(url, {
    method: 'POST',
    agent: false,
    headers: { 'content-type': 'application/json', accept, ...headers },
  })
  asked.end(body)
  const [response] = await once(asked, 'response')
  return { status: response.statusCode, headers: response.headers, body: await text(response) }
}

test('a client that opens sessions without end takes none from one that works, here or at the server', async () => {
  await using world = await makeWorld()
  const healthPort = await freePort()
  await using served = await serveTest({ tls: world.tls, sessions: true, healthPort })
  const { url } = await listening(world, served.server.url)
  const { headers } = await ask(url, initialize)
  const session = { 'mcp-session-id': String(headers['mcp-session-id']) }
  const stream = request(url, { agent: false, headers: { accept: 'text/event-stream', ...session } })
  stream.end()
  await once(stream, 'response')
  onTestFinished(() => void stream.destroy())
  for (let round = 0; round < 15; round++) {
    const opened = await Promise.all(Array.from({ length: 20 }, () => ask(url, initialize)))
    for (const { status } of opened) expect([200, 429]).toContain(status)
  }
  expect((await ask(url, countCall, session)).body).toContain('"text":"1"')
  await expect.poll(async () => value(await scrape(healthPort), 'sessions')).toBeLessThanOrEqual(100)
})

test('closing it waits for no client that sends slowly, and for no server that does not let go', {
  timeout: 30_000,
}, async () => {
  await using world = await makeWorld()
  const left: unknown[] = []
  const remote = await gated(world, {}, async (request, response) => {
    if (request.method === 'DELETE') return void left.push(request.headers['mcp-session-id'])
    if (request.method !== 'POST') return void response.writeHead(405).end()
    const { id } = JSON.parse(await text(request))
    if (id === undefined) return void response.writeHead(202).end()
    const serverInfo = { name: 'holding', version: '1' }
    const result = { protocolVersion: '2025-11-25', capabilities: {}, serverInfo }
    response.writeHead(200, { 'content-type': 'application/json', 'mcp-session-id': 'held' })
    response.end(JSON.stringify({ jsonrpc: '2.0', id, result }))
  })
  const at = await listening(world, remote.url)
  expect((await ask(at.url, initialize)).status).toBe(200)
  const slow = await openWire(at.url)
  slow.socket.write(whole(post(at, 'Content-Length: 1000', 'Expect: 100-continue'), '{'))
  await slow.until(/100 Continue/)
  await at.running.close()
  await slow.closed
  expect(left).toEqual(['held'])
})

test('what was tried is told without the path', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls, sessions: true })
  const at = await listening(world, served.server.url)
  for (const body of ['{', '[]', '{"jsonrpc":"2.0"}', countCall]) await ask(at.url, body)
  await ask(at.url, countCall, { 'mcp-session-id': 'unknown', referer: at.url })
  await ask(at.url, countCall, { origin: at.url })
  expect(at.said.join('\n')).not.toContain(at.path.slice(1))
})

test.each(['127.0.0.1', 'localhost', 'LOCALHOST', 'localhost.'])(
  'the URL that is printed for %s works as it is',
  async (host) => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls, sessions: true })
    const { url } = await listening(world, served.server.url, { listen: { host } })
    expect((await ask(url, initialize)).status).toBe(200)
  },
)
