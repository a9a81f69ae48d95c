import { once } from 'node:events'
import { McpServer } from '@modelcontextprotocol/server'
import { describe, expect, test, vi } from 'vitest'
import { forge } from '../support/forge.js'
import { initialize, openRawSession } from '../support/raw-session.js'
import { Script, slowServer } from '../support/slow-server.js'
import { ask, httpText, mcpHeaders, openWire, toolCall } from '../support/wire.js'
import { makeWorld, serveTest } from '../support/world.js'

describe('a request body over the limit', () => {
  test('is answered with 413 when its length says so', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls, limits: { maxBodyBytes: 1000 } })
    const answer = await ask(served.server.url, world.certDir, {
      body: toolCall('echo', { text: 'x'.repeat(1000) }),
    })
    expect(answer.status).toBe(413)
    expect(JSON.parse(answer.body)).toMatchObject({
      jsonrpc: '2.0',
      id: null,
      error: { message: expect.stringContaining('1000 bytes') },
    })
    expect(served.calls).toEqual([])
  })

  test('is answered with 413 when it comes in chunks without a length', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls, limits: { maxBodyBytes: 1000 } })
    const wire = await openWire(served.server.url, world.certDir)
    wire.socket.write(
      `${httpText('/mcp', { ...mcpHeaders, 'transfer-encoding': 'chunked' }).replace('GET', 'POST')}`,
    )
    for (let sent = 0; sent < 3; sent++) wire.socket.write(`190\r\n${'x'.repeat(400)}\r\n`)
    const answer = await wire.closed
    expect(answer).toMatch(/^HTTP\/1.1 413 /)
    expect(answer).toMatch(/^connection: close\r$/im)
  })

  test.each([
    ['a length', {}],
    ['chunks', { 'transfer-encoding': 'chunked' }],
  ])('in %s does not keep a client that is still sending from reading why', async (_name, headers) => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls, limits: { maxBodyBytes: 1000 } })
    const body = toolCall('echo', { text: 'x'.repeat(3_000_000) })
    const statuses = []
    for (let attempt = 0; attempt < 20; attempt++)
      statuses.push(
        (await ask(served.server.url, world.certDir, { body, headers: { ...mcpHeaders, ...headers } }))
          .status,
      )
    expect(new Set(statuses)).toEqual(new Set([413]))
  })

  test('is answered also when all of it is sent before anything is read', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls, limits: { maxBodyBytes: 1000 } })
    const wire = await openWire(served.server.url, world.certDir)
    wire.socket.pause()
    wire.socket.write(httpText('/mcp', mcpHeaders, 'x'.repeat(20_000_000)))
    await once(wire.socket, 'drain')
    wire.socket.resume()
    expect(await wire.closed).toMatch(/^HTTP\/1.1 413 /)
  })

  test('at exactly the limit is served', async () => {
    await using world = await makeWorld()
    const body = toolCall('echo', { text: 'x'.repeat(500) })
    await using served = await serveTest({ tls: world.tls, limits: { maxBodyBytes: body.length } })
    expect((await ask(served.server.url, world.certDir, { body })).status).toBe(200)
  })
})

describe('a request body that costs more than its size', () => {
  const call = (text: string) =>
    `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":${text}}}`
  const keys = (count: number) => `{${Array.from({ length: count }, (_, n) => `"k${n}":1`).join()}}`
  const nested = (depth: number) => `{"text":${'['.repeat(depth)}${']'.repeat(depth)}}`

  test.each([
    ['keys', call(keys(10_000)), 'The request body has more than 10000 keys'],
    ['keys beside the call', `${keys(10_000).slice(0, -1)},${call('{}').slice(1)}`, 'more than 10000 keys'],
    ['arrays in arrays', call(nested(98)), 'The request body is nested more than 100 deep'],
    ['objects in objects, cut off', '{"a":'.repeat(5000), 'nested more than 100 deep'],
  ])('%s: is answered with 413, and nothing is called', async (_name, body, message) => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls })
    const answer = await ask(served.server.url, world.certDir, { body })
    expect(answer.status).toBe(413)
    expect(JSON.parse(answer.body).error.message).toContain(message)
    expect(served.calls).toEqual([])
  })

  test.each([
    ['as many keys as allowed', call(`{"text":"x",${keys(9993).slice(1)}`)],
    ['as deep as allowed', call(`{"text":"x","b":${'['.repeat(97)}${']'.repeat(97)}}`)],
    ['brackets and colons in a text', call(JSON.stringify({ text: `${'[{":\\"'.repeat(5000)}` }))],
    ['many values without keys', call(`{"text":"x","b":[${'1,'.repeat(100_000)}1]}`)],
  ])('%s: is served', async (_name, body) => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls })
    expect((await ask(served.server.url, world.certDir, { body })).status).toBe(200)
    expect(served.calls).toHaveLength(1)
  })
})

