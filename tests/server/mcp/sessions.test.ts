import { McpServer } from '@modelcontextprotocol/server'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { connect } from '../../../src/client/index.js'
import { forge, forgeCrl, writeSet } from '../../support/forge.js'
import { initialize, messagesIn, openRawSession, openStream } from '../../support/raw-session.js'
import { sdkClient } from '../../support/sdk-client.js'
import { Script, slowServer } from '../../support/slow-server.js'
import { ask, mcpHeaders } from '../../support/wire.js'
import { makeWorld, serveTest, testServer, type World } from '../../support/world.js'

const call = (name: string, args: object = {}, id: number | string = 1) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: args },
})

/** Our client as one of an older revision. */
const legacy = { clientOptions: { versionNegotiation: { mode: 'legacy' as const } } }

/** A second identity of the same CA. */
const other = async (world: World, commonName = 'other') =>
  makeWorld({ ca: world.ca, client: await forge({ issuer: world.ca, usage: 'client', commonName }) })

describe('a session', () => {
  test('is one server, from its opening to its end', async () => {
    await using world = await makeWorld()
    let made = 0
    const closed: string[] = []
    await using served = await serveTest({ tls: world.tls, sessions: true }, (calls) => {
      const server = testServer(calls)
      const mine = String(made++)
      let count = 0
      server.registerTool('mine', {}, () => ({ content: [{ type: 'text', text: `${mine}.${count++}` }] }))
      server.server.onclose = () => closed.push(mine)
      return server
    })
    expect(made).toBe(1) // looked at before it listened
    const first = await openRawSession(served.server.url, world.certDir)
    const second = await openRawSession(served.server.url, world.certDir)
    const mine = async (session: typeof first) => (await session.post(call('mine'))).body
    expect(await mine(first)).toContain('1.0')
    expect(await mine(second)).toContain('2.0')
    expect(await mine(first)).toContain('1.1')
    expect((await first.delete()).status).toBe(200)
    expect(closed).toEqual(['1'])
    expect((await first.post(call('mine'))).status).toBe(404)
    expect(await mine(second)).toContain('2.1')
  })

  test('has an id that nobody guesses', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls, sessions: true })
    const ids = new Set<string>()
    for (let count = 0; count < 20; count++)
      ids.add((await openRawSession(served.server.url, world.certDir)).id)
    expect(ids.size).toBe(20)
    for (const id of ids) expect(id).toMatch(/^[\x21-\x7e]{22,}$/)
  })

  test('stays with its identity when the certificate is renewed', async () => {
    await using world = await makeWorld()
    await using renewed = await makeWorld({ ca: world.ca })
    await using served = await serveTest({ tls: world.tls, sessions: true })
    const session = await openRawSession(served.server.url, world.certDir)
    const headers = { ...mcpHeaders, 'mcp-session-id': session.id }
    const answer = await ask(served.server.url, renewed.certDir, {
      headers,
      body: JSON.stringify(call('echo', { text: 'still I' })),
    })
    expect(answer.body).toContain('still I')
  })

  test('tells its tools who calls, and which headers came', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls, sessions: true })
    const session = await openRawSession(served.server.url, world.certDir)
    expect((await session.post(call('who'))).body).toContain('cn:mcp-client')
  })

  test('wants its header, and an initialize to begin with', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls, sessions: true })
    const bare = await ask(served.server.url, world.certDir, {
      headers: mcpHeaders,
      body: JSON.stringify(call('echo')),
    })
    expect(bare.status).toBe(400)
    expect(bare.body).toContain('Mcp-Session-Id')
    const session = await openRawSession(served.server.url, world.certDir)
    expect((await session.post(initialize())).status).toBe(400)
    expect((await session.post(call('echo', { text: 'goes on' }))).body).toContain('goes on')
  })

  test.each([
    ['which accepts no stream', { accept: 'application/json' }, 406],
    ['of another type', { 'content-type': 'text/plain' }, 415],
  ])('is not opened by an initialize %s', async (_what, headers, status) => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls, sessions: { max: 1 } })
    const refused = await ask(served.server.url, world.certDir, {
      headers: { ...mcpHeaders, ...headers },
      body: JSON.stringify(initialize()),
    })
    expect(refused.status).toBe(status)
    await openRawSession(served.server.url, world.certDir)
  })

  test('carries requests of the server to its client, and the answers back', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls, sessions: true }, () => {
      const server = new McpServer({ name: 'asking', version: '1.0.0' })
      server.registerTool('ask', { inputSchema: z.object({}) }, async (_input, { mcpReq }) => {
        const { action, content } = await mcpReq.elicitInput({
          message: 'Which city?',
          requestedSchema: { type: 'object', properties: { city: { type: 'string' } } },
        })
        return { content: [{ type: 'text' as const, text: `${action} ${content?.city}` }] }
      })
      return server
    })
    await using opened = await sdkClient(served.server.url, world.certDir, {
      capabilities: { elicitation: {} },
      prepare: (client) =>
        client.setRequestHandler('elicitation/create', () => ({
          action: 'accept',
          content: { city: 'Oslo' },
        })),
    })
    const { client } = opened
    expect((await client.callTool({ name: 'ask', arguments: {} })).content).toEqual([
      { type: 'text', text: 'accept Oslo' },
    ])
  })

  test('resumes a stream that broke, with what came in between', async () => {
    await using world = await makeWorld()
    const script = new Script()
    await using served = await serveTest({ tls: world.tls, sessions: true }, () => slowServer(script))
    const session = await openRawSession(served.server.url, world.certDir)
    const begun = await openStream(
      served.server.url,
      world.certDir,
      { 'mcp-session-id': session.id, 'mcp-protocol-version': '2025-11-25' },
      JSON.stringify({
        ...call('progress'),
        params: { ...call('progress').params, _meta: { progressToken: 7 } },
      }),
    )
    await expect.poll(() => begun.events.length).toBe(1)
    begun.destroy()
    script.finish.open()
    const resumed = await session.listen({ 'last-event-id': begun.events[0]?.id ?? '' })
    await expect
      .poll(() => resumed.events.at(-1)?.message)
      .toMatchObject({ id: 1, result: { content: [{ text: 'done' }] } })
    await resumed.closed
    const unknown = await session.listen({ 'last-event-id': 'none' })
    expect(unknown.status).toBe(400)
  })

  test('knows at once that a silent stream broke: it is resumed, and opened again', async () => {
    await using world = await makeWorld()
    const script = new Script()
    await using served = await serveTest({ tls: world.tls, sessions: true }, () => slowServer(script))
    const { url } = served.server
    const session = await openRawSession(url, world.certDir)
    const headers = { 'mcp-session-id': session.id, 'mcp-protocol-version': '2025-11-25' }
    const begun = await openStream(url, world.certDir, headers, JSON.stringify(call('wait')))
    const news = await session.listen()
    await script.started.opened
    const lastEventId = /id: (\S+)/.exec(begun.text)?.[1] ?? ''
    begun.destroy()
    news.destroy()
    await expect.poll(() => served.server.connections().length).toBe(0)
    const resumed = await session.listen({ 'last-event-id': lastEventId })
    expect(resumed.status).toBe(200)
    const again = await session.listen()
    expect(again.status).toBe(200)
    script.finish.open()
    await expect.poll(() => resumed.events.at(-1)?.message).toMatchObject({ id: 1 })
  })

  test('gets its stream anew where what it missed is not kept any more', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls, sessions: true })
    const session = await openRawSession(served.server.url, world.certDir)
    const stream = await session.listen({ 'last-event-id': 's999' })
    expect(stream.status).toBe(200)
    served.server.notify.toolsChanged()
    await expect.poll(() => stream.events.length).toBe(1)
  })

  test('is not idle while a call runs, though its stream broke', async () => {
    await using world = await makeWorld()
    const script = new Script()
    const ended: number[] = []
    let made = 0
    await using served = await serveTest({ tls: world.tls, sessions: { idle: 300 } }, () => {
      const server = slowServer(script)
      const mine = made++
      server.server.onclose = () => ended.push(mine)
      return server
    })
    const session = await openRawSession(served.server.url, world.certDir)
    const headers = { 'mcp-session-id': session.id, 'mcp-protocol-version': '2025-11-25' }
    const begun = await openStream(served.server.url, world.certDir, headers, JSON.stringify(call('wait')))
    await script.started.opened
    begun.destroy()
    for (const later of [2, 3]) {
      await openRawSession(served.server.url, world.certDir)
      await expect.poll(() => ended).toContain(later)
    }
    expect(ended).not.toContain(1)
    script.finish.open()
    const id = /id: (\S+)/.exec(begun.text)?.[1] ?? ''
    const resumed = await session.listen({ 'last-event-id': id })
    await expect.poll(() => resumed.events.at(-1)?.message).toMatchObject({ id: 1 })
  })

  test('refuses an id that is in use by a call that runs', async () => {
    await using world = await makeWorld()
    const script = new Script()
    await using served = await serveTest({ tls: world.tls, sessions: true }, () => slowServer(script))
    const session = await openRawSession(served.server.url, world.certDir)
    const first = session.post(call('wait'))
    await script.started.opened
    const second = await session.post(call('wait'))
    expect(second.status).toBe(400)
    expect(second.body).toContain('still runs')
    script.finish.open()
    expect((await first).body).toContain('done')
    expect(script.calls).toBe(1)
  })
})

