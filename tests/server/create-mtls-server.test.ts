import { once } from 'node:events'
import { createServer, Server } from 'node:http'
import { type AddressInfo, connect as tcpConnect } from 'node:net'
import { describe, expect, test, vi } from 'vitest'
import { createMtlsServer, identityOf, serve } from '../../src/server/index.js'
import { callAsBareClient } from '../support/bare-peers.js'
import { forge, forgeCrl, writeSet } from '../support/forge.js'
import { freePort } from '../support/free-port.js'
import { listening, makeGated, portOf, urlOf, whoAsks } from '../support/gated.js'
import { ask, httpText, openWire } from '../support/wire.js'
import { makeWorld, testServer } from '../support/world.js'

/** The first of two events, with its argument. */
async function firstOf(server: Server, ...events: string[]): Promise<[string, unknown]> {
  return Promise.race(
    events.map(
      (event) =>
        new Promise<[string, unknown]>((resolve) => server.once(event, (one) => resolve([event, one]))),
    ),
  )
}

describe('arguments', () => {
  const create = createMtlsServer as (...args: unknown[]) => unknown

  test('that are wrong get the right call', () => {
    for (const args of [[], [{}], [whoAsks], ['x', { name: 'x' }], [{ name: 'x' }, whoAsks], [whoAsks, 'x']])
      expect(() => create(...args)).toThrow(
        expect.objectContaining({
          code: 'CONFIG_INVALID',
          message: expect.stringContaining('createMtlsServer((request, response) =>'),
        }),
      )
  })

  test('tell of everything that is wrong with the options at once, and look at no file', () => {
    const options = {
      tlsPort: 70_000,
      upgrade: 'yes',
      watch: true,
      policy: {},
      auditLog: 'x',
      audit: {},
      tlsEnabled: false,
      httpPort: 1,
      sessions: true,
      colour: 'red',
      limits: { maxBodyBytes: 1, maxBodyKeys: 1, maxBodyDepth: 1, idleTimeout: -1 },
    }
    const { message, code } = thrownBy(() => create(whoAsks, options))
    expect(code).toBe('CONFIG_INVALID')
    const settings = [...String(message).matchAll(/^ {2}([\w.]+): /gm)].map(([, setting]) => setting)
    expect(settings.toSorted()).toEqual(
      [
        'audit',
        'auditLog',
        'colour',
        'httpPort',
        'limits.idleTimeout',
        'limits.maxBodyBytes',
        'limits.maxBodyDepth',
        'limits.maxBodyKeys',
        'name',
        'policy',
        'sessions',
        'tlsEnabled',
        'tlsPort',
        'upgrade',
        'watch',
      ].toSorted(),
    )
    expect(message).toMatch(/policy: .*not ours to read: use serve\(\), or identityOf\(request\)/)
    expect(message).toMatch(/auditLog: .*use serve\(\), or identityOf\(request\)/)
    expect(message).toMatch(/maxBodyBytes: the listener reads the bodies/)
    expect(message).toMatch(/tlsEnabled: .*node:http/)
    expect(create(whoAsks, { name: 'x', tls: { certDir: '/nowhere' } })).toBeInstanceOf(Server)
  })

  test('of serve for the same port twice are refused here too', () => {
    expect(thrownBy(() => create(whoAsks, { name: 'x', tlsPort: 8443, healthPort: 8443 })).code).toBe(
      'PORT_CONFLICT',
    )
  })
})

function thrownBy(act: () => unknown): { message?: unknown; code?: unknown } {
  try {
    act()
  } catch (error) {
    return error as Error
  }
  return {}
}

describe('before it listens', () => {
  test('it is a server of Node, with nothing in it', async () => {
    await using world = await makeWorld()
    const { server } = makeGated(world)
    expect(server).toBeInstanceOf(Server)
    expect(server.listening).toBe(false)
    expect(server.address()).toBeNull()
    expect(server.mtls.connections()).toEqual([])
    expect(server.mtls.health()).toMatchObject({ certificates: [], connections: 0, status: 'draining' })
    expect(await server.mtls.reload()).toBe(false)
    server.mtls.reopenLog()
    await server.mtls.close()
    const error = await new Promise((resolve) => server.close(resolve))
    expect(error).toMatchObject({ code: 'ERR_SERVER_NOT_RUNNING' })
  })
})

