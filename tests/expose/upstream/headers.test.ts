import { X509Certificate } from 'node:crypto'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { describe, expect, it, test } from 'vitest'
import { answerHeaders, identityHeaders, requestHeaders } from '../../../src/expose/upstream/headers.js'
import { forge, forgeCa } from '../../support/forge.js'
import { answerJson, exposed, other, plainServer } from '../../support/upstream.js'
import { ask, clientTls, mcpHeaders, openWire, toolCall } from '../../support/wire.js'
import { makeWorld } from '../../support/world.js'

const told = { id: 'cn:agent', leaf: Buffer.from('leaf') }

describe('what a client sends', () => {
  it.each([
    'accept',
    'authorization',
    'cookie',
    'last-event-id',
    'mcp-session-id',
    'mcp-protocol-version',
    'mcp-method',
    'mcp-name',
    'mcp-param-user_id',
    'traceparent',
    'baggage',
    'user-agent',
    'x-tenant',
    'x-client-name',
  ])('%s passes', (name) => {
    expect(requestHeaders({ [name]: 'value' }, undefined)).toMatchObject({ [name]: 'value' })
  })

  it.each([
    'x-client-identity',
    'x-client-identity-2',
    'x_client_identity',
    'x-client_identity',
    'x.client.identity',
    'client-cert',
    'client_cert',
    'client-cert-chain',
    'client_cert-chain',
    'x-client-cert',
    'x-forwarded-client-cert',
    'x-forwarded-for',
    'forwarded',
    'x-real-ip',
    'ssl-client-verify',
    'x-ssl-client-cert',
    'remote-user',
    'x-remote-user',
    'mcp_session_id',
    'mcp_param_x',
    'host',
    'origin',
    'referer',
    'sec-fetch-site',
    'content-length',
    'content-encoding',
    'content-type',
    'transfer-encoding',
    'te',
    'expect',
    'upgrade',
    'connection',
    'keep-alive',
    'proxy-authorization',
    'proxy-connection',
    '__proto__',
  ])('%s does not', (name) => {
    const headers = Object.defineProperty({}, name, { value: 'value', enumerable: true })
    expect(requestHeaders(headers, undefined)).toEqual({ 'accept-encoding': 'identity' })
  })

  it('names in Connection does not pass either, but cannot take away ours', () => {
    const connection = 'close, X-Tenant , x-client-identity,client-cert'
    expect(requestHeaders({ connection, 'x-tenant': 'a', 'x-other': 'b' }, told)).toEqual({
      'x-other': 'b',
      'accept-encoding': 'identity',
      ...identityHeaders(told),
    })
  })
})

describe('who calls', () => {
  it.each([
    ['spiffe://lab/agent', 'spiffe://lab/agent'],
    ['cn:Max Müller, 100%', 'cn:Max%20M%C3%BCller,%20100%25'],
    ['cn:a\r\nX-Admin: 1', 'cn:a%0D%0AX-Admin:%201'],
    ['cn:\u007f~!', 'cn:%7F~!'],
    ['cn:😀', 'cn:%F0%9F%98%80'],
  ])('%j is written as %s', (id, wanted) => {
    expect(identityHeaders({ id, leaf: undefined })).toEqual({ 'x-client-identity': wanted })
    expect(decodeURIComponent(wanted)).toBe(id)
  })

  it('shows its certificate as RFC 9440 writes it', () => {
    expect(identityHeaders(told)['client-cert']).toBe(':bGVhZg==:')
  })
})

describe('what the server behind answers', () => {
  it('passes, but for what is about the connection or the host', () => {
    const passed = answerHeaders({
      'content-type': 'application/json',
      'mcp-session-id': 's',
      'www-authenticate': 'Bearer',
      'retry-after': '1',
      'set-cookie': ['a=1', 'b=2'],
      connection: 'keep-alive, X-Hop',
      'keep-alive': 'timeout=5',
      'x-hop': '1',
      'transfer-encoding': 'chunked',
      'content-length': '5',
      'access-control-allow-origin': '*',
      'alt-svc': 'h3=":443"',
      'strict-transport-security': 'max-age=1',
      vary: 'Accept',
      'x-odd': 'a\u{1F600}',
    })
    expect([...passed]).toEqual([
      ['content-type', 'application/json'],
      ['mcp-session-id', 's'],
      ['retry-after', '1'],
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
      ['www-authenticate', 'Bearer'],
    ])
  })
})

