import { describe, expect, test } from 'vitest'
import { Script, slowServer } from '../support/slow-server.js'
import { type Answer, ask, httpText, mcpHeaders, openWire, toolCall } from '../support/wire.js'
import { makeWorld, serveTest } from '../support/world.js'

const origin = 'https://app.example'
const echo = toolCall('echo', { text: 'hello' })
const plain = { tlsEnabled: false, httpPort: 0, allowedOrigins: [origin, 'tools.example'] } as const

/** The headers of CORS in an answer. */
function cors({ headers }: Pick<Answer, 'headers'>) {
  const names = Object.keys(headers).filter((name) => name.startsWith('access-control-') || name === 'vary')
  return Object.fromEntries(names.toSorted().map((name) => [name, headers[name]]))
}

const allowed = {
  'access-control-allow-credentials': 'true',
  'access-control-allow-origin': origin,
  'access-control-expose-headers': 'Mcp-Session-Id, Mcp-Protocol-Version, Retry-After, WWW-Authenticate',
  vary: 'Origin',
}

describe('a page of an allowed origin may read', () => {
  test('the answer to its call', async () => {
    await using served = await serveTest(plain)
    const answer = await ask(served.server.url, undefined, { headers: { origin }, body: echo })
    expect(answer.status).toBe(200)
    expect(answer.body).toContain('hello')
    expect(cors(answer)).toEqual(allowed)
  })

  test('also over mutual TLS', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls, allowedOrigins: [origin] })
    const answer = await ask(served.server.url, world.certDir, { headers: { origin }, body: echo })
    expect([answer.status, cors(answer)]).toEqual([200, allowed])
  })

  test('when its host name alone is allowed, by the whole origin that it has', async () => {
    await using served = await serveTest(plain)
    const from = { origin: 'http://tools.example:3000' }
    const answer = await ask(served.server.url, undefined, { headers: from, body: echo })
    expect(cors(answer)).toEqual({ ...allowed, 'access-control-allow-origin': from.origin })
  })

  test.each([
    [200, '/health', {}],
    [404, '/other', {}],
    [405, '/health', { method: 'PUT' }],
    [405, '/mcp', {}],
    [403, '/mcp', { host: 'evil.example' }],
    [400, '/mcp', { body: '{' }],
    [413, '/mcp', { body: `"${'x'.repeat(3000)}"` }],
    [415, '/mcp', { body: echo, type: 'text/plain' }],
  ] as const)(
    'a %i of %s',
    async (status, path, { method, host, body, type }: Partial<Record<string, string>>) => {
      await using served = await serveTest({ ...plain, limits: { maxBodyBytes: 2000 } })
      const answer = await ask(new URL(path, served.server.url), undefined, {
        headers: { origin, ...(host && { host }), ...(type && { 'content-type': type }) },
        ...(method && { method }),
        ...(body && { body }),
      })
      expect([answer.status, cors(answer)]).toEqual([status, allowed])
    },
  )

  test('a 500', async () => {
    await using served = await serveTest(plain, () => {
      throw new Error('broken')
    })
    const answer = await ask(served.server.url, undefined, { headers: { origin }, body: echo })
    expect([answer.status, cors(answer)]).toEqual([500, allowed])
  })

  test('a 429, and when to try again', async () => {
    await using world = await makeWorld()
    const script = new Script()
    const limits = { maxRequestsPerIdentity: 1 }
    await using served = await serveTest({ tls: world.tls, allowedOrigins: [origin], limits }, () =>
      slowServer(script),
    )
    const wire = await openWire(served.server.url, world.certDir)
    wire.socket.write(httpText('/mcp', mcpHeaders, toolCall('wait')))
    await script.started.opened
    const answer = await ask(served.server.url, world.certDir, { headers: { origin }, body: echo })
    expect([answer.status, answer.headers['retry-after'], cors(answer)]).toEqual([429, '1', allowed])
  })

  test('a stream, from its first byte', async () => {
    const script = new Script()
    await using served = await serveTest(plain, () => slowServer(script))
    const wire = await openWire(served.server.url)
    const body = JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'progress', arguments: {}, _meta: { progressToken: 1 } },
    })
    wire.socket.write(httpText('/mcp', { ...mcpHeaders, origin }, body))
    await wire.until(/notifications\/progress/)
    const [head = ''] = wire.received().split('\r\n\r\n')
    expect(head).toMatch(/^content-type: text\/event-stream/im)
    for (const [name, value] of Object.entries(allowed))
      expect(head.toLowerCase()).toContain(`${name}: ${value.toLowerCase()}`)
    expect(head.match(/^vary:/gim)).toHaveLength(1)
  })
})