test('our client ends the session that it leaves', async () => {
  await using world = await makeWorld()
  const closed: string[] = []
  await using served = await serveTest({ tls: world.tls, sessions: true }, (calls) => {
    const server = testServer(calls)
    server.server.oninitialized = () => {
      server.server.onclose = () => closed.push('session')
    }
    return server
  })
  const client = await connect({ serverUrl: served.server.url, tls: world.tls, log: false, ...legacy })
  await client.callTool({ name: 'echo', arguments: { text: 'x' } })
  await client.close()
  await expect.poll(() => closed).toEqual(['session'])
})

describe('another identity', () => {
  test('gets the answer that an unknown session gets, byte for byte, whatever it tries', async () => {
    await using world = await makeWorld()
    await using stranger = await other(world)
    await using served = await serveTest({ tls: world.tls, sessions: true })
    const { url } = served.server
    const session = await openRawSession(url, world.certDir)
    const stream = await session.listen()
    const unknown = 'A'.repeat(session.id.length)
    const json = (message: unknown) => ({ headers: mcpHeaders, body: JSON.stringify(message) })
    const tries: [string, { method?: string; headers?: Record<string, string>; body?: string }][] = [
      ['POST', json(call('echo', { text: 'x' }))],
      ['a notification', json({ jsonrpc: '2.0', method: 'notifications/initialized' })],
      ['an answer', json({ jsonrpc: '2.0', id: 0, result: {} })],
      ['initialize', json(initialize())],
      ['a batch', json([call('echo', { text: 'x' })])],
      ['no JSON', { headers: mcpHeaders, body: '{' }],
      ['a wrong type', { headers: { ...mcpHeaders, 'content-type': 'text/plain' }, body: '{}' }],
      ['a wrong revision', { headers: { ...mcpHeaders, 'mcp-protocol-version': '1999-01-01' }, body: '{}' }],
      ['GET', { method: 'GET', headers: { accept: 'text/event-stream' } }],
      ['GET without accept', { method: 'GET' }],
      ['resuming', { method: 'GET', headers: { accept: 'text/event-stream', 'last-event-id': '1' } }],
      ['DELETE', { method: 'DELETE' }],
    ]
    for (const [what, request] of tries) {
      const of = async (id: string) => {
        const { status, headers, body } = await ask(url, stranger.certDir, {
          ...request,
          headers: { ...request.headers, 'mcp-session-id': id },
        })
        return { status, headers: { ...headers, date: '' }, body }
      }
      const foreign = await of(session.id)
      expect(foreign, what).toEqual(await of(unknown))
      if (!/^(no JSON|a wrong)/.test(what)) expect(foreign.status, what).toBe(404)
    }
    expect((await session.post(call('echo', { text: 'unharmed' }))).body).toContain('unharmed')
    expect(stream.events).toEqual([])
    expect(await served.event('request-refused')).toMatchObject({
      reason: 'NOT_AUTHORIZED',
      message: 'cn:other asked for a session of another identity',
    })
  })

  test('does not get what a session of somebody else is told', async () => {
    await using world = await makeWorld()
    await using stranger = await other(world)
    await using served = await serveTest({ tls: world.tls, sessions: true }, () => {
      const server = testServer()
      server.registerTool('tell', { inputSchema: z.object({ text: z.string() }) }, async ({ text }) => {
        await server.server.notification({
          method: 'notifications/message',
          params: { level: 'info', data: text },
        })
        return { content: [] }
      })
      server.server.registerCapabilities({ logging: {} })
      return server
    })
    const mine = await openRawSession(served.server.url, world.certDir)
    const theirs = await openRawSession(served.server.url, stranger.certDir)
    const [myStream, theirStream] = [await mine.listen(), await theirs.listen()]
    await mine.post(call('tell', { text: 'for me' }))
    await theirs.post(call('tell', { text: 'for them' }))
    const told = (stream: typeof myStream) =>
      stream.events.map(({ message }) => JSON.stringify(message.params))
    await expect
      .poll(() => [told(myStream).join(), told(theirStream).join()])
      .toEqual([expect.stringContaining('for me'), expect.stringContaining('for them')])
    expect(told(myStream)).toHaveLength(1)
    expect(told(theirStream)).toHaveLength(1)
  })
})