describe('through the gate', () => {
  test('the server behind reads the verified caller, whatever bytes a client sends', async () => {
    await using world = await makeWorld()
    const plain = await plainServer(answerJson)
    const { url } = await exposed(plain.url, world)
    const body = toolCall('echo')
    const forged = [
      'X-Client-Identity: cn:admin',
      'x-client-identity: cn:admin',
      'X-CLIENT-IDENTITY: cn:admin',
      'X_Client_Identity: cn:admin',
      'x-client_identity: cn:admin',
      'client-cert: :AAAA:',
      'Client-Cert: :AAAA:',
      'CLIENT_CERT: :AAAA:',
      'Client-Cert-Chain: :AAAA:, :BBBB:',
      'Forwarded: for=10.0.0.1',
      'Connection: X-Client-Identity, Client-Cert, close',
      'X-Tenant: kept',
    ]
    const wire = await openWire(url, world.certDir)
    wire.socket.write(
      [
        'POST /mcp HTTP/1.1',
        'Host: localhost',
        'Content-Type: application/json',
        'Accept: application/json, text/event-stream',
        `Content-Length: ${Buffer.byteLength(body)}`,
        ...forged,
        '',
        body,
      ].join('\r\n'),
    )
    expect(await wire.closed).toContain('HTTP/1.1 200')
    const [{ headers, raw }] = plain.requests as [(typeof plain.requests)[number]]
    const names = raw.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase().replaceAll('_', '-'))
    expect(names.filter((name) => /client-|forwarded/.test(name)).sort()).toEqual([
      'client-cert',
      'x-client-identity',
    ])
    expect(headers).toMatchObject({
      host: `127.0.0.1:${plain.port}`,
      'x-client-identity': 'cn:mcp-client',
      'client-cert': `:${world.client.der.toString('base64')}:`,
      'x-tenant': 'kept',
    })
  })

  test.each(['X-Client-Identity: cn:a\r\n cn:admin', 'X-Tenant: a\r\n X-Client-Identity: cn:admin'])(
    'a folded line hides nothing: %j',
    async (folded) => {
      await using world = await makeWorld()
      const plain = await plainServer(answerJson)
      const { url } = await exposed(plain.url, world)
      const body = toolCall('echo')
      const wire = await openWire(url, world.certDir)
      wire.socket.write(
        `POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${folded}\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      )
      await wire.closed
      for (const { headers } of plain.requests) expect(headers['x-client-identity']).toBe('cn:mcp-client')
    },
  )

  test('a body in chunks, asked for by 100-continue, arrives whole and as one', async () => {
    await using world = await makeWorld()
    const plain = await plainServer(answerJson)
    const { url } = await exposed(plain.url, world)
    const body = toolCall('echo', { text: 'ü' })
    const wire = await openWire(url, world.certDir)
    const head = [
      'POST /mcp HTTP/1.1',
      'Host: localhost',
      'Content-Type: application/json',
      'Expect: 100-continue',
    ]
    wire.socket.write(
      [...head, 'Transfer-Encoding: chunked', 'Trailer: X-Client-Identity', '', ''].join('\r\n'),
    )
    await wire.until(/100 Continue/)
    for (const part of [body.slice(0, 20), body.slice(20)])
      wire.socket.write(`${Buffer.byteLength(part).toString(16)}\r\n${part}\r\n`)
    wire.socket.write('0\r\nX-Client-Identity: cn:admin\r\n\r\n')
    await wire.until(/HTTP\/1\.1 200/)
    const [first] = plain.requests as [(typeof plain.requests)[number]]
    expect(JSON.parse(first.body).params.arguments).toEqual({ text: 'ü' })
    expect(first.headers).toMatchObject({ 'content-length': String(Buffer.byteLength(first.body)) })
    expect(first.headers).not.toHaveProperty('transfer-encoding')
    expect(first.headers).not.toHaveProperty('trailer')
    expect(first.headers['x-client-identity']).toBe('cn:mcp-client')
  })

  test('what a client says of itself in _meta never arrives, and the caller stands in its place', async () => {
    await using world = await makeWorld()
    const plain = await plainServer(answerJson)
    const { url } = await exposed(plain.url, world)
    const _meta = { 'mcp-mtls/caller': { id: 'cn:admin' }, 'MCP-MTLS/x': 1, progressToken: 1 }
    await ask(url, world.certDir, {
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo', _meta } }),
    })
    const [{ body }] = plain.requests as [(typeof plain.requests)[number]]
    expect(body).not.toContain('admin')
    expect(JSON.parse(body).params._meta).toEqual({
      progressToken: 1,
      'mcp-mtls/caller': expect.objectContaining({
        id: 'cn:mcp-client',
        verified: true,
        fingerprint256: expect.stringMatching(/^[\da-f]{64}$/),
        tls: expect.objectContaining({ version: 'TLSv1.3' }),
      }),
    })
  })

  test('the certificate is told on a resumed connection too', async () => {
    await using world = await makeWorld()
    const plain = await plainServer(answerJson)
    const { url, server } = await exposed(plain.url, world)
    const session = await new Promise<Buffer>((resolve) => {
      const socket: TLSSocket = connectTls({
        port: server.port,
        servername: 'localhost',
        ...clientTls(world.certDir),
      })
      socket.once('session', (ticket) => {
        resolve(ticket)
        socket.destroy()
      })
      socket.resume()
    })
    const answer = await ask(url, world.certDir, { body: toolCall('echo'), tls: { session } as object })
    expect(answer.status).toBe(200)
    const [{ headers, body }] = plain.requests as [(typeof plain.requests)[number]]
    expect(JSON.parse(body).params._meta['mcp-mtls/caller'].tls.resumed).toBe(true)
    expect(headers['client-cert']).toBe(`:${world.client.der.toString('base64')}:`)
  })

  test('who was not verified is known by the fingerprint, and shows no certificate', async () => {
    await using world = await makeWorld()
    await using stranger = await makeWorld({ ca: await forgeCa({ commonName: 'stranger' }) })
    const plain = await plainServer(answerJson)
    const { url } = await exposed(plain.url, world, { tls: { certDir: world.certDir, demoMode: true } })
    const tls = { ca: world.ca.cert }
    expect((await ask(url, stranger.certDir, { body: toolCall('echo'), tls })).status).toBe(200)
    const [{ headers }] = plain.requests as [(typeof plain.requests)[number]]
    const print = new X509Certificate(stranger.client.cert).fingerprint256.replaceAll(':', '').toLowerCase()
    expect(headers['x-client-identity']).toBe(`unverified:sha256:${print}`)
    expect(headers).not.toHaveProperty('client-cert')
  })

  test('without TLS nobody is told of, and nothing forged arrives', async () => {
    const plain = await plainServer(answerJson)
    const { url } = await exposed(plain.url, undefined)
    const headers = { ...mcpHeaders, 'x-client-identity': 'cn:admin', 'client-cert': ':AAAA:' }
    const body = JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'ping',
      params: { _meta: { 'mcp-mtls/caller': {} } },
    })
    expect((await ask(url, undefined, { headers, body })).status).toBe(200)
    const [first] = plain.requests as [(typeof plain.requests)[number]]
    expect(first.headers).not.toHaveProperty('x-client-identity')
    expect(first.headers).not.toHaveProperty('client-cert')
    expect(JSON.parse(first.body).params).toEqual({ _meta: {} })
  })

  test('two callers are told apart', async () => {
    await using world = await makeWorld()
    await using stranger = await other(world, { commonName: 'Zoë 100%' })
    const plain = await plainServer(answerJson)
    const { url } = await exposed(plain.url, world)
    for (const { certDir } of [world, stranger, world]) await ask(url, certDir, { body: toolCall('echo') })
    expect(plain.requests.map(({ headers }) => headers['x-client-identity'])).toEqual([
      'cn:mcp-client',
      'cn:Zo%C3%AB%20100%25',
      'cn:mcp-client',
    ])
  })

  test('two cookies of an answer arrive as two, and letters beyond ASCII as they are', async () => {
    await using world = await makeWorld()
    const plain = await plainServer((request, response, body) =>
      answerJson(request, response, body, { 'set-cookie': ['a=1', 'b=2'], 'x-powered-by': 'test' }),
    )
    const { url } = await exposed(plain.url, world)
    const { headers } = await ask(url, world.certDir, {
      body: toolCall('echo'),
      headers: { ...mcpHeaders, cookie: 'c=3', 'x-city': 'Zürich' },
    })
    expect(headers['set-cookie']).toEqual(['a=1', 'b=2'])
    expect(plain.requests[0]?.headers).toMatchObject({
      cookie: 'c=3',
      'x-city': Buffer.from('Zürich').toString('latin1'), // Node's client writes UTF-8 before a body
    })
  })

  test('a body that is not JSON by its type is refused here', async () => {
    await using world = await makeWorld()
    const plain = await plainServer(answerJson)
    const { url, ended } = await exposed(plain.url, world)
    const headers = { ...mcpHeaders, 'content-type': 'text/plain' }
    expect((await ask(url, world.certDir, { headers, body: toolCall('echo') })).status).toBe(415)
    expect(plain.requests).toEqual([])
    expect(ended).toEqual([{ what: 'echo', outcome: 'error' }])
  })

  test('a query passes where the URL has none of its own', async () => {
    await using world = await makeWorld()
    const plain = await plainServer(answerJson)
    const { url } = await exposed(plain.url, world)
    await ask(`${url}?a=1%20b`, world.certDir, { body: toolCall('echo') })
    const { url: keyed } = await exposed(`${plain.url}?key=k`, world)
    await ask(`${keyed}?key=mine`, world.certDir, { body: toolCall('echo') })
    expect(plain.requests.map(({ url }) => url)).toEqual(['/mcp?a=1%20b', '/mcp?key=k'])
  })
})

test('a large certificate arrives whole', async () => {
  await using world = await makeWorld()
  const client = await forge({
    issuer: world.ca,
    usage: 'client',
    commonName: 'many',
    dns: Array.from({ length: 100 }, (_, index) => `name-${index}.example`),
  })
  await using large = await makeWorld({ ca: world.ca, client })
  const plain = await plainServer(answerJson)
  const { url } = await exposed(plain.url, world)
  expect((await ask(url, large.certDir, { body: toolCall('echo') })).status).toBe(200)
  expect(plain.requests[0]?.headers['client-cert']).toBe(`:${client.der.toString('base64')}:`)
})