describe('what one identity may have at once', () => {
  test('a connection too many gets a 429, and comes in when another has ended', async () => {
    await using world = await makeWorld()
    const limits = { maxConnectionsPerIdentity: 2 }
    await using served = await serveTest({ tls: world.tls, limits })
    const open = async () => {
      const wire = await openWire(served.server.url, world.certDir)
      wire.socket.write(httpText('/health'))
      return wire
    }
    const [first] = [await open(), await open()]
    const third = await open()
    expect(await third.closed).toMatch(/^HTTP\/1.1 429 .*retry-after: 1.*has as many connections as it may/is)
    expect(await served.event('connection-ended')).toMatchObject({ reason: 'RATE_LIMITED' })
    expect(served.server.connections()).toHaveLength(2)
    await first?.until(/"status"/)
    first?.socket.destroy()
    await vi.waitFor(() => expect(served.server.connections()).toHaveLength(1))
    const fourth = await open()
    await fourth.until(/^HTTP\/1.1 200 .*"status"/s)
  })

  test('another identity has connections of its own', async () => {
    await using world = await makeWorld()
    const client = await forge({ issuer: world.ca, usage: 'client', commonName: 'other' })
    await using other = await makeWorld({ ca: world.ca, server: world.server, client })
    await using served = await serveTest({ tls: world.tls, limits: { maxConnectionsPerIdentity: 1 } })
    for (const { certDir } of [world, other]) {
      const wire = await openWire(served.server.url, certDir)
      wire.socket.write(httpText('/health'))
      await wire.until(/^HTTP\/1.1 200 .*"status"/s)
    }
  })

  test('a request too many gets a 429, whatever connection it comes over; afterwards there is room again', async () => {
    await using world = await makeWorld()
    let release = () => {}
    let waiting = 0
    const factory = () => {
      const server = new McpServer({ name: 'slow', version: '1' })
      server.registerTool('echo', {}, async () => {
        await new Promise<void>((resolve) => {
          waiting++
          release = resolve
        })
        return { content: [] }
      })
      return server
    }
    await using served = await serveTest({ tls: world.tls, limits: { maxRequestsPerIdentity: 1 } }, factory)
    const call = () => ask(served.server.url, world.certDir, { body: toolCall('echo', {}) })
    const first = call()
    await vi.waitFor(() => expect(waiting).toBe(1))
    const second = await call()
    expect(second.status).toBe(429)
    expect(JSON.parse(second.body).error.message).toBe('cn:mcp-client has as many requests at once as it may')
    expect(await served.event('request-refused')).toMatchObject({ reason: 'RATE_LIMITED' })
    release()
    expect((await first).status).toBe(200)
    const third = call()
    await vi.waitFor(() => expect(waiting).toBe(2))
    release()
    expect((await third).status).toBe(200)
  })
})

