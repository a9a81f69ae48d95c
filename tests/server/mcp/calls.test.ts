import { McpServer as McpServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { McpServer } from '@modelcontextprotocol/server'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { freePort } from '../../support/free-port.js'
import { initialize, messagesIn, openRawSession } from '../../support/raw-session.js'
import { sdkClient } from '../../support/sdk-client.js'
import { Script, slowServer } from '../../support/slow-server.js'
import { ask, httpText, mcpHeaders, openWire } from '../../support/wire.js'
import { makeWorld, serveTest, testServer } from '../../support/world.js'

const call = (name: string, args: object = {}, id: number | string = 1) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: args },
})

/** How often calls of a tool ended in which way, as `/metrics` has it. */
async function outcomes(healthPort: number): Promise<Record<string, number>> {
  const text = await (await fetch(`http://127.0.0.1:${healthPort}/metrics`)).text()
  const lines = [...text.matchAll(/^mcp_mtls_tool_calls_total\{([^}]*)\} (\d+)$/gm)]
  return Object.fromEntries(
    lines.map(([, labels = '', count]) => [
      ['tool', 'outcome'].map((name) => new RegExp(`${name}="([^"]*)"`).exec(labels)?.[1]).join(' '),
      Number(count),
    ]),
  )
}

function failing() {
  const server = new McpServer({ name: 'failing', version: '1.0.0' })
  const tell = async (context: { mcpReq: { notify: (one: never) => Promise<void> } }) =>
    context.mcpReq.notify({
      method: 'notifications/progress',
      params: { progressToken: 1, progress: 1 },
    } as never)
  server.registerTool('good', { inputSchema: z.object({}) }, async (_input, context) => {
    await tell(context)
    return { content: [] }
  })
  server.registerTool('bad', { inputSchema: z.object({}) }, async (_input, context) => {
    await tell(context)
    throw new Error('out of luck')
  })
  return server
}

function failingV1() {
  const server = new McpServerV1({ name: 'failing', version: '1.0.0' })
  server.registerTool('good', {}, () => ({ content: [] }))
  server.registerTool('bad', {}, () => {
    throw new Error('out of luck')
  })
  return server
}

describe.each([
  ['legacy, without sessions', failing, { sessions: false }, 'legacy'],
  ['legacy, with sessions', failing, { sessions: true }, 'legacy'],
  ['2026-07-28', failing, {}, 'auto'],
  ['SDK version 1', failingV1, {}, 'legacy'],
] as const)('how a call ended is known: %s', (_how, factory, options, mode) => {
  test('a failing tool is a tool_error, an unknown one an error, whether its answer is a stream or not', async () => {
    await using world = await makeWorld()
    const healthPort = await freePort()
    await using served = await serveTest({ tls: world.tls, healthPort, ...options }, factory as never)
    await using opened = await sdkClient(served.server.url, world.certDir, { versionNegotiation: { mode } })
    const ended = (name: string) => opened.client.callTool({ name, arguments: {} }).catch((error) => error)
    await ended('good')
    await ended('bad')
    await ended('bad')
    await ended('none')
    expect(await outcomes(healthPort)).toEqual({ 'good ok': 1, 'other tool_error': 2, 'other error': 1 })
  })
})

test.each([false, true])('a call whose client goes away is aborted, sessions %s', async (sessions) => {
  await using world = await makeWorld()
  const healthPort = await freePort()
  const script = new Script()
  await using served = await serveTest({ tls: world.tls, healthPort, sessions }, () => slowServer(script))
  if (sessions) {
    const session = await openRawSession(served.server.url, world.certDir)
    void session.post(call('wait')).catch(() => {})
    await script.started.opened
    await session.delete()
  } else {
    const wire = await openWire(served.server.url, world.certDir)
    wire.socket.write(httpText('/mcp', mcpHeaders, JSON.stringify(call('wait'))))
    await script.started.opened
    wire.socket.destroy()
  }
  await script.aborted.opened
  await expect.poll(() => outcomes(healthPort)).toEqual({ 'other aborted': 1 })
})

