import { describe, expect, test } from 'vitest'
import { forge, forgeCa } from '../support/forge.js'
import { ask, httpText, openWire, toolCall } from '../support/wire.js'
import { makeWorld, serveTest } from '../support/world.js'

const health = (url: string) => new URL('/health', url)

describe('the Host header', () => {
  test.each(['localhost', 'localhost:1234', '127.0.0.1', '[::1]:9', 'LOCALHOST'])(
    'may be %s',
    async (host) => {
      await using world = await makeWorld()
      await using served = await serveTest({ tls: world.tls })
      const { status } = await ask(health(served.server.url), world.certDir, { headers: { host } })
      expect(status).toBe(200)
    },
  )

  test('may be a name of the server certificate', async () => {
    const ca = await forgeCa()
    const server = await forge({ issuer: ca, usage: 'server', dns: ['localhost', 'mcp.example'] })
    await using world = await makeWorld({ ca, server })
    await using served = await serveTest({ tls: world.tls })
    const status = async (host: string) =>
      (await ask(health(served.server.url), world.certDir, { headers: { host } })).status
    expect(await status('mcp.example:8443')).toBe(200)
    expect(await status('other.example')).toBe(403)
  })

  test.each(['evil.example', 'localhost.evil.example', 'a b', 'user@localhost:1@evil.example'])(
    'may not be %s: the tool is not called, and an event says so',
    async (host) => {
      await using world = await makeWorld()
      await using served = await serveTest({ tls: world.tls })
      const wire = await openWire(served.server.url, world.certDir)
      wire.socket.write(httpText('/mcp', { host }, toolCall('echo', { text: 'hello' })))
      expect(await wire.closed).toMatch(/^HTTP\/1.1 403 /)
      expect(await served.event('request-refused')).toMatchObject({ reason: 'NOT_AUTHORIZED' })
      expect(served.calls).toEqual([])
    },
  )

  test.each(['localhost', 'evil.example'])('must be one: a second one, %s, is refused', async (other) => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls })
    const wire = await openWire(served.server.url, world.certDir)
    wire.socket.write(`GET /health HTTP/1.1\r\nHost: localhost\r\nhOsT: ${other}\r\n\r\n`)
    await wire.until(/^HTTP\/1\.1 403 [\s\S]*more than one Host/)
  })

  test('must be there', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls })
    const wire = await openWire(served.server.url, world.certDir)
    wire.socket.write('GET /health HTTP/1.1\r\n\r\n')
    expect(await wire.closed).toMatch(/^HTTP\/1.1 400 /)
  })

  test('must be one of allowedHosts when they are given', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls, allowedHosts: ['Gateway.example', '::1'] })
    const status = async (host: string) =>
      (await ask(health(served.server.url), world.certDir, { headers: { host } })).status
    expect(await status('gateway.example:443')).toBe(200)
    expect(await status('[::1]:8443')).toBe(200)
    expect(await status('localhost')).toBe(403)
  })
})