describe('nobody else gets a header that lets a page read', () => {
  test.each([
    ['a foreign origin', 'https://evil.example', 403],
    ['an origin with a slash behind it', `${origin}/`, 403],
    ['null', 'null', 403],
    ['the own origin', undefined, 200],
  ])('%s', async (_who, from, status) => {
    await using served = await serveTest(plain)
    const headers = { origin: from ?? new URL(served.server.url).origin }
    const answer = await ask(served.server.url, undefined, { headers, body: echo })
    expect([answer.status, cors(answer)]).toEqual([status, { vary: 'Origin' }])
  })

  test('a program without an origin: caches are told all the same that answers differ', async () => {
    await using served = await serveTest(plain)
    expect(cors(await ask(served.server.url, undefined, { body: echo }))).toEqual({ vary: 'Origin' })
  })

  test('nobody at all where no origin is allowed', async () => {
    await using served = await serveTest({ tlsEnabled: false, httpPort: 0 })
    const own = new URL(served.server.url).origin
    for (const headers of [{}, { origin: own }, { origin }] as Record<string, string>[])
      expect(cors(await ask(served.server.url, undefined, { headers, body: echo }))).toEqual({})
  })
})

describe('a preflight', () => {
  const asks = (headers: Record<string, string>) => ({
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'POST', ...headers },
  })

  test('is answered with the methods of the path, and of the headers asked for those of MCP', async () => {
    await using served = await serveTest(plain)
    const answer = await ask(
      served.server.url,
      undefined,
      asks({
        'access-control-request-headers':
          'content-type, mcp-protocol-version,Mcp-Method, mcp-param-city, x-other, cookie, mcp-param-, mcp-param-a b',
      }),
    )
    expect([answer.status, answer.body]).toEqual([204, ''])
    expect(cors(answer)).toEqual({
      ...allowed,
      'access-control-allow-headers': 'content-type, mcp-protocol-version, mcp-method, mcp-param-city',
      'access-control-allow-methods': 'POST, GET, DELETE',
      'access-control-max-age': '600',
    })
    expect(served.events).toEqual([])
  })

  test('of every header that MCP clients send is answered with each', async () => {
    await using served = await serveTest(plain)
    const names =
      'content-type, accept, authorization, last-event-id, mcp-session-id, mcp-protocol-version, mcp-method, mcp-name'
    const answer = await ask(served.server.url, undefined, asks({ 'access-control-request-headers': names }))
    expect(answer.headers['access-control-allow-headers']).toBe(names)
  })

  test('without headers gets none, and of another path its methods', async () => {
    await using served = await serveTest(plain)
    const answer = await ask(new URL('/health', served.server.url), undefined, asks({}))
    expect(answer.status).toBe(204)
    expect(answer.headers).not.toHaveProperty('access-control-allow-headers')
    expect(answer.headers['access-control-allow-methods']).toBe('GET, HEAD')
  })

  test('of an unknown path is 404', async () => {
    await using served = await serveTest(plain)
    const answer = await ask(new URL('/other', served.server.url), undefined, asks({}))
    expect([answer.status, cors(answer)]).toEqual([404, allowed])
  })

  test('asks nothing of a private network: browsers ask their user instead', async () => {
    await using served = await serveTest(plain)
    const answer = await ask(
      served.server.url,
      undefined,
      asks({ 'access-control-request-private-network': 'true' }),
    )
    expect(answer.status).toBe(204)
    expect(answer.headers).not.toHaveProperty('access-control-allow-private-network')
  })

  test.each([
    ['of a foreign origin is 403', { origin: 'https://evil.example' }, 403],
    ['of no origin is 405', { origin: '' }, 405],
  ])('%s', async (_what, headers, status) => {
    await using served = await serveTest(plain)
    const answer = await ask(served.server.url, undefined, asks(headers))
    expect([answer.status, cors(answer)]).toEqual([status, { vary: 'Origin' }])
  })

  test('is more than OPTIONS: without a method asked for it is 405', async () => {
    await using served = await serveTest(plain)
    const answer = await ask(served.server.url, undefined, { method: 'OPTIONS', headers: { origin } })
    expect([answer.status, answer.headers.allow]).toEqual([405, 'POST, GET, DELETE'])
  })

  test('where no origin is allowed is 403, and 405 of the own origin', async () => {
    await using served = await serveTest({ tlsEnabled: false, httpPort: 0 })
    const own = new URL(served.server.url).origin
    expect((await ask(served.server.url, undefined, asks({}))).status).toBe(403)
    expect((await ask(served.server.url, undefined, asks({ origin: own }))).status).toBe(405)
  })

  test('over TLS is answered with a certificate, as Chromium sends it, and without one, as Firefox does, refused by the gate', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls, allowedOrigins: [origin] })
    const given = await ask(served.server.url, world.certDir, asks({}))
    expect([given.status, given.headers['access-control-allow-origin']]).toEqual([204, origin])
    const without = { ...asks({}), tls: { cert: undefined, key: undefined } }
    const answer = await ask(served.server.url, world.certDir, without)
    expect([answer.status, cors(answer)]).toEqual([403, {}])
    expect(answer.body).toContain('CLIENT_CERT_REQUIRED')
  })
})
