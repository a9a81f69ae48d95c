import type { ServerResponse } from 'node:http'
import { describe, expect, test } from 'vitest'
import { forgeCrl, writeSet } from '../../support/forge.js'
import { initialize, openRawSession, openStream } from '../../support/raw-session.js'
import { exposed, other, plainServer } from '../../support/upstream.js'
import { ask, mcpHeaders } from '../../support/wire.js'
import { makeWorld } from '../../support/world.js'

const call = (name: string, id: number | string = 1) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: {} },
})

/** A server with sessions as plain as can be: it gives ids, and answers whoever names one. */
async function sessionServer(idOf: (count: number) => string = (count) => `session-${count}`) {
  const alive = new Set<string>()
  const streams = new Map<string, ServerResponse>()
  let count = 0
  const plain = await plainServer((request, response, body) => {
    const id = request.headers['mcp-session-id']
    const message = body === '' ? {} : JSON.parse(body)
    const json = (status: number, value: object, headers: object = {}) =>
      response
        .writeHead(status, { 'content-type': 'application/json', ...headers })
        .end(JSON.stringify(value))
    if (id === undefined && message.method === 'initialize') {
      const made = idOf(count++)
      alive.add(made)
      const result = { protocolVersion: message.params.protocolVersion, capabilities: {}, serverInfo: {} }
      return json(200, { jsonrpc: '2.0', id: message.id, result }, { 'mcp-session-id': made })
    }
    if (!alive.has(String(id)))
      return json(404, { jsonrpc: '2.0', error: { code: -32001, message: 'Session not found' }, id: null })
    if (request.method === 'DELETE') {
      alive.delete(String(id))
      return response.writeHead(200).end()
    }
    if (request.method === 'GET') {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(`: from ${request.headers['last-event-id'] ?? 'now'}\n\n`)
      return streams.set(String(id), response)
    }
    if (message.id === undefined) return response.writeHead(202).end()
    return json(200, { jsonrpc: '2.0', id: message.id, result: { content: [], session: id } })
  })
  return { ...plain, alive, streams }
}

/** What a request without a session that there is gets. */
const unknown = {
  status: 404,
  body: '{"jsonrpc":"2.0","error":{"code":-32001,"message":"Session not found"},"id":null}',
}

describe('a session', () => {
  test('passes, from its opening to its end', async () => {
    await using world = await makeWorld()
    const plain = await sessionServer()
    const { url, server, ended } = await exposed(plain.url, world)
    const session = await openRawSession(url, world.certDir)
    expect(session.id).toBe('session-0')
    expect((await session.post(call('a'))).body).toContain('"session":"session-0"')
    expect(server.health().protocol_versions).toEqual(['2025-11-25'])
    expect((await session.delete()).status).toBe(200)
    expect(plain.alive.size).toBe(0)
    const before = plain.requests.length
    expect(await session.post(call('a'))).toMatchObject(unknown)
    expect(plain.requests).toHaveLength(before) // it was not asked
    expect(ended).toEqual([
      { what: 'initialize', outcome: 'ok' },
      { what: 'a', outcome: 'ok' },
      { what: 'a', outcome: 'error' },
    ])
  })

  test('that nobody knows is not asked for behind', async () => {
    await using world = await makeWorld()
    const plain = await sessionServer()
    const { url, events } = await exposed(plain.url, world)
    const headers = { ...mcpHeaders, 'mcp-session-id': 'session-0' }
    expect(await ask(url, world.certDir, { headers, body: JSON.stringify(call('a')) })).toMatchObject(unknown)
    expect(await ask(url, world.certDir, { headers })).toMatchObject(unknown)
    expect(await ask(url, world.certDir, { method: 'DELETE', headers })).toMatchObject(unknown)
    expect(plain.requests).toEqual([])
    expect(events.filter(({ event }) => event === 'request-refused')).toEqual([])
  })

  test('that the server behind has forgotten is forgotten here', async () => {
    await using world = await makeWorld()
    const plain = await sessionServer()
    const { url } = await exposed(plain.url, world)
    const session = await openRawSession(url, world.certDir)
    plain.alive.clear()
    expect(await session.post(call('a'))).toMatchObject(unknown)
    const before = plain.requests.length
    expect(await session.post(call('a'))).toMatchObject(unknown)
    expect(plain.requests).toHaveLength(before)
  })

  test('that nobody uses ends on both sides', async () => {
    await using world = await makeWorld()
    const plain = await sessionServer()
    const { url } = await exposed(plain.url, world, { sessions: { idle: '1ms' } })
    const session = await openRawSession(url, world.certDir)
    await expect.poll(() => plain.alive.size).toBe(0)
    expect(await session.post(call('a'))).toMatchObject(unknown)
    const { headers } = plain.requests.find(({ method }) => method === 'DELETE') ?? { headers: {} }
    expect(headers).toMatchObject({
      'mcp-session-id': 'session-0',
      'mcp-protocol-version': '2025-11-25',
      'x-client-identity': 'cn:mcp-client',
    })
  })

  test('whose stream is open is not idle', async () => {
    await using world = await makeWorld()
    const plain = await sessionServer()
    const { url } = await exposed(plain.url, world, { sessions: { idle: '1ms' } })
    const opened = await ask(url, world.certDir, { body: JSON.stringify(initialize()) })
    const id = String(opened.headers['mcp-session-id'])
    const stream = await openStream(url, world.certDir, { 'mcp-session-id': id })
    // Another one begins later and ends meanwhile.
    await openRawSession(url, world.certDir).catch(() => {})
    await expect.poll(() => plain.alive.has('session-1')).toBe(false)
    expect(stream.status).toBe(200)
    expect(plain.alive.has(id)).toBe(true)
  })
})

