import { McpServer as McpServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { McpServer, Server } from '@modelcontextprotocol/server'
import express from 'express'
import { describe, expect, test } from 'vitest'
import { connect } from '../../../src/client/index.js'
import { type FactoryContext, identityOf, serve } from '../../../src/server/index.js'
import { initialize, messagesIn } from '../../support/raw-session.js'
import { sdkClient, sdkClientV1 } from '../../support/sdk-client.js'
import { ask, mcpHeaders } from '../../support/wire.js'
import { makeWorld, serveTest, testServer } from '../../support/world.js'

/** The previous major version of the SDK. */
function serverV1() {
  const server = new McpServerV1({ name: 'v1-mcp', version: '1.0.0' })
  server.registerTool('who', {}, (extra) => ({
    content: [{ type: 'text', text: `${identityOf(extra)?.id} ${extra.requestInfo?.headers['x-note']}` }],
  }))
  server.registerTool('ask', {}, async () => {
    const { action } = await server.server.elicitInput({
      message: 'Go on?',
      requestedSchema: { type: 'object', properties: {} },
    })
    return { content: [{ type: 'text', text: action }] }
  })
  server.registerTool('fail', {}, () => {
    throw new Error('out of luck')
  })
  return server
}

describe.each([
  ['without sessions', false],
  ['with sessions', true],
])('a server of SDK version 1, %s', (_how, sessions) => {
  test('answers the clients of both versions, in whatever revision they try first', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls, sessions }, serverV1 as never)
    const { url } = served.server
    const who = { name: 'who', arguments: {} }
    const text = /^cn:mcp-client /
    await using one = await sdkClientV1(url, world.certDir)
    expect((await one.client.callTool(who)).content).toEqual([
      { type: 'text', text: expect.stringMatching(text) },
    ])
    await using two = await sdkClient(url, world.certDir)
    expect((await two.client.callTool(who)).content).toEqual([
      { type: 'text', text: expect.stringMatching(text) },
    ])
    await using auto = await sdkClient(url, world.certDir, { versionNegotiation: { mode: 'auto' } })
    expect(auto.client.getNegotiatedProtocolVersion()).toBe('2025-11-25')
    expect((await auto.client.callTool(who)).content).toEqual([
      { type: 'text', text: expect.stringMatching(text) },
    ])
    await using ours = await connect({ serverUrl: url, tls: world.tls, log: false })
    expect((await ours.callTool(who)).content).toEqual([{ type: 'text', text: expect.stringMatching(text) }])
  })

  test('tells clients of 2026-07-28 which revisions there are, and makes no call', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls, sessions }, serverV1 as never)
    const meta = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1.0.0' },
      'io.modelcontextprotocol/clientCapabilities': {},
    }
    const answer = await ask(served.server.url, world.certDir, {
      headers: {
        ...mcpHeaders,
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': 'tools/call',
        'mcp-name': 'who',
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 'mine',
        method: 'tools/call',
        params: { name: 'who', arguments: {}, _meta: meta },
      }),
    })
    expect(answer.status).toBe(400)
    expect(JSON.parse(answer.body)).toMatchObject({
      id: 'mine',
      error: {
        code: -32022,
        data: { requested: '2026-07-28', supported: expect.arrayContaining(['2025-11-25']) },
      },
    })
  })
})

test('/health names the revisions that there are', async () => {
  await using world = await makeWorld()
  await using one = await serveTest({ tls: world.tls }, serverV1 as never)
  await using two = await serveTest({ tls: world.tls })
  expect(one.server.health().protocol_versions).not.toContain('2026-07-28')
  expect(two.server.health().protocol_versions).toContain('2026-07-28')
})

test('a server of SDK version 1 finds the headers of a request where it looks for them', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls }, serverV1 as never)
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'who', arguments: {} },
  })
  const answer = await ask(served.server.url, world.certDir, {
    headers: { ...mcpHeaders, 'x-note': 'noted' },
    body,
  })
  expect(messagesIn(answer.body)[0]).toMatchObject({ result: { content: [{ text: 'cn:mcp-client noted' }] } })
})

test('a server of SDK version 1 asks its client in a session', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls, sessions: true }, serverV1 as never)
  await using opened = await sdkClient(served.server.url, world.certDir, {
    capabilities: { elicitation: {} },
    prepare: (client) => client.setRequestHandler('elicitation/create', () => ({ action: 'decline' })),
  })
  const answer = await opened.client.callTool({ name: 'ask', arguments: {} })
  expect(answer.content).toEqual([{ type: 'text', text: 'decline' }])
})

test('a low-level server is served too', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls }, (() => {
    const server = new Server({ name: 'low', version: '1.0.0' }, { capabilities: { tools: {} } })
    server.setRequestHandler('tools/list', () => ({
      tools: [{ name: 'low', inputSchema: { type: 'object' } }],
    }))
    return server
  }) as never)
  await using client = await connect({ serverUrl: served.server.url, tls: world.tls, log: false })
  expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['low'])
  await using legacy = await sdkClient(served.server.url, world.certDir)
  expect((await legacy.client.listTools()).tools.map(({ name }) => name)).toEqual(['low'])
})

