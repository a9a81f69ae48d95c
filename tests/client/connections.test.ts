import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import {
  connect,
  type MtlsError,
  type MtlsFetch,
  mtlsFetch,
  type SecurityEvent,
} from '../../src/client/index.js'
import { startNode } from '../support/cli.js'
import { foreignServer } from '../support/foreign-server.js'
import { forge, forgeCa } from '../support/forge.js'
import { Script, slowServer } from '../support/slow-server.js'
import { makeWorld, serveTest } from '../support/world.js'

const url = (path: string, base: string) => new URL(path, base).href

describe('the pool', () => {
  test('calls one after the other share one connection', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls })
    await using client = await connect({ serverUrl: served.server.url, tls: world.tls, log: false })
    for (let call = 0; call < 20; call++)
      await client.callTool({ name: 'echo', arguments: { text: `${call}` } })
    expect(served.events.map(({ event }) => event)).toEqual(['connection-accepted'])
    expect(client.pool()).toEqual({ max: 64, active: 0, idle: 1, total: 1 })
  })

  test('calls at once get connections of their own, which are idle afterwards', async () => {
    await using world = await makeWorld()
    const script = new Script()
    await using served = await serveTest({ tls: world.tls }, () => slowServer(script))
    await using client = await connect({ serverUrl: served.server.url, tls: world.tls, log: false })
    const calls = Array.from({ length: 5 }, () => client.callTool({ name: 'wait', arguments: {} }))
    await expect.poll(() => script.calls).toBe(5)
    expect(client.pool()).toEqual({ max: 64, active: 5, idle: 0, total: 5 })
    script.finish.open()
    await Promise.all(calls)
    await expect.poll(() => client.pool()).toEqual({ max: 64, active: 0, idle: 5, total: 5 })
  })

  test('there are never more connections than allowed', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls })
    const fetch = mtlsFetch(world.tls, { maxConnections: 2 })
    const health = url('/health', served.server.url)
    const responses = await Promise.all(Array.from({ length: 10 }, () => fetch(health)))
    expect(responses.map(({ status }) => status)).toEqual(Array(10).fill(200))
    await Promise.all(responses.map((response) => response.text()))
    expect(fetch.pool().total).toBeLessThanOrEqual(2)
    expect(served.events.filter(({ event }) => event === 'connection-accepted').length).toBeLessThanOrEqual(2)
    await fetch.close()
  })
})

describe('close', () => {
  test('of a fetch lets requests in flight finish', async () => {
    await using world = await makeWorld()
    const script = new Script()
    await using served = await serveTest({ tls: world.tls }, () => slowServer(script))
    const fetch = mtlsFetch(world.tls)
    const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }
    const body = JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'wait', arguments: {} },
    })
    const response = Promise.resolve(fetch(served.server.url, { method: 'POST', headers, body }))
    await script.started.opened
    const closed = fetch.close()
    script.finish.open()
    expect(await (await response).text()).toContain('done')
    await closed
    expect(fetch.pool()).toMatchObject({ total: 0 })
    await expect(fetch(served.server.url)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: 'this client is closed',
      sent: 'no',
    })
  })

  test('tells the server, and closing twice is no mistake', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls })
    const events: SecurityEvent[] = []
    const client = await connect({
      serverUrl: served.server.url,
      tls: world.tls,
      log: false,
      onSecurityEvent: (event) => void events.push(event),
    })
    await client.close()
    await client.close()
    await served.event('connection-closed')
    await expect
      .poll(() => events.map(({ event }) => event))
      .toEqual(['connection-accepted', 'connection-closed'])
    expect(client.connection()).toMatchObject({ state: 'closed' })
  })

  test.each([
    ['after a call', ''],
    ['after a refused connection', 'refused'],
    ['after an aborted call', 'aborted'],
  ])('leaves nothing that keeps a process alive %s', async (_name, what) => {
    await using world = await makeWorld(
      what === 'refused' ? { client: await forge({ issuer: await forgeCa(), usage: 'client' }) } : {},
    )
    const script = new Script()
    await using served = await serveTest({ tls: world.tls }, () => slowServer(script))
    script.finish.open()
    const program = fileURLToPath(new URL('fixtures/one-call.mjs', import.meta.url))
    const { finished } = startNode([program, served.server.url, world.certDir, what])
    const { exitCode, stdout, stderr } = await finished
    expect(stderr).toBe('')
    expect(stdout.trim()).toBe(what === '' ? 'done' : what)
    expect(exitCode).toBe(0)
  })
})