test('a session ends on both sides when the certificate that used it last is revoked', async () => {
  await using world = await makeWorld()
  await using stranger = await other(world)
  const plain = await sessionServer()
  const { url, server } = await exposed(plain.url, world)
  const session = await openRawSession(url, world.certDir)
  const kept = await openRawSession(url, stranger.certDir)
  await writeSet(world.certDir, {
    ca: world.ca,
    server: world.server,
    client: world.client,
    crl: await forgeCrl({ issuer: world.ca, revoked: [world.client.serial] }),
  })
  await server.reload()
  await expect.poll(() => [...plain.alive]).toEqual([kept.id])
  expect(plain.requests.at(-1)).toMatchObject({ method: 'DELETE', headers: { 'mcp-session-id': session.id } })
  expect((await kept.post(call('a'))).status).toBe(200)
})

describe('another identity', () => {
  test('cannot use, read, resume or end a session, and gets what an unknown one gets', async () => {
    await using world = await makeWorld()
    await using stranger = await other(world)
    const plain = await sessionServer()
    const { url, events } = await exposed(plain.url, world)
    const session = await openRawSession(url, world.certDir)
    const before = plain.requests.length
    const named = { ...mcpHeaders, 'mcp-session-id': session.id }
    const guessed = { ...mcpHeaders, 'mcp-session-id': 'nobody-has-it' }
    const body = JSON.stringify(call('a'))
    for (const asked of [
      { body },
      { method: 'GET' },
      { method: 'GET', extra: { 'last-event-id': '1' } },
      { method: 'DELETE' },
    ]) {
      const { extra, ...rest } = { extra: {}, ...asked }
      const mine = await ask(url, stranger.certDir, { ...rest, headers: { ...named, ...extra } })
      const none = await ask(url, stranger.certDir, { ...rest, headers: { ...guessed, ...extra } })
      expect(mine).toMatchObject(unknown)
      expect({ ...none.headers, date: '' }).toEqual({ ...mine.headers, date: '' })
    }
    expect(plain.requests).toHaveLength(before)
    expect((await session.post(call('a'))).status).toBe(200)
    await expect.poll(() => events.filter(({ event }) => event === 'request-refused')).toHaveLength(4)
    expect(events.find(({ event }) => event === 'request-refused')).toMatchObject({
      reason: 'NOT_AUTHORIZED',
      message: 'cn:other asked for a session of another identity',
    })
  })

  test.each([
    ['in capitals', { 'MCP-SESSION-ID': 'session-0' }],
    ['with other separators', { mcp_session_id: 'session-0', 'Mcp_Session-Id': 'session-0' }],
    ['twice', { 'mcp-session-id': ['session-1', 'session-0'] }],
    [
      'and hides its own by Connection',
      { 'mcp-session-id': 'session-1', mcp_session_id: 'session-0', connection: 'mcp-session-id' },
    ],
  ])('cannot reach it by naming it %s', async (_, forged) => {
    await using world = await makeWorld()
    await using stranger = await other(world)
    const plain = await sessionServer()
    const { url } = await exposed(plain.url, world)
    await openRawSession(url, world.certDir)
    await openRawSession(url, stranger.certDir)
    const before = plain.requests.length
    await ask(url, stranger.certDir, {
      headers: { ...mcpHeaders, ...(forged as Record<string, string>) },
      body: JSON.stringify(call('a')),
    })
    for (const { raw } of plain.requests.slice(before)) expect(raw.join()).not.toContain('session-0')
  })

  test('that gets the id of another ends both: neither sees what the other gets', async () => {
    await using world = await makeWorld()
    await using stranger = await other(world)
    const plain = await sessionServer(() => 'same')
    const { url } = await exposed(plain.url, world)
    const session = await openRawSession(url, world.certDir)
    const stream = await session.listen()
    const refused = await ask(url, stranger.certDir, { body: JSON.stringify(initialize()) })
    expect(refused.status).toBe(502)
    expect(refused.headers).not.toHaveProperty('mcp-session-id')
    await stream.closed
    expect(await session.post(call('a'))).toMatchObject(unknown)
    const headers = { ...mcpHeaders, 'mcp-session-id': 'same' }
    expect(await ask(url, stranger.certDir, { headers, body: JSON.stringify(call('a')) })).toMatchObject(
      unknown,
    )
  })

  test('the same identity may share one', async () => {
    await using world = await makeWorld()
    const plain = await sessionServer(() => 'same')
    const { url } = await exposed(plain.url, world, { sessions: { maxPerIdentity: 2 } })
    for (let turn = 0; turn < 4; turn++) {
      const session = await openRawSession(url, world.certDir)
      expect((await session.post(call('a'))).status).toBe(200)
    }
  })
})