describe('listen', () => {
  test('takes the port and the host of the options when it is given none', async () => {
    await using world = await makeWorld()
    const tlsPort = await freePort()
    const { server } = makeGated(world, { tlsPort })
    expect(server.listen()).toBe(server)
    expect(server.listening).toBe(false)
    await once(server, 'listening')
    expect(server.listening).toBe(true)
    expect(server.address()).toMatchObject({ address: '127.0.0.1', port: tlsPort })
    expect((await ask(urlOf(server), world.certDir)).body).toBe('cn:mcp-client')
  })

  test.each([
    ['a callback', (_port: number, done: () => void) => [done], false],
    ['a port', (port: number, done: () => void) => [port, done], true],
    ['a port as text', (port: number, done: () => void) => [String(port), done], true],
    ['a port and a host', (port: number, done: () => void) => [port, '127.0.0.1', done], true],
    ['a port and a backlog', (port: number, done: () => void) => [port, 10, done], true],
    ['a port, a host and a backlog', (port: number, done: () => void) => [port, '127.0.0.1', 10, done], true],
    [
      'nothing where the port stands',
      (_port: number, done: () => void) => [undefined, undefined, done],
      false,
    ],
    ['options', (port: number, done: () => void) => [{ port, host: '127.0.0.1', backlog: 5 }, done], true],
    ['options without a port', (_port: number, done: () => void) => [{ exclusive: true }, done], false],
  ] as const)('takes %s', async (_what, args, hasPort) => {
    await using world = await makeWorld()
    const [tlsPort, port] = [await freePort(), await freePort()]
    const { server } = makeGated(world, { tlsPort })
    const listen = server.listen.bind(server) as (...args: unknown[]) => Server
    await new Promise<void>((done) => listen(...args(port, done)))
    expect(server.address()).toMatchObject({ address: '127.0.0.1', port: hasPort ? port : tlsPort })
  })

  test.each([
    ['a socket path', ['./gate.sock'], 'CONFIG_INVALID'],
    ['the path of a socket in options', [{ path: './gate.sock' }], 'CONFIG_INVALID'],
    ['a descriptor', [{ fd: 3 }], 'CONFIG_INVALID'],
    ['another server', [createServer()], 'CONFIG_INVALID'],
    ['no port at all', [true], 'CONFIG_INVALID'],
    ['a port that is too large', [70_000], 'CONFIG_INVALID'],
    ['a negative port', [-1], 'CONFIG_INVALID'],
    ['an address of another machine', [0, '192.0.2.1'], 'CONFIG_INVALID'],
  ])('refuses %s with an event', async (_what, args, code) => {
    await using world = await makeWorld()
    const { server } = makeGated(world)
    ;(server.listen as (...args: unknown[]) => Server)(...args)
    expect(await firstOf(server, 'error', 'listening')).toEqual([
      'error',
      expect.objectContaining({ code, name: 'MtlsError' }),
    ])
    expect(server.listening).toBe(false)
  })

  test('refuses hosts beyond loopback in demo mode, as serve does', async () => {
    await using world = await makeWorld()
    const tls = { certDir: world.certDir, demoMode: true }
    const { server } = makeGated(world, { tls })
    const [[, error], served] = await Promise.all([
      firstOf(server.listen(0, '0.0.0.0'), 'error', 'listening'),
      serve(() => testServer(), { name: 'demo', tls, host: '0.0.0.0' }).catch((error) => error),
    ])
    expect(error).toMatchObject({ code: served.code, message: served.message })
  })

  test('tells of missing certificates, a port in use and a name in use with an event, and works afterwards', async () => {
    await using world = await makeWorld()
    const { server: lost } = makeGated({ certDir: '/nowhere' })
    expect(await firstOf(lost.listen(), 'error', 'listening')).toMatchObject([
      'error',
      { code: 'CERT_DIR_NOT_FOUND' },
    ])

    const { server: first } = await listening(world, { name: 'one-name' })
    const { server: second } = makeGated(world, { name: 'one-name' })
    expect(await firstOf(second.listen(), 'error', 'listening')).toMatchObject([
      'error',
      { code: 'CONFIG_INVALID', message: expect.stringContaining('runs in this process already') },
    ])
    const { server: third } = makeGated(world)
    expect(await firstOf(third.listen(portOf(first)), 'error', 'listening')).toMatchObject([
      'error',
      { code: 'PORT_IN_USE' },
    ])
    await first.mtls.close()
    expect(await firstOf(second.listen(), 'error', 'listening')).toMatchObject(['listening', undefined])
    expect(await firstOf(third.listen(), 'error', 'listening')).toMatchObject(['listening', undefined])
    expect((await ask(urlOf(third), world.certDir)).status).toBe(200)
  })

  test('tells of a health port in use, and leaves its own port free', async () => {
    await using world = await makeWorld()
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const tlsPort = await freePort()
    const { server } = makeGated(world, { tlsPort, healthPort: (taken.address() as AddressInfo).port })
    expect(await firstOf(server.listen(), 'error', 'listening')).toMatchObject([
      'error',
      { code: 'PORT_IN_USE' },
    ])
    taken.close()
    await once(server.listen(), 'listening')
    expect(portOf(server)).toBe(tlsPort)
  })

  test('throws like that of Node while it listens or is about to', async () => {
    await using world = await makeWorld()
    const { server } = makeGated(world)
    server.listen()
    expect(() => server.listen()).toThrow(expect.objectContaining({ code: 'ERR_SERVER_ALREADY_LISTEN' }))
    await once(server, 'listening')
    expect(() => server.listen()).toThrow(expect.objectContaining({ code: 'ERR_SERVER_ALREADY_LISTEN' }))
  })

  test('at localhost covers both addresses, and of a second server at ::1 only an event tells', async () => {
    await using world = await makeWorld()
    const { server } = makeGated(world, { name: 'both' })
    await once(server.listen({ port: 0, host: 'localhost' }), 'listening')
    const port = portOf(server)
    const { server: second } = makeGated(world, { name: 'both' })
    expect(await firstOf(second.listen({ port, host: '::1' }), 'error')).toMatchObject([
      'error',
      { name: 'MtlsError' },
    ])
    for (const host of ['127.0.0.1', '[::1]'])
      expect((await ask(`https://${host}:${port}/`, world.certDir)).body).toBe('cn:mcp-client')
    expect(server.mtls.connections().length).toBeLessThanOrEqual(2)
  })

  test('ends with its signal', async () => {
    await using world = await makeWorld()
    const { server } = makeGated(world)
    const stop = new AbortController()
    await once(server.listen({ port: 0, signal: stop.signal }), 'listening')
    stop.abort()
    await once(server, 'close')
    expect(server.listening).toBe(false)
    server.listen({ port: 0, signal: AbortSignal.abort() })
    expect(await firstOf(server, 'close', 'listening')).toEqual(['close', undefined])
  })
})