describe('a resumed session', () => {
  test('is seen on both sides', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls, limits: { idleTimeout: 100 } })
    const fetch = mtlsFetch(world.tls)
    const health = url('/health', served.server.url)
    for (const resumed of [false, true, true]) {
      await (await fetch(health)).text()
      expect(fetch.connection(health)).toMatchObject({
        resumed,
        verified: true,
        peer: { id: 'dns:localhost' },
      })
      expect(served.server.connections()).toMatchObject([{ resumed, peer: { id: 'cn:mcp-client' } }])
      await expect.poll(() => fetch.pool().total).toBe(0)
    }
    await fetch.close()
  })

  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'is used with a server of somebody else on %s',
    async (maxVersion) => {
      await using world = await makeWorld()
      const { cert, key } = world.server
      await using foreign = await foreignServer({ cert, key, maxVersion }, (_request, response) => {
        response.writeHead(200, { connection: 'close' }).end('hello')
      })
      const fetch = mtlsFetch(world.tls)
      for (const resumed of [false, true]) {
        await (await fetch(foreign.url)).text()
        expect(fetch.connection(foreign.url)).toMatchObject({ resumed, tlsVersion: maxVersion })
        await expect.poll(() => fetch.pool().total).toBe(0)
      }
      await fetch.close()
    },
  )

  test('belongs to one server of a host, and outlives a garbage collection', async () => {
    await using world = await makeWorld()
    const options = { tls: world.tls, limits: { idleTimeout: 100 } }
    await using first = await serveTest(options)
    await using second = await serveTest(options)
    const urls = [first, second].map(({ server }) => url('/health', server.url))
    const program = fileURLToPath(new URL('fixtures/resume.mjs', import.meta.url))
    const { finished } = startNode(['--expose-gc', program, world.certDir, ...urls])
    const { stdout, stderr } = await finished
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toEqual([{ resumed: [false, true, true] }, { resumed: [false, true, true] }])
  })
})

describe('a session is forgotten', () => {
  const day = 86_400_000
  const hello = { connection: 'close' }
  afterEach(() => vi.useRealTimers())

  /** Asks once: the status or the code of the error, and whether the connection resumed a session. */
  async function asked(fetch: MtlsFetch, at: string): Promise<[answer: unknown, resumed: unknown]> {
    const answer = await fetch(at).then(
      (response) => response.text().then(() => response.status),
      (error: MtlsError) => error.code,
    )
    return [answer, fetch.connection(at)?.resumed]
  }

  test('when the server refused us, and not when it says 403 for another reason', async () => {
    await using world = await makeWorld()
    let body = ''
    await using foreign = await foreignServer(world.server, (_request, response) => {
      response.writeHead(body ? 403 : 200, { ...hello, 'content-type': 'application/json' }).end(body)
    })
    const fetch = mtlsFetch(world.tls)
    onTestFinished(() => fetch.close())
    const answers: unknown[] = []
    const refusal = '{"error":"mtls_rejected","reason":"CERT_EXPIRED"}'
    for (body of ['', '{"error":"forbidden"}', '', refusal, '', '']) {
      answers.push(await asked(fetch, foreign.url))
      await expect.poll(() => fetch.pool().total).toBe(0)
    }
    const [full, resumed] = [false, true]
    expect(answers).toEqual([
      [200, full],
      [403, resumed],
      [200, resumed],
      ['CERT_EXPIRED', resumed],
      [200, full],
      [200, resumed],
    ])
  })

  test.each([
    ['as it came back', hello, true],
    ['while it was in use', {}, false],
  ])('when we refused the server %s', async (_when, headers, resumed) => {
    const notAfter = new Date(Date.now() + day)
    const ca = await forgeCa()
    const server = await forge({ issuer: ca, usage: 'server', notAfter })
    await using world = await makeWorld({ ca, server })
    await using foreign = await foreignServer(server, (_request, response) => {
      response.writeHead(200, headers).end('hello')
    })
    const fetch = mtlsFetch(world.tls)
    onTestFinished(() => fetch.close())
    expect(await asked(fetch, foreign.url)).toEqual([200, false])
    if (headers === hello) await expect.poll(() => fetch.pool().total).toBe(0)
    vi.useFakeTimers({ toFake: ['Date'], now: notAfter.getTime() + 1000 })
    expect(await asked(fetch, foreign.url)).toEqual(['CERT_EXPIRED', resumed])
    vi.useRealTimers()
    expect(await asked(fetch, foreign.url)).toEqual([200, false])
  })
})

test('serverName stands for the host of the URL, in the handshake and for the certificate', async () => {
  const ca = await forgeCa()
  const server = await forge({ issuer: ca, usage: 'server', dns: ['weather.example'] })
  await using world = await makeWorld({ ca, server })
  await using served = await serveTest({ tls: world.tls, allowedHosts: ['localhost'] })
  const options = { serverUrl: served.server.url, tls: world.tls, log: false } as const
  await expect(connect(options)).rejects.toMatchObject({ code: 'SERVER_NAME_MISMATCH' })
  await using client = await connect({ ...options, serverName: 'weather.example' })
  expect(client.connection()).toMatchObject({ serverName: 'weather.example', verified: true })
  expect(served.server.connections()).toMatchObject([{ serverName: 'weather.example' }])
  await expect(connect({ ...options, serverName: 'other.example' })).rejects.toMatchObject({
    code: 'SERVER_NAME_MISMATCH',
    message: expect.stringContaining('other.example'),
  })
})