describe('how many sessions there are', () => {
  test('is limited for each identity, before the server behind is asked', async () => {
    await using world = await makeWorld()
    await using stranger = await other(world)
    const plain = await sessionServer()
    const { url, events } = await exposed(plain.url, world, { sessions: { maxPerIdentity: 2 } })
    const open = (certDir: string) => ask(url, certDir, { body: JSON.stringify(initialize()) })
    expect((await open(world.certDir)).status).toBe(200)
    expect((await open(world.certDir)).status).toBe(200)
    const refused = await open(world.certDir)
    expect(refused).toMatchObject({ status: 429, headers: { 'retry-after': '1' } })
    expect(plain.alive.size).toBe(2)
    expect((await open(stranger.certDir)).status).toBe(200)
    expect(events.find(({ event }) => event === 'request-refused')).toMatchObject({ reason: 'RATE_LIMITED' })
    const headers = { ...mcpHeaders, 'mcp-session-id': 'session-0' }
    await ask(url, world.certDir, { method: 'DELETE', headers })
    expect((await open(world.certDir)).status).toBe(200)
  })

  test('is limited in all: the one that is idle for longest makes room, on both sides', async () => {
    await using world = await makeWorld()
    const plain = await sessionServer()
    const { url } = await exposed(plain.url, world, { sessions: { max: 2 } })
    const first = await openRawSession(url, world.certDir)
    const second = await openRawSession(url, world.certDir)
    const stream = await first.listen()
    const third = await openRawSession(url, world.certDir)
    expect(await second.post(call('a'))).toMatchObject(unknown)
    expect((await third.post(call('a'))).status).toBe(200)
    expect(stream.status).toBe(200)
    await expect.poll(() => [...plain.alive]).toEqual(['session-0', 'session-2'])
  })

  test('a place is free again when no session came of it', async () => {
    await using world = await makeWorld()
    const plain = await plainServer((_request, response) => response.writeHead(400).end('no'))
    const { url } = await exposed(plain.url, world, { sessions: { maxPerIdentity: 1 } })
    for (let turn = 0; turn < 3; turn++)
      expect((await ask(url, world.certDir, { body: JSON.stringify(initialize()) })).status).toBe(400)
  })
})

describe('Last-Event-ID', () => {
  /** Opens a session, and its stream, on which one event has come. */
  async function listening(
    url: string,
    certDir: string,
    plain: Awaited<ReturnType<typeof sessionServer>>,
    id: string,
  ) {
    const session = await openRawSession(url, certDir)
    const stream = await session.listen()
    plain.streams.get(session.id)?.write(`id: ${id}\ndata: {"jsonrpc":"2.0","method":"x"}\n\n`)
    await expect.poll(() => stream.events).toHaveLength(1)
    stream.destroy()
    return session
  }

  test('arrives, also from the next certificate of the same identity', async () => {
    await using world = await makeWorld()
    await using renewed = await makeWorld({ ca: world.ca })
    const plain = await sessionServer()
    const { url } = await exposed(plain.url, world)
    const session = await listening(url, world.certDir, plain, 'e-ü 7')
    const headers = { 'mcp-session-id': session.id, 'last-event-id': Buffer.from('e-ü 7').toString('latin1') }
    const stream = await openStream(url, renewed.certDir, headers)
    await expect.poll(() => stream.text).toMatch(/^: from e-/)
  })

  test('of another session does not: servers may keep the events of all in one place', async () => {
    await using world = await makeWorld()
    await using stranger = await other(world)
    const plain = await sessionServer()
    const { url } = await exposed(plain.url, world)
    await listening(url, world.certDir, plain, 'e1')
    const session = await listening(url, stranger.certDir, plain, 'e2')
    for (const [id, from] of [
      ['e1', 'now'],
      ['e2', 'e2'],
      ['e3', 'now'],
    ] as const) {
      const stream = await session.listen({ 'last-event-id': id })
      await expect.poll(() => stream.text).toBe(`: from ${from}\n\n`)
    }
    await ask(url, stranger.certDir, { headers: { ...mcpHeaders, 'last-event-id': 'e1' } })
    expect(plain.requests.at(-1)?.headers).not.toHaveProperty('last-event-id')
  })
})

test('a server behind without sessions just works', async () => {
  await using world = await makeWorld()
  const plain = await plainServer((_request, response, body) => {
    const { id } = JSON.parse(body)
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ jsonrpc: '2.0', id, result: {} }))
  })
  const { url, server } = await exposed(plain.url, world, { sessions: { maxPerIdentity: 1 } })
  for (const method of ['initialize', 'ping', 'initialize'])
    expect(
      (await ask(url, world.certDir, { body: JSON.stringify({ jsonrpc: '2.0', id: 1, method }) })).status,
    ).toBe(200)
  expect(server.health()).toMatchObject({ calls_in_flight: 0, upstream: { reachable: true } })
})