describe('limits', () => {
  test('one identity has so many sessions, and others still have theirs', async () => {
    await using world = await makeWorld()
    await using stranger = await other(world)
    await using served = await serveTest({ tls: world.tls, sessions: { maxPerIdentity: 2 } })
    const open = (certDir: string) => openRawSession(served.server.url, certDir)
    const [first] = [await open(world.certDir), await open(world.certDir)]
    await expect(open(world.certDir)).rejects.toThrow(/429.*cn:mcp-client has as many sessions as it may/)
    expect(await served.event('request-refused')).toMatchObject({ reason: 'RATE_LIMITED' })
    await expect(
      connect({ serverUrl: served.server.url, tls: world.tls, log: false, ...legacy }),
    ).rejects.toMatchObject({
      code: 'RATE_LIMITED',
    })
    await open(stranger.certDir)
    await first.delete()
    await open(world.certDir)
  })

  test('many at once do not get past the limit', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls, sessions: { maxPerIdentity: 3 } })
    const opened = await Promise.allSettled(
      Array.from({ length: 12 }, () => openRawSession(served.server.url, world.certDir)),
    )
    expect(opened.filter(({ status }) => status === 'fulfilled')).toHaveLength(3)
  })

  test('over the limit of all, the one that is idle for longest goes; if none is idle, nobody comes', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls, sessions: { max: 2 } })
    const open = () => openRawSession(served.server.url, world.certDir)
    const first = await open()
    const second = await open()
    await first.post(call('echo', { text: 'used again' }))
    const third = await open()
    expect((await second.post(call('echo', { text: 'x' }))).status).toBe(404)
    expect((await first.post(call('echo', { text: 'x' }))).status).toBe(200)
    const streams = [await first.listen(), await third.listen()]
    await expect(open()).rejects.toThrow(/429/)
    streams[0]?.destroy()
    await expect
      .poll(() =>
        open().then(
          () => 'opened',
          () => 'refused',
        ),
      )
      .toBe('opened')
  })

  test('what a client says of itself is kept, so that it may not be endless', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls, sessions: true })
    const experimental = { x: { y: 'x'.repeat(70_000) } }
    await expect(
      openRawSession(served.server.url, world.certDir, { capabilities: { experimental } }),
    ).rejects.toThrow(/413.*initialize is larger than 65536 characters/)
  })

  test('a call whose stream has gone runs on, and still counts as one of its identity', async () => {
    await using world = await makeWorld()
    const script = new Script()
    const limits = { maxRequestsPerIdentity: 2 }
    let [made, ended] = [0, 0]
    await using served = await serveTest({ tls: world.tls, sessions: true, limits }, () => {
      const server = slowServer(script)
      made++
      server.server.onclose = () => ended++
      return server
    })
    const { url } = served.server
    const session = await openRawSession(url, world.certDir)
    const headers = { 'mcp-session-id': session.id, 'mcp-protocol-version': '2025-11-25' }
    for (const id of [1, 2]) {
      const begun = await openStream(url, world.certDir, headers, JSON.stringify(call('wait', {}, id)))
      await expect.poll(() => script.calls).toBe(id)
      begun.destroy()
    }
    await expect.poll(() => served.server.connections().length).toBe(0)
    const third = await session.post(call('wait', {}, 3))
    expect([third.status, script.calls]).toEqual([429, 2])
    // Nor does one more session remain of an initialize that is one call too many.
    await expect(openRawSession(url, world.certDir)).rejects.toThrow(/429/)
    expect([made, ended]).toEqual([3, 1]) // one was looked at before it listened
    script.finish.open()
    await expect.poll(async () => (await session.post(call('act', {}, crypto.randomUUID()))).status).toBe(200)
  })

  test('a session that nobody uses ends, one with an open stream does not', async () => {
    await using world = await makeWorld()
    const closed: string[] = []
    let made = 0
    await using served = await serveTest({ tls: world.tls, sessions: { idle: 300 } }, (calls) => {
      const server = testServer(calls)
      const mine = String(made++)
      server.server.onclose = () => closed.push(mine)
      return server
    })
    const kept = await openRawSession(served.server.url, world.certDir)
    const stream = await kept.listen()
    const left = await openRawSession(served.server.url, world.certDir)
    await expect.poll(() => closed).toEqual(['2'])
    expect((await left.post(call('echo', { text: 'x' }))).status).toBe(404)
    expect((await kept.post(call('echo', { text: 'here' }))).body).toContain('here')
    stream.destroy()
    await expect.poll(() => closed).toEqual(['2', '1'])
  })

  test('wrong ones are refused before anything listens', async () => {
    await using world = await makeWorld()
    for (const sessions of ['yes', { idle: 'long' }, { max: 0 }, { maxx: 1 }] as never[])
      await expect(serveTest({ tls: world.tls, sessions })).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
        message: expect.stringContaining('sessions'),
      })
  })

  test('a client that does not read the stream of its session loses it, not the server its memory', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls, sessions: true }, () => {
      const server = testServer()
      server.server.registerCapabilities({ resources: { subscribe: true } })
      server.server.setRequestHandler('resources/subscribe', () => ({}))
      return server
    })
    const session = await openRawSession(served.server.url, world.certDir)
    const stream = await session.listen()
    stream.pause()
    const uri = `file:///${'x'.repeat(10_000)}`
    await session.post({ jsonrpc: '2.0', id: 1, method: 'resources/subscribe', params: { uri } })
    await expect.poll(() => served.server.connections().length).toBe(1)
    for (let count = 0; count < 3000; count++) served.server.notify.resourceUpdated(uri)
    await expect.poll(() => served.server.connections().length).toBe(0)
    expect((await session.post(call('echo', { text: 'lives' }))).body).toContain('lives')
  })
})