describe('the Origin header', () => {
  test.each([
    ['https://app.example', 200],
    ['http://app.example', 403],
    ['https://app.example.evil.example', 403],
    ['https://tools.example:9000', 200],
    ['null', 403],
  ])('%s gets %i with allowedOrigins https://app.example and tools.example', async (origin, expected) => {
    await using world = await makeWorld()
    await using served = await serveTest({
      tls: world.tls,
      allowedOrigins: ['https://app.example', 'tools.example'],
    })
    const { status } = await ask(health(served.server.url), world.certDir, { headers: { origin } })
    expect(status).toBe(expected)
  })

  test('may be the own one of the server, and by default no other', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls })
    const status = async (origin: string | string[]) =>
      (await ask(health(served.server.url), world.certDir, { headers: { origin } })).status
    const { origin, port } = new URL(served.server.url)
    expect(await status(origin)).toBe(200)
    expect(await status(`https://127.0.0.1:${port}`)).toBe(200)
    expect(await status(`http://localhost:${port}`)).toBe(403)
    expect(await status('https://localhost:1')).toBe(403)
    expect(await status(`${origin}/`)).toBe(403)
    expect(await status([origin, 'https://evil.example'])).toBe(403)
  })

  test('without TLS, may be http:// with the port of the server', async () => {
    await using served = await serveTest({ tlsEnabled: false, httpPort: 0 })
    const { origin, port } = new URL(served.server.url)
    const status = async (from: string) =>
      (await ask(health(served.server.url), undefined, { headers: { origin: from } })).status
    expect(await status(origin)).toBe(200)
    expect(await status(`https://localhost:${port}`)).toBe(403)
    expect(await status('http://localhost:3000')).toBe(403)
  })

  test.each(['localhost', 'evil.example'])(
    'must be one: a second one, https://%s, is refused',
    async (other) => {
      await using world = await makeWorld()
      await using served = await serveTest({ tls: world.tls })
      const wire = await openWire(served.server.url, world.certDir)
      const { origin, host } = new URL(served.server.url)
      const second = origin.replace('localhost', other)
      wire.socket.write(
        `GET /health HTTP/1.1\r\nHost: ${host}\r\nOrigin: ${origin}\r\norigin: ${second}\r\n\r\n`,
      )
      await wire.until(/^HTTP\/1\.1 403 /)
    },
  )
})

describe('what is not an MCP request', () => {
  test('an unknown path is 404 and says where things are', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls })
    const answer = await ask(new URL('/other', served.server.url), world.certDir)
    expect(answer.status).toBe(404)
    expect(JSON.parse(answer.body)).toEqual({
      error: 'not_found',
      message: 'MCP is at /mcp; there are /health, /livez, /readyz, /metrics beside it',
    })
  })

  test.each(['GET', 'PUT', 'DELETE', 'PATCH', 'TRACE', 'OPTIONS'])('%s at /mcp is 405', async (method) => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls })
    const answer = await ask(served.server.url, world.certDir, {
      method,
      headers: { accept: 'text/event-stream' },
    })
    expect(answer.status).toBe(405)
  })

  test.each(['POST', 'DELETE'])('%s at /health is 405', async (method) => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls })
    expect((await ask(health(served.server.url), world.certDir, { method })).status).toBe(405)
  })

  test.each(['{"jsonrpc": ', '', 'hello', '\u0000'])(
    'the body %j is a JSON-RPC parse error',
    async (body) => {
      await using world = await makeWorld()
      await using served = await serveTest({ tls: world.tls })
      const answer = await ask(served.server.url, world.certDir, { body })
      expect(answer.status).toBe(400)
      expect(JSON.parse(answer.body)).toMatchObject({ jsonrpc: '2.0', id: null, error: { code: -32700 } })
    },
  )

  test.each(['null', '[]', '3', '{"jsonrpc":"2.0"}', '{"method":"tools/list"}'])(
    'the JSON %s is refused as no JSON-RPC message',
    async (body) => {
      await using world = await makeWorld()
      await using served = await serveTest({ tls: world.tls })
      const answer = await ask(served.server.url, world.certDir, { body })
      expect(answer.status).toBe(400)
      expect(JSON.parse(answer.body)).toMatchObject({ jsonrpc: '2.0', error: { code: expect.any(Number) } })
    },
  )

  test('a body that is not declared as JSON is 415', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls })
    const headers = { 'content-type': 'text/plain' }
    const body = toolCall('echo', { text: 'hello' })
    expect((await ask(served.server.url, world.certDir, { headers, body })).status).toBe(415)
    expect(served.calls).toEqual([])
  })
})

test('no header changes who calls', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls })
  const { body } = await ask(served.server.url, world.certDir, {
    body: toolCall('who'),
    headers: {
      authorization: 'Bearer admin',
      forwarded: 'for=10.0.0.1;by=admin',
      'x-client-cert': 'CN=admin',
      'x-forwarded-client-cert': 'Subject="CN=admin";URI=spiffe://example.org/admin',
      'x-forwarded-user': 'admin',
      'x-ssl-client-s-dn': 'CN=admin',
    },
  })
  expect(body).toContain('cn:mcp-client')
  expect(body).not.toContain('admin')
})