describe('close', () => {
  test('during a listen that still loads: it never listens', async () => {
    await using world = await makeWorld()
    const { server } = makeGated(world, { name: 'early' })
    const events: string[] = []
    for (const event of ['listening', 'close', 'error']) server.on(event, () => events.push(event))
    server.listen()
    const [error, , late] = await Promise.all([
      new Promise((resolve) => server.close(resolve)),
      server.mtls.close(),
      new Promise((resolve) => server.close(resolve)),
    ])
    expect(error).toBeUndefined()
    expect(late).toMatchObject({ code: 'ERR_SERVER_NOT_RUNNING' })
    expect(events).toEqual(['close'])
    await once(server.listen(), 'listening')
    expect((await ask(urlOf(server), world.certDir)).status).toBe(200)
  })

  test('ends idle connections, waits for requests in flight, and calls back once', async () => {
    await using world = await makeWorld()
    let finish: (() => void) | undefined
    const { server, url } = await listening(world, {}, (request, response) => {
      if (request.url === '/slow') finish = () => response.end('at last')
      else response.end('soon')
    })
    const [idle, busy] = [await openWire(url, world.certDir), await openWire(url, world.certDir)]
    idle.socket.write(httpText('/'))
    await idle.until(/soon/)
    busy.socket.write(httpText('/slow'))
    await expect.poll(() => finish).toBeDefined()
    const ended = vi.fn()
    const closed = once(server, 'close')
    expect(server.close(ended)).toBe(server)
    expect(server.listening).toBe(false)
    expect(server.mtls.health().status).toBe('draining')
    await idle.closed
    expect(ended).not.toHaveBeenCalled()
    finish?.()
    expect(await busy.closed).toMatch(/connection: close[\s\S]*at last/i)
    await closed
    expect(ended.mock.calls).toEqual([[]])
    expect(server.mtls.connections()).toEqual([])
    const refused = tcpConnect(Number(new URL(url).port), '127.0.0.1')
    expect(await once(refused, 'error')).toMatchObject([{ code: 'ECONNREFUSED' }])
  })

  test('gives requests in flight no more time than drainTimeout', async () => {
    await using world = await makeWorld()
    let asked = 0
    const { server, url } = await listening(world, {}, () => void asked++)
    const wire = await openWire(url, world.certDir)
    wire.socket.write(httpText('/'))
    await expect.poll(() => asked).toBe(1)
    const closed = server.mtls.close({ drainTimeout: 60_000 })
    await server.mtls.close({ drainTimeout: 0 })
    await closed
    expect(await wire.closed).toBe('')
  })

  test('lets it listen again', async () => {
    await using world = await makeWorld()
    const { server, url } = await listening(world)
    await server.mtls.close()
    await once(server.listen(Number(new URL(url).port)), 'listening')
    expect((await ask(url, world.certDir)).body).toBe('cn:mcp-client')
    expect(server.mtls.health().status).toBe('ok')
  })
})

