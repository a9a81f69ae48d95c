import type { AddressInfo } from 'node:net'
import { createServer, type Socket } from 'node:net'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { connect } from '../../../src/client/index.js'
import { upstreamProblem } from '../../../src/config/index.js'
import { initialize, openRawSession, openStream } from '../../support/raw-session.js'
import { answerJson, exposed, plainServer } from '../../support/upstream.js'
import { ask, mcpHeaders, toolCall } from '../../support/wire.js'
import { makeWorld } from '../../support/world.js'

const errorIn = (body: string) => JSON.parse(body)

describe('a server behind that does not run', () => {
  test('is told of with its call, and is back as soon as it runs', async () => {
    await using world = await makeWorld()
    const plain = await plainServer(answerJson)
    await plain.kill()
    const { url, server, log, ended, until } = await exposed(plain.url, world)
    await until(() => log.length > 0)
    const refused = await ask(url, world.certDir, { body: toolCall('echo') })
    expect(refused.status).toBe(502)
    expect(errorIn(refused.body)).toEqual({
      jsonrpc: '2.0',
      id: 1,
      error: {
        code: -32010,
        message: `the server behind this one, ${plain.url}, is not running (connection refused); nothing was sent`,
        data: { code: 'CONNECTION_FAILED', sent: 'no' },
      },
    })
    expect(ended).toEqual([{ what: 'echo', outcome: 'error' }])
    expect(server.health()).toMatchObject({
      status: 'degraded',
      upstream: { reachable: false },
      calls_in_flight: 0,
      problems: [{ code: 'CONNECTION_FAILED', message: expect.stringContaining(plain.url) }],
    })
    for (let turn = 0; turn < 3; turn++) await ask(url, world.certDir, { body: toolCall('echo') })
    await plain.revive()
    expect((await ask(url, world.certDir, { body: toolCall('echo') })).status).toBe(200)
    expect(server.health()).toMatchObject({ status: 'ok', upstream: { reachable: true }, problems: [] })
    expect(log.map(({ level, event }) => [level, event])).toEqual([
      ['warn', 'upstream-away'],
      ['info', 'upstream-back'],
    ])
  })

  test('is noticed when it goes away though nobody calls, by whoever asks for the health', async () => {
    await using world = await makeWorld()
    const plain = await plainServer(answerJson)
    const { url, server } = await exposed(plain.url, world)
    expect((await ask(url, world.certDir, { body: toolCall('echo') })).status).toBe(200)
    await plain.kill()
    await expect.poll(() => server.health().upstream, { timeout: 10_000 }).toEqual({ reachable: false })
  })

  test('is what our own client says, with its words', async () => {
    await using world = await makeWorld()
    const plain = await plainServer(answerJson)
    await plain.kill()
    const { url } = await exposed(plain.url, world)
    await expect(
      connect({ serverUrl: url, tls: world.tls, log: false, retryAttempts: 0 }),
    ).rejects.toMatchObject({
      code: 'CONNECTION_FAILED',
      message: expect.stringMatching(
        /cannot pass the call on: the server behind this one, .* is not running/,
      ),
      hint: expect.stringContaining('Start the server behind it'),
    })
  })

  test('is noticed when it comes back though nobody calls', async () => {
    await using world = await makeWorld()
    const plain = await plainServer(answerJson)
    await plain.kill()
    const { server, log, until } = await exposed(plain.url, world)
    await until(() => log.length === 1)
    await plain.revive()
    await until(() => log.length === 2)
    expect(server.health()).toMatchObject({ status: 'ok', upstream: { reachable: true } })
    expect(plain.requests).toEqual([])
  })

  test('is told of to each call of a batch, and with no id where there is none', async () => {
    await using world = await makeWorld()
    const plain = await plainServer(answerJson)
    await plain.kill()
    const { url } = await exposed(plain.url, world)
    const call = (id: string) => ({ jsonrpc: '2.0', id, method: 'ping' })
    const headers = { ...mcpHeaders, 'mcp-protocol-version': '2025-03-26' }
    const batch = await ask(url, world.certDir, { headers, body: JSON.stringify([call('a'), call('b')]) })
    expect(errorIn(batch.body)).toMatchObject([{ id: 'a' }, { id: 'b' }])
    for (const asked of [
      { method: 'GET' },
      { body: JSON.stringify({ jsonrpc: '2.0', method: 'notifications/x' }) },
    ]) {
      const { status, body } = await ask(url, world.certDir, asked)
      expect(status).toBe(502)
      expect(errorIn(body)).toMatchObject({ id: null, error: { data: { sent: 'no' } } })
    }
  })
})