describe('limits of time', () => {
  test('headers that never end are answered with 408 and the connection closed', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls, limits: { headersTimeout: 200 } })
    const wire = await openWire(served.server.url, world.certDir)
    wire.socket.write('POST /mcp HTTP/1.1\r\nHost: localhost\r\nX-Slow')
    expect(await wire.closed).toMatch(/^HTTP\/1.1 408 /)
  })

  test('a connection that never asks anything is closed', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls, limits: { headersTimeout: 200 } })
    const wire = await openWire(served.server.url, world.certDir)
    await wire.closed
    expect(served.server.connections()).toEqual([])
  })

  test('a body that never ends is answered with 408 and the connection closed', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({
      tls: world.tls,
      limits: { headersTimeout: 200, idleTimeout: 300 },
    })
    const wire = await openWire(served.server.url, world.certDir)
    wire.socket.write(httpText('/mcp', { ...mcpHeaders, 'content-length': '100' }, '{"jsonrpc"'))
    expect(await wire.closed).toMatch(/^HTTP\/1.1 408 /)
  })

  test('a connection kept alive is closed when idle for too long', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls, limits: { idleTimeout: 200 } })
    const wire = await openWire(served.server.url, world.certDir)
    wire.socket.write(httpText('/health'))
    expect(await wire.closed).toMatch(/^HTTP\/1.1 200 .*connection: keep-alive/is)
  })
})

describe('limits of size and number', () => {
  test('headers over the limit are answered with 431', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls, limits: { maxHeaderBytes: 2000 } })
    const wire = await openWire(served.server.url, world.certDir)
    wire.socket.write(httpText('/health', { 'x-long': 'x'.repeat(3000) }))
    expect(await wire.closed).toMatch(/^HTTP\/1.1 431 /)
  })

  test.each([
    ['mTLS', true],
    ['plain HTTP', false],
  ])('no more connections than allowed are taken over %s', async (_name, tlsEnabled) => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls, tlsEnabled, limits: { maxConnections: 2 } })
    const certDir = tlsEnabled ? world.certDir : undefined
    const open = async () => {
      const wire = await openWire(served.server.url, certDir)
      wire.socket.write(httpText('/health'))
      await wire.until(/"status"/)
      return wire
    }
    const first = await open()
    await open()
    const third = await openWire(served.server.url, certDir)
    expect(await third.closed).toBe('')
    first.socket.destroy()
    await once(first.socket, 'close')
    await expect.poll(() => served.server.health().connections).toBe(1)
    await open()
  })

  test('silent sockets of one address do not lock out another', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({
      tls: world.tls,
      limits: { maxConnectionsPerAddress: 3, maxConnections: 5 },
    })
    const silent = []
    for (let count = 0; count < 8; count++)
      silent.push(await openWire(served.server.url, undefined, '127.0.0.2'))
    const turnedAway = await served.event('handshake-failed')
    expect(turnedAway).toMatchObject({
      reason: 'CONNECTION_FAILED',
      peerAddress: expect.stringContaining('127.0.0.2:'),
    })
    expect((await ask(new URL('/health', served.server.url), world.certDir)).status).toBe(200)
  })
})

test.each([false, true])(
  'requests in a row whose connection ends are over, those too that waited for their turn; sessions %s',
  async (sessions) => {
    await using world = await makeWorld()
    const script = new Script()
    let ended = 0
    const limits = { maxRequestsPerIdentity: 3 }
    await using served = await serveTest(
      { tls: world.tls, limits, ...(sessions && { sessions: { idle: 300 } }) },
      () => {
        const server = slowServer(script)
        server.server.oninitialized = () => {
          server.server.onclose = () => ended++
        }
        return server
      },
    )
    const { url } = served.server
    const session = sessions ? await openRawSession(url, world.certDir) : undefined
    const headers = { ...mcpHeaders, ...(session && { 'mcp-session-id': session.id }) }
    const wire = await openWire(url, world.certDir)
    for (const id of [1, 2, 3])
      wire.socket.write(httpText('/mcp', headers, toolCall('wait').replace('"id":1', `"id":${id}`)))
    await expect.poll(() => script.calls).toBe(3)
    wire.socket.destroy()
    script.finish.open()
    await expect.poll(() => served.server.connections().length).toBe(0)
    const three = await Promise.all(
      [1, 2, 3].map((id) =>
        ask(url, world.certDir, {
          headers: mcpHeaders,
          body: JSON.stringify({ ...initialize(), id }),
        }),
      ),
    )
    expect(three.map(({ status }) => status)).toEqual([200, 200, 200])
    if (session) await expect.poll(() => ended).toBe(1) // nobody uses it any more
  },
)