describe('the end', () => {
  test('comes within two seconds of the revocation of the certificate that used it last, connected or not', async () => {
    await using world = await makeWorld()
    await using stranger = await other(world)
    const closed: string[] = []
    await using served = await serveTest({ tls: world.tls, sessions: true }, (calls) => {
      const server = testServer(calls)
      server.server.oninitialized = () => {
        server.server.onclose = () => closed.push('session')
      }
      return server
    })
    await openRawSession(served.server.url, world.certDir) // its connections have ended
    const kept = await openRawSession(served.server.url, stranger.certDir)
    await writeSet(world.certDir, {
      crl: await forgeCrl({ issuer: world.ca, revoked: [world.client.serial] }),
    })
    await served.server.reload()
    const revoked = Date.now()
    await expect.poll(() => closed).toEqual(['session'])
    expect(Date.now() - revoked).toBeLessThan(2000)
    expect((await kept.post(call('echo', { text: 'kept' }))).body).toContain('kept')
  })

  test('comes within two seconds of the expiry of that certificate', async () => {
    const notAfter = new Date(Math.ceil(Date.now() / 1000) * 1000 + 3000)
    await using world = await makeWorld()
    await using short = await makeWorld({
      ca: world.ca,
      client: await forge({ issuer: world.ca, usage: 'client', commonName: 'mcp-client', notAfter }),
    })
    let closed = 0
    await using served = await serveTest({ tls: world.tls, sessions: true }, (calls) => {
      const server = testServer(calls)
      server.server.oninitialized = () => {
        server.server.onclose = () => (closed = Date.now())
      }
      return server
    })
    await openRawSession(served.server.url, short.certDir)
    await expect.poll(() => closed).toBeGreaterThan(0)
    expect(closed).toBeGreaterThanOrEqual(notAfter.getTime())
    expect(closed).toBeLessThan(notAfter.getTime() + 2000)
  })

  test('of the server ends streams at once, and gives calls their answer', async () => {
    await using world = await makeWorld()
    const script = new Script()
    const closed: string[] = []
    await using served = await serveTest({ tls: world.tls, sessions: true }, () => {
      const server = slowServer(script)
      server.server.oninitialized = () => {
        server.server.onclose = () => closed.push('session')
      }
      return server
    })
    const session = await openRawSession(served.server.url, world.certDir)
    const stream = await session.listen()
    const running = session.post(call('wait'))
    await script.started.opened
    const stopped = served.server.close()
    await stream.closed
    expect(closed).toEqual([])
    script.finish.open()
    expect(messagesIn((await running).body).at(-1)).toMatchObject({ result: { content: [{ text: 'done' }] } })
    await stopped
    expect(closed).toEqual(['session'])
  })

  test('of the server aborts what still runs at the limit', async () => {
    await using world = await makeWorld()
    const script = new Script()
    await using served = await serveTest({ tls: world.tls, sessions: true }, () => slowServer(script))
    const session = await openRawSession(served.server.url, world.certDir)
    const running = session.post(call('wait')).catch(() => 'broken')
    await script.started.opened
    await served.server.close({ drainTimeout: 50 })
    await script.aborted.opened
    await running
  })

  test('a caller that gives up a call aborts it, and the session goes on', async () => {
    await using world = await makeWorld()
    const script = new Script()
    await using served = await serveTest({ tls: world.tls, sessions: true }, () => slowServer(script))
    await using opened = await sdkClient(served.server.url, world.certDir)
    const { client } = opened
    const abort = new AbortController()
    const running = client.callTool({ name: 'wait', arguments: {} }, { signal: abort.signal })
    await script.started.opened
    abort.abort(new Error('enough'))
    await expect(running).rejects.toThrow('enough')
    await script.aborted.opened
    script.finish.open()
    expect((await client.callTool({ name: 'act', arguments: {} })).content).toEqual([
      { type: 'text', text: 'done' },
    ])
  })
})