describe('a server behind that goes away in a call', () => {
  test.each([
    ['before its answer', undefined],
    ['within it', { 'content-type': 'application/json', 'content-length': '100' }],
  ])('%s: the call may have run, and is not made again', async (_, head) => {
    await using world = await makeWorld()
    let isGood = false
    const plain = await plainServer((request, response, body) => {
      if (isGood) return answerJson(request, response, body)
      if (!head) return void response.socket?.destroy()
      response.writeHead(200, head)
      response.write('{"jsonrpc"', () => response.socket?.destroy())
    })
    const { url, ended, server } = await exposed(plain.url, world)
    const { status, body } = await ask(url, world.certDir, { body: toolCall('act') })
    expect(status).toBe(502)
    expect(errorIn(body)).toMatchObject({
      id: 1,
      error: {
        message: `the server behind this one, ${plain.url}, went away; the call may have run`,
        data: { code: 'CONNECTION_FAILED', sent: 'maybe' },
      },
    })
    expect(plain.requests).toHaveLength(1)
    expect(ended).toEqual([{ what: 'act', outcome: 'error' }])
    isGood = true
    expect((await ask(url, world.certDir, { body: toolCall('act') })).status).toBe(200)
    expect(server.health()).toMatchObject({ status: 'ok', calls_in_flight: 0 })
  })

  test('killed and started again, it answers new calls; its old sessions are unknown to it', async () => {
    await using world = await makeWorld()
    let alive = 's1'
    const plain = await plainServer((request, response, body) => {
      const named = request.headers['mcp-session-id']
      if (named !== undefined && named !== alive) return void response.writeHead(404).end('Session not found')
      const { id, method } = JSON.parse(body)
      if (method === 'initialize') return answerJson(request, response, body, { 'mcp-session-id': alive })
      if (id === undefined) return void response.writeHead(202).end()
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': begun\n\n')
    })
    const { url, log, until } = await exposed(plain.url, world)
    const session = await openRawSession(url, world.certDir)
    const named = { 'mcp-session-id': session.id }
    const stream = await openStream(url, world.certDir, named, toolCall('slow'))
    await plain.kill()
    await stream.closed
    expect(stream.events[0]?.message).toMatchObject({ id: 1, error: { data: { sent: 'maybe' } } })
    await until(() => log.some(({ event }) => event === 'upstream-away'))
    alive = 's2'
    await plain.revive()
    expect((await session.post({ jsonrpc: '2.0', id: 2, method: 'ping' })).status).toBe(404)
    expect((await openRawSession(url, world.certDir)).id).toBe('s2')
  })

  test('what answers and is not HTTP is named so', async () => {
    await using world = await makeWorld()
    const sockets = new Set<Socket>()
    const server = createServer((socket) => {
      sockets.add(socket)
      socket.on('error', () => {}).once('data', () => socket.end('SSH-2.0-x\r\n'))
    }).listen(0, '127.0.0.1')
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy()
      server.close()
    })
    await vi.waitUntil(() => server.listening)
    const { port } = server.address() as AddressInfo
    const { url } = await exposed(`http://127.0.0.1:${port}/mcp`, world)
    const { body } = await ask(url, world.certDir, { body: toolCall('echo') })
    expect(errorIn(body).error.message).toContain('answered with what is not HTTP')
  })
})

describe('the way there', () => {
  test('is not looked at any more by servers that could not start', async () => {
    await using world = await makeWorld()
    const taken = await plainServer(answerJson)
    const plain = await plainServer(answerJson)
    await plain.kill()
    const busy = { tlsPort: taken.port }
    await expect(exposed(plain.url, world, busy)).rejects.toMatchObject({ code: 'PORT_IN_USE' })
    const nowhere = { tls: { certDir: world.certDir, caCert: `${world.certDir}/none.crt` } }
    await expect(exposed(plain.url, nowhere)).rejects.toMatchObject({ code: 'CERT_NOT_FOUND' })
    // Theirs would be the earlier looks.
    const { log, until } = await exposed(plain.url, world)
    await until(() => log.length === 1)
    await plain.revive()
    await until(() => log.length === 2)
    expect(plain.connections).toBe(1)
  })

  test('is this machine, whatever localhost resolves to, and no proxy', async () => {
    vi.stubEnv('HTTP_PROXY', 'http://127.0.0.1:1')
    vi.stubEnv('http_proxy', 'http://127.0.0.1:1')
    onTestFinished(() => void vi.unstubAllEnvs())
    await using world = await makeWorld()
    const plain = await plainServer(answerJson)
    const { url } = await exposed(`http://localhost:${plain.port}/mcp`, world)
    expect((await ask(url, world.certDir, { body: JSON.stringify(initialize()) })).status).toBe(200)
    expect(plain.requests[0]?.headers.host).toBe(`localhost:${plain.port}`)
  })

  test('uses a connection again', async () => {
    await using world = await makeWorld()
    const plain = await plainServer(answerJson)
    const { url, server } = await exposed(plain.url, world)
    const before = plain.connections
    for (let turn = 0; turn < 5; turn++) await ask(url, world.certDir, { body: toolCall('echo') })
    expect(plain.requests).toHaveLength(5)
    expect(plain.connections - before).toBeLessThan(3) // the look at the start may come late
    await server.close()
  })

  test.each([
    'http://127.0.0.1:9000/mcp',
    'http://127.8.9.10/mcp',
    'http://[::1]:9000/mcp?key=1',
    'http://localhost:9000/',
    'HTTP://LOCALHOST:9000/mcp',
    'http://2130706433:9000/mcp',
  ])('may lead to %s', (url) => {
    expect(upstreamProblem(url)).toBeUndefined()
  })

  test.each([
    ['http://10.0.0.1:9000/mcp', 'must be on loopback'],
    ['http://localhost.example/mcp', 'must be on loopback'],
    ['http://a.localhost:9000/mcp', 'must be on loopback'],
    ['http://0.0.0.0:9000/mcp', 'must be on loopback'],
    ['http://[::]:9000/mcp', 'must be on loopback'],
    ['https://127.0.0.1:9000/mcp', 'must start with http://'],
    ['http://user:secret@127.0.0.1/mcp', 'no user and no password'],
    ['http://127.0.0.1@10.0.0.1/mcp', 'no user and no password'],
    ['http://127.0.0.1/mcp#x', 'no fragment'],
    ['http://127.0.0.1/mcp#', 'no fragment'],
    ['ws://127.0.0.1/mcp', 'expected a URL'],
    ['127.0.0.1:9000', 'expected a URL'],
    ['', 'expected a URL'],
  ])('may not lead to %s', (url, words) => {
    expect(upstreamProblem(url)).toContain(words)
    expect(upstreamProblem(url)).not.toContain('secret')
  })
})