describe('the factory', () => {
  const start = async (factory: unknown) => {
    await using world = await makeWorld()
    const server = await serve(factory as never, { name: 'wrong', tlsPort: 0, tls: world.tls, log: false })
    await server.close()
  }

  test.each([
    ['an instance', testServer(), /wrong arguments: call it as serve\(\(\) => new McpServer/],
    ['a string', 'my-server', /wrong arguments: call it as serve\(\(\) => new McpServer/],
    ['a class', McpServer, /wrong arguments: call it as serve\(\(\) => new McpServer/],
    [
      'one that gives a string',
      () => 'my-server',
      /gave a string, not a server: call it as serve\(\(\) => new McpServer/,
    ],
    ['one that gives nothing', () => {}, /gave undefined, not a server/],
    ['one that gives a class', () => McpServer, /gave a function, not a server/],
    ['one that promises a number', async () => 7, /gave a number, not a server/],
    ['an Express application', express(), /call it as createMtlsServer\(app/],
    [
      'a listener of requests',
      (_request: object, response: { end(): void }) => response.end(),
      /call it as createMtlsServer\(app/,
    ],
    [
      'one that gives { server, cleanup }',
      () => ({ server: testServer(), cleanup: () => {} }),
      /gave an object with server, cleanup, not a server: call it as serve\(\(\) => create\(\)\.server, …\)/,
    ],
  ])('%s is refused in one sentence, before anything listens', async (_what, factory, message) => {
    await expect(start(factory)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(message),
    })
  })

  test('is called once before anybody connects, and what it gave is closed', async () => {
    const closed: number[] = []
    let made = 0
    await start(() => {
      const mine = ++made
      return { connect: async () => {}, close: async () => void closed.push(mine) }
    })
    expect([made, closed]).toEqual([1, [1]])
  })

  test('may hand out one server again and again, if nobody calls at the same time', async () => {
    await using world = await makeWorld()
    const one = testServer()
    let closed = 0
    one.server.onclose = () => closed++
    await using served = await serveTest({ tls: world.tls }, () => one)
    await using client = await connect({ serverUrl: served.server.url, tls: world.tls, log: false })
    const before = closed
    for (const text of ['a', 'b', 'c'])
      expect((await client.callTool({ name: 'echo', arguments: { text } })).content).toEqual([
        { type: 'text', text },
      ])
    expect(closed - before).toBe(3)
  })

  test('that throws is called again for each request', async () => {
    await using world = await makeWorld()
    let isUp = false
    await using served = await serveTest({ tls: world.tls }, (calls) => {
      if (!isUp) throw new Error('no database yet')
      return testServer(calls)
    })
    const body = JSON.stringify(initialize())
    const status = async () =>
      (await ask(served.server.url, world.certDir, { headers: mcpHeaders, body })).status
    expect(await status()).toBe(500)
    isUp = true
    expect(await status()).toBe(200)
  })

  test('that needs a caller is not asked to do without', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls }, ((_calls: string[], context: FactoryContext) => {
      const server = new McpServer({
        name: (context.authInfo as { clientId: string }).clientId,
        version: '1.0.0',
      })
      server.registerTool('name', {}, () => ({ content: [] }))
      return server
    }) as never)
    await using opened = await sdkClient(served.server.url, world.certDir)
    expect(opened.client.getServerVersion()?.name).toBe('cn:mcp-client')
  })

  test.each([
    ['of version 1', serverV1, false],
    ['of version 1, with sessions', serverV1, true],
    ['of version 2', testServer, false],
    ['of version 2, with sessions', testServer, true],
  ])(
    'that gives one server %s to two at once: one is served, the other is told at once',
    async (_what, make, sessions) => {
      await using world = await makeWorld()
      const one = make()
      await using served = await serveTest({ tls: world.tls, sessions }, (() => one) as never)
      const body = JSON.stringify(initialize())
      const answers = await Promise.all(
        Array.from({ length: 4 }, () => ask(served.server.url, world.certDir, { headers: mcpHeaders, body })),
      )
      const statuses = answers.map(({ status }) => status)
      expect(statuses).toContain(200)
      for (const status of statuses) expect([200, 500]).toContain(status)
    },
  )

  test('that fails for one request is called again for the next', async () => {
    await using world = await makeWorld()
    let broken = false
    await using served = await serveTest({ tls: world.tls, sessions: true }, (calls) => {
      if (broken) throw new Error('not now')
      return testServer(calls)
    })
    broken = true
    await expect(sdkClient(served.server.url, world.certDir)).rejects.toThrow()
    broken = false
    await using opened = await sdkClient(served.server.url, world.certDir)
    expect((await opened.client.callTool({ name: 'echo', arguments: { text: 'now' } })).content).toEqual([
      { type: 'text', text: 'now' },
    ])
  })
})