describe('batches', () => {
  const batch = [
    call('echo', { text: 'one' }, 1),
    call('none', {}, 'two'),
    call('echo', { text: 'three' }, 3),
  ]

  test.each([false, true])(
    'of 2025-03-26 are answered, and each call is seen, sessions %s',
    async (sessions) => {
      await using world = await makeWorld()
      const healthPort = await freePort()
      await using served = await serveTest({ tls: world.tls, healthPort, sessions })
      const { url } = served.server
      const send = sessions
        ? (await openRawSession(url, world.certDir, { protocolVersion: '2025-03-26' })).post
        : (body: unknown) => ask(url, world.certDir, { headers: mcpHeaders, body: JSON.stringify(body) })
      const messages = messagesIn((await send(batch)).body)
      expect(messages.map(({ id }) => id).toSorted()).toEqual([1, 3, 'two'])
      expect(await outcomes(healthPort)).toEqual({ 'echo ok': 2, 'other error': 1 })
    },
  )

  const inHeader = (version: string) => ({ ...mcpHeaders, 'mcp-protocol-version': version })
  test.each([
    ['of 2025-06-18', inHeader('2025-06-18'), batch, /2025-06-18 has no batches/],
    ['of 2025-11-25', inHeader('2025-11-25'), batch, /2025-11-25 has no batches/],
    ['of one message', inHeader('2025-11-25'), [call('echo')], /no batches/],
    ['without a message', mcpHeaders, [], /empty JSON-RPC batch/],
    ['with one id twice', mcpHeaders, [call('echo', {}, 1), call('echo', {}, 1)], /have one id/],
    ['with an initialize', mcpHeaders, [initialize('2025-03-26')], /initialize may not be part/],
  ])('%s are refused, and nothing of them runs', async (_what, headers, body, words) => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls })
    const answer = await ask(served.server.url, world.certDir, { headers, body: JSON.stringify(body) })
    expect(answer.status).toBe(400)
    expect(JSON.parse(answer.body)).toMatchObject({ error: { message: expect.stringMatching(words) } })
    expect(served.calls).toEqual([])
  })

  test('in a session follow the revision that it has agreed on, whatever a header says', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls, sessions: true })
    const session = await openRawSession(served.server.url, world.certDir, { protocolVersion: '2025-11-25' })
    expect((await session.post(batch, { 'mcp-protocol-version': '2025-03-26' })).status).toBe(400)
    expect(served.calls).toEqual([])
  })
})

const said = (asking: Promise<unknown>) =>
  asking.then(
    () => 'answered',
    ({ message }: Error) => message,
  )
const elicitation = { message: 'Go on?', requestedSchema: { type: 'object' as const, properties: {} } }

test('a server that asks its client without a session is told at once what it needs', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls }, () => {
    const server = testServer()
    server.registerTool('ask', { inputSchema: z.object({}) }, async (_input, { mcpReq }) => {
      const asked = [
        mcpReq.requestSampling({ messages: [], maxTokens: 1 }),
        mcpReq.elicitInput(elicitation),
        server.server.listRoots(),
        mcpReq.send({ method: 'roots/list' }),
      ]
      const words = await Promise.all(asked.map(said))
      return { content: words.map((text) => ({ type: 'text' as const, text })) }
    })
    return server
  })
  await using opened = await sdkClient(served.server.url, world.certDir, {
    capabilities: { sampling: {}, elicitation: { form: {} }, roots: {} },
  })
  const { content } = await opened.client.callTool({ name: 'ask', arguments: {} })
  expect(content).toEqual(
    ['sampling/createMessage', 'elicitation/create', 'roots/list', 'roots/list'].map((method) => ({
      type: 'text',
      text: `${method} needs a session, to reach the client: serve(factory, { sessions: true })`,
    })),
  )
})

test('a server of SDK version 1 is told the same, and what it logs goes with the answer', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls }, (() => {
    const server = new McpServerV1({ name: 'v1', version: '1.0.0' }, { capabilities: { logging: {} } })
    server.registerTool('ask', {}, async () => {
      await server.sendLoggingMessage({ level: 'info', data: 'at work' })
      return { content: [{ type: 'text', text: await said(server.server.elicitInput(elicitation)) }] }
    })
    return server
  }) as never)
  const answer = await ask(served.server.url, world.certDir, {
    headers: mcpHeaders,
    body: JSON.stringify(call('ask')),
  })
  expect(messagesIn(answer.body)).toMatchObject([
    { method: 'notifications/message', params: { data: 'at work' } },
    { id: 1, result: { content: [{ text: expect.stringContaining('elicitation/create needs a session') }] } },
  ])
})