describe('a request', () => {
  test('without a certificate, or with that of a stranger, never comes to the listener', async () => {
    await using world = await makeWorld()
    const listener = vi.fn(whoAsks)
    const { server, events } = await listening(world, {}, listener)
    expect(await callAsBareClient(portOf(server), { path: '/' })).toMatchObject({ status: 403 })
    const stranger = await forge({ usage: 'client' })
    expect(await callAsBareClient(portOf(server), { shown: stranger, path: '/' })).toMatchObject({
      status: 403,
    })
    expect(listener).not.toHaveBeenCalled()
    expect(events.map(({ event }) => event)).toContain('connection-refused')
  })

  test.each(['/health', '/livez', '/readyz', '/metrics', '/mcp'])(
    'for %s is the application’s',
    async (path) => {
      await using world = await makeWorld()
      const { url } = await listening(world, {}, (_request, response) => response.end('mine'))
      expect((await ask(new URL(path, url), world.certDir)).body).toBe('mine')
    },
  )

  test('for the pages of operators is answered here on demand, and elsewhere without a certificate', async () => {
    await using world = await makeWorld()
    const healthPort = await freePort()
    const { url } = await listening(world, { health: true, healthPort }, (_request, response) =>
      response.end('mine'),
    )
    expect(JSON.parse((await ask(new URL('/health', url), world.certDir)).body)).toMatchObject({
      status: 'ok',
      protocol_versions: [],
    })
    expect((await ask(new URL('/metrics', url), world.certDir)).body).toContain(
      'mcp_mtls_peer_certificate_expiry',
    )
    expect((await ask(new URL('/health', url), world.certDir, { method: 'POST' })).status).toBe(405)
    expect((await ask(url, world.certDir)).body).toBe('mine')
    expect((await ask(`http://127.0.0.1:${healthPort}/health`, undefined)).status).toBe(200)
  })

  test('of a browser that was lured here is refused', async () => {
    await using world = await makeWorld()
    const listener = vi.fn(whoAsks)
    const { url, events } = await listening(world, { allowedOrigins: ['https://app.example'] }, listener)
    const status = async (headers: Record<string, string>) =>
      (await ask(url, world.certDir, { headers })).status
    expect(await status({ origin: 'https://evil.example' })).toBe(403)
    expect(await status({ host: 'evil.example' })).toBe(403)
    expect(listener).not.toHaveBeenCalled()
    expect(events.filter(({ event }) => event === 'request-refused')).toHaveLength(2)
    expect(await status({ origin: 'https://app.example' })).toBe(200)
  })

  test('of a page of an allowed origin gets the headers of CORS, and its preflight comes to the listener', async () => {
    await using world = await makeWorld()
    const origin = 'https://app.example'
    const { url } = await listening(world, { allowedOrigins: [origin] }, ({ method }, response) =>
      response.end(method),
    )
    const headers = { origin, 'access-control-request-method': 'POST' }
    const asked = await ask(url, world.certDir, { method: 'OPTIONS', headers })
    expect([asked.body, asked.headers['access-control-allow-origin']]).toEqual(['OPTIONS', origin])
    const refused = await ask(url, world.certDir, { headers: { origin, host: 'evil.example' } })
    expect([refused.status, refused.headers['access-control-allow-origin']]).toEqual([403, origin])
    expect((await ask(url, world.certDir, { headers: { origin: url.slice(0, -1) } })).status).toBe(200)
  })

  test('of an identity that has as many as it may is answered 429', async () => {
    await using world = await makeWorld()
    const answers: (() => void)[] = []
    const { url } = await listening(world, { limits: { maxRequestsPerIdentity: 1 } }, (_request, response) =>
      answers.push(() => response.end('done')),
    )
    const first = ask(url, world.certDir)
    await expect.poll(() => answers.length).toBe(1)
    const second = await ask(url, world.certDir)
    expect([second.status, second.headers['retry-after']]).toEqual([429, '1'])
    answers[0]?.()
    expect((await first).body).toBe('done')
  })

  test.each(['checkContinue', 'checkExpectation'])('that comes as %s takes the same steps', async (event) => {
    await using world = await makeWorld()
    const { server, url } = await listening(world)
    const seen: unknown[] = []
    server.on(event, (request, response) => {
      seen.push(identityOf(request)?.id)
      response.end('by another way')
    })
    const expectation = event === 'checkContinue' ? '100-continue' : 'something-else'
    const asked = (host: string) => ask(url, world.certDir, { headers: { expect: expectation, host } })
    expect((await asked('evil.example')).status).toBe(403)
    expect(seen).toEqual([])
    expect((await asked('localhost')).body).toBe('by another way')
    expect(seen).toEqual(['cn:mcp-client'])
  })

  test('passes the gate also where the application has taken all listeners off and put others in front', async () => {
    await using world = await makeWorld()
    const { server, url } = await listening(world)
    const others = server.listeners('request')
    server.removeAllListeners('request')
    server.prependListener('request', (_request, response) => response.setHeader('x-first', 'yes'))
    for (const other of others) server.on('request', other as () => void)
    const refused = await ask(url, world.certDir, { headers: { host: 'evil.example' } })
    expect([refused.status, refused.headers['x-first']]).toEqual([403, undefined])
    expect((await ask(url, world.certDir)).headers['x-first']).toBe('yes')
  })

  test('is refused when the certificate was revoked, on a connection that is open, within two seconds', async () => {
    await using world = await makeWorld()
    const { url, events } = await listening(world)
    const wire = await openWire(url, world.certDir)
    wire.socket.write(httpText('/'))
    await wire.until(/cn:mcp-client/)
    const begun = performance.now()
    await writeSet(world.certDir, {
      crl: await forgeCrl({ issuer: world.ca, revoked: [world.client.serial] }),
    })
    await wire.closed
    expect(performance.now() - begun).toBeLessThan(2000)
    expect(events.find(({ event }) => event === 'connection-ended')).toMatchObject({ reason: 'CERT_REVOKED' })
    expect((await ask(url, world.certDir)).body).toContain('CERT_REVOKED')
  })

  test('gets the new certificate after a reload by hand', async () => {
    await using world = await makeWorld()
    const { server, url } = await listening(world, { watch: false })
    expect(await server.mtls.reload()).toBe(false)
    await writeSet(world.certDir, {
      server: await forge({ issuer: world.ca, usage: 'server', commonName: 'next' }),
    })
    expect(await server.mtls.reload()).toBe(true)
    expect((await ask(url, world.certDir)).status).toBe(200)
    expect(server.mtls.health().last_reload).toMatchObject({ ok: true })
  })
})

test('without a listener for errors a failed listen ends the process with its error, and not as a rejection', async () => {
  await using world = await makeWorld()
  const { server } = makeGated({ certDir: `${world.certDir}/nowhere` })
  const thrown = new Promise((resolve) =>
    process.once('uncaughtException', (error, origin) => resolve([error, origin])),
  )
  const others = process.listeners('uncaughtException').slice(0, -1)
  for (const other of others) process.off('uncaughtException', other)
  try {
    server.listen()
    expect(await thrown).toMatchObject([{ code: 'CERT_DIR_NOT_FOUND' }, 'uncaughtException'])
  } finally {
    for (const other of others) process.on('uncaughtException', other)
  }
})
