import { McpServer as McpServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { inputRequired, McpServer, Server } from '@modelcontextprotocol/server'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type AnyServerFactory, type FactoryContext, identityOf, serve } from '../../../src/server/index.js'
import { forge } from '../../support/forge.js'
import { gate } from '../../support/slow-server.js'
import { type Ask, ask, httpText, mcpHeaders, openWire } from '../../support/wire.js'
import { makeWorld, type World } from '../../support/world.js'

let world: World
beforeAll(async () => {
  world = await makeWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

const text = (value: string) => ({ content: [{ type: 'text' as const, text: value }] })

/** Tools of every kind, a prompt and a resource. */
function everyKind() {
  const server = new McpServer({ name: 'kinds', version: '1.0.0' }, { capabilities: { logging: {} } })
  server.registerTool('echo', { inputSchema: z.object({ text: z.string() }) }, ({ text: said }) => text(said))
  server.registerTool(
    'sum',
    { inputSchema: z.object({ of: z.array(z.number()) }), outputSchema: z.object({ sum: z.number() }) },
    ({ of }) => {
      const sum = of.reduce((total, value) => total + value, 0)
      return { ...text(String(sum)), structuredContent: { sum } }
    },
  )
  server.registerTool('none', {}, () => text('no arguments'))
  server.registerTool('throws', {}, () => {
    throw new Error('out of luck')
  })
  server.registerTool('rejects', {}, async () => Promise.reject(new Error('later out of luck')))
  server.registerTool('large', {}, () => text('x'.repeat(1_000_000)))
  server.registerTool('progress', { inputSchema: z.object({}) }, async (_input, { mcpReq }) => {
    for (const progress of [1, 2])
      await mcpReq.notify({ method: 'notifications/progress', params: { progressToken: 7, progress } })
    return text('done')
  })
  server.registerTool('logs', { inputSchema: z.object({}) }, async (_input, { mcpReq }) => {
    await mcpReq.log('info', 'at work')
    return text('done')
  })
  server.registerTool('asks', { inputSchema: z.object({}) }, async (_input, { mcpReq }) => {
    const { message } = await mcpReq.requestSampling({ messages: [], maxTokens: 1 }).then(
      () => new Error('answered'),
      (error: Error) => error,
    )
    return text(message)
  })
  server.registerTool('request', { inputSchema: z.object({}) }, (_input, { http }) => {
    const req = http?.req as Request
    return text(`${req instanceof Request} ${req.clone().method} ${req} ${new Request(req.url, req).method}`)
  })
  server.registerTool('elicits', { inputSchema: z.object({}) }, () =>
    inputRequired({
      inputRequests: {
        name: inputRequired.elicit({
          message: 'Who?',
          requestedSchema: { type: 'object', properties: { name: { type: 'string' } } },
        }),
      },
    }),
  )
  server.registerTool('headers', { inputSchema: z.object({}) }, (_input, { http, mcpReq }) =>
    text(
      `${http?.req?.headers.get('x-note')} ${http?.req?.method} ${new URL(http?.req?.url ?? '').pathname} ${mcpReq.method}`,
    ),
  )
  server.registerTool('who', { inputSchema: z.object({}) }, (_input, context) =>
    text(String(identityOf(context)?.id)),
  )
  server.registerPrompt('greet', { argsSchema: z.object({ name: z.string() }) }, ({ name }) => ({
    messages: [{ role: 'user', content: { type: 'text', text: `Hello ${name}` } }],
  }))
  server.registerResource('one', 'file:///one', {}, (uri) => ({ contents: [{ uri: uri.href, text: '1' }] }))
  return server
}

function everyKindV1() {
  const server = new McpServerV1({ name: 'kinds', version: '1.0.0' })
  server.registerTool('echo', { inputSchema: { text: z.string() } as never }, ((input: { text: string }) =>
    text(input.text)) as never)
  server.registerTool('throws', {}, () => {
    throw new Error('out of luck')
  })
  return server
}

interface Case {
  readonly what: string
  readonly method?: string
  readonly params?: unknown
  readonly id?: unknown
  readonly headers?: Record<string, string>
  /** In place of the message. */
  readonly body?: string
}

const call = (name: string, args?: unknown): Case => ({
  what: `${name} ${JSON.stringify(args)?.slice(0, 40)}`,
  method: 'tools/call',
  params: { name, ...(args !== undefined && { arguments: args }) },
})

const cases: readonly Case[] = [
  call('echo', { text: 'hello' }),
  call('echo', { text: 'São Paulo 東京 🎉 \u0000\u2028' }),
  call('echo', { text: 7 }),
  call('echo', {}),
  call('echo'),
  call('echo', null),
  call('echo', ['text']),
  call('echo', { text: 'x', more: 1 }),
  call('echo', JSON.parse('{"text":"x","__proto__":{"a":1}}')),
  call('sum', { of: [1, 2.5] }),
  call('sum', { of: ['1'] }),
  call('none'),
  call('none', {}),
  call('throws', {}),
  call('rejects', {}),
  call('large', {}),
  call('progress', {}),
  call('logs', {}),
  call('asks', {}),
  call('headers', {}),
  call('request', {}),
  call('elicits', {}),
  call('who', {}),
  call('unknown', {}),
  call('', {}),
  call('München', {}),
  call('__proto__', {}),
  call('constructor', {}),
  { ...call('echo', { text: 'x' }), what: 'a text id', id: 'one' },
  { ...call('echo', { text: 'x' }), what: 'an empty id', id: '' },
  { ...call('echo', { text: 'x' }), what: 'a negative id', id: -1 },
  { ...call('echo', { text: 'x' }), what: 'an id that is no whole number', id: 1.5 },
  { ...call('echo', { text: 'x' }), what: 'an id that is null', id: null },
  { ...call('echo', { text: 'x' }), what: 'an id that is a list', id: [1] },
  { what: 'params that are a list', method: 'tools/call', params: ['echo'] },
  { what: 'no params', method: 'tools/call' },
  { what: 'a name that is a number', method: 'tools/call', params: { name: 7 } },
  {
    what: 'one field more',
    method: 'tools/call',
    params: { name: 'echo', arguments: { text: 'x' }, more: true },
  },
  { what: 'tools/list', method: 'tools/list', params: {} },
  { what: 'tools/list without params', method: 'tools/list' },
  { what: 'tools/list with a cursor', method: 'tools/list', params: { cursor: 'x' } },
  { what: 'prompts/list', method: 'prompts/list', params: {} },
  { what: 'resources/list', method: 'resources/list', params: {} },
  { what: 'resources/templates/list', method: 'resources/templates/list', params: {} },
  { what: 'prompts/get', method: 'prompts/get', params: { name: 'greet', arguments: { name: 'Eve' } } },
  { what: 'prompts/get without arguments', method: 'prompts/get', params: { name: 'greet' } },
  { what: 'an unknown prompt', method: 'prompts/get', params: { name: 'none' } },
  { what: 'resources/read', method: 'resources/read', params: { uri: 'file:///one' } },
  { what: 'an unknown resource', method: 'resources/read', params: { uri: 'file:///two' } },
  { what: 'a resource that is no URI', method: 'resources/read', params: { uri: 'one' } },
  { what: 'ping', method: 'ping', params: {} },
  { what: 'an unknown method', method: 'tools/none', params: {} },
  {
    ...call('echo', { text: 'x' }),
    what: 'another method in the header',
    headers: { 'mcp-method': 'tools/list' },
  },
  { ...call('echo', { text: 'x' }), what: 'another name in the header', headers: { 'mcp-name': 'none' } },
  {
    ...call('echo', { text: 'x' }),
    what: 'another revision in the header',
    headers: { 'mcp-protocol-version': '1999-01-01' },
  },
  { ...call('echo', { text: 'x' }), what: 'another type', headers: { 'content-type': 'text/plain' } },
  {
    ...call('echo', { text: 'x' }),
    what: 'a type with a parameter',
    headers: { 'content-type': 'application/json; charset=utf-8' },
  },
  { ...call('echo', { text: 'x' }), what: 'no event streams', headers: { accept: 'application/json' } },
  { ...call('echo', { text: 'x' }), what: 'anything', headers: { accept: '*/*' } },
  { ...call('echo', { text: 'x' }), what: 'a session that there is not', headers: { 'mcp-session-id': 'x' } },
  { what: 'no JSON', body: '{' },
  { what: 'an empty list', body: '[]' },
  { what: 'null', body: 'null' },
  { what: 'another version of JSON-RPC', body: '{"jsonrpc":"1.0","id":1,"method":"tools/list"}' },
  {
    what: 'a field beside those of JSON-RPC',
    body: '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{},"more":1}',
  },
]

const envelope = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1.0.0' },
  'io.modelcontextprotocol/clientCapabilities': {},
}

/** A case as a request of an era. */
function requestOf({ method, params, id = 1, headers, body }: Case, era: 'modern' | 'legacy'): Ask {
  const isPlain = typeof params === 'object' && params !== null && !Array.isArray(params)
  const { name, uri } = (isPlain ? params : {}) as { name?: unknown; uri?: unknown }
  const named = typeof name === 'string' ? name : typeof uri === 'string' ? uri : undefined
  const own: Record<string, string> =
    era === 'legacy'
      ? { 'mcp-protocol-version': '2025-11-25' }
      : {
          'mcp-protocol-version': '2026-07-28',
          'mcp-method': method ?? 'tools/list',
          ...(named && /^[\x20-\x7e]+$/.test(named) && { 'mcp-name': named }),
        }
  const message = {
    jsonrpc: '2.0',
    id,
    method,
    ...(params !== undefined || era === 'modern'
      ? {
          params:
            era === 'modern' && (isPlain || params === undefined)
              ? { ...(params as object), _meta: envelope }
              : params,
        }
      : {}),
  }
  return {
    headers: { ...mcpHeaders, 'x-note': 'noted', ...own, ...headers },
    body: body ?? JSON.stringify(message),
  }
}

async function start(factory: AnyServerFactory, perRequest: boolean) {
  const server = await serve(factory, {
    name: `pool-${crypto.randomUUID()}`,
    tlsPort: 0,
    tls: world.tls,
    log: false,
    ...(perRequest && { perRequest }),
  })
  return {
    url: server.url,
    notify: server.notify,
    [Symbol.asyncDispose]: () => server.close({ drainTimeout: 0 }),
  }
}

describe.each([
  ['SDK version 2', everyKind as AnyServerFactory, ['modern', 'legacy']],
  ['SDK version 1', everyKindV1 as AnyServerFactory, ['legacy']],
] as const)('one server for many requests, of %s, answers as one for each does', (_sdk, factory, eras) => {
  test.each(eras)('%s', async (era) => {
    let made = 0
    const counted: AnyServerFactory = (context) => {
      made++
      return factory(context)
    }
    await using shared = await start(counted, false)
    await using own = await start(factory, true)
    const answer = async (url: string, one: Case) => {
      const { status, headers, body } = await ask(url, world.certDir, requestOf(one, era))
      const {
        date: _date,
        connection: _c,
        'keep-alive': _k,
        'content-length': _l,
        'transfer-encoding': _t,
        ...others
      } = headers
      return { status, headers: others, body: body.replaceAll(/localhost:\d+/g, 'HOST') }
    }
    // So often that each is answered by the shared server, where that is possible.
    for (let times = 0; times < 3; times++) for (const one of cases) await answer(shared.url, one)
    const before = made
    for (const one of cases)
      expect(await answer(shared.url, one), one.what).toEqual(await answer(own.url, one))
    // Some go the usual way; most of them do not.
    expect(made - before).toBeLessThan(cases.length * 0.7)
  })
})

/** Calls one tool so often that it would be answered by a shared server; then counts the servers that more calls make. */
async function serversFor(
  factory: AnyServerFactory,
  tool: string,
  era: 'modern' | 'legacy' = 'modern',
): Promise<number> {
  let made = 0
  await using server = await start((context) => {
    made++
    return factory(context)
  }, false)
  const send = () => ask(server.url, world.certDir, requestOf(call(tool, {}), era))
  for (let count = 0; count < 6; count++) await send()
  const before = made
  for (let count = 0; count < 5; count++) expect((await send()).status).toBe(200)
  return made - before
}

describe.each(['modern', 'legacy'] as const)('%s: one server answers many requests', (era) => {
  const withTool = (act: (server: McpServer) => void) => () => {
    const server = new McpServer({ name: 'one', version: '1.0.0' })
    server.registerTool('act', { inputSchema: z.object({}) }, () => {
      act(server)
      return text('done')
    })
    return server
  }

  test('where nothing tells requests apart', async () => {
    expect(
      await serversFor(
        withTool(() => {}),
        'act',
        era,
      ),
    ).toBe(0)
  })

  test.each([
    [
      'registers a tool',
      (server: McpServer) => server.registerTool(`t${crypto.randomUUID()}`, {}, () => text('')),
    ],
    ['sets a handler', (server: McpServer) => server.server.setRequestHandler('ping', () => ({}))],
    ['asks who its client is', (server: McpServer) => server.server.getClientVersion()],
    ['asks what its client can do', (server: McpServer) => server.server.getClientCapabilities()],
    ['tells of a change', (server: McpServer) => server.sendToolListChanged()],
  ])('but not where a tool %s', async (_what, act) => {
    expect(
      await serversFor(
        withTool((server) => void act(server)),
        'act',
        era,
      ),
    ).toBe(5)
  })

  test.each([
    ['asks who calls', (context: FactoryContext) => context.authInfo],
    ['looks at the request', (context: FactoryContext) => context.requestInfo],
    ['copies what it is given', (context: FactoryContext) => ({ ...context })],
  ])('but not where the factory %s', async (_what, look) => {
    const factory: AnyServerFactory = (context) => {
      look(context)
      return withTool(() => {})()
    }
    expect(await serversFor(factory, 'act', era)).toBe(5)
  })

  test('but not where it is told to make one for each', async () => {
    let made = 0
    await using server = await start(() => {
      made++
      return everyKind()
    }, true)
    const before = made
    for (let count = 0; count < 6; count++)
      await ask(server.url, world.certDir, requestOf(call('none', {}), era))
    expect(made - before).toBe(6)
  })
})

test.each(['modern', 'legacy'] as const)(
  '%s: a factory that is asked who calls too late gives no answer of nobody',
  async (era) => {
    let isLate = false
    await using server = await start((context) => {
      const mcp = new McpServer({ name: 'late', version: '1.0.0' })
      mcp.registerTool('who', {}, () => text(isLate ? String(identityOf(context)?.id) : 'early'))
      return mcp
    }, false)
    const send = async () => (await ask(server.url, world.certDir, requestOf(call('who', {}), era))).body
    for (let count = 0; count < 4; count++) expect(await send()).toContain('early')
    isLate = true
    expect(await send()).toMatch(/"code":-32603,"message":".*could not tell its callers apart/)
    expect(await send()).toContain('cn:mcp-client')
  },
)

test.each(['modern', 'legacy'] as const)(
  '%s: a factory that gives one server again and again is asked each time',
  async (era) => {
    const only = new McpServer({ name: 'only', version: '1.0.0' })
    only.registerTool('act', {}, () => text('done'))
    expect(await serversFor(() => only, 'act', era)).toBe(5)
  },
)

test('what a server says and not of which call reaches the client, from the first call on', async () => {
  await using server = await start(() => {
    const mcp = new McpServer({ name: 'logs', version: '1.0.0' }, { capabilities: { logging: {} } })
    mcp.registerTool('act', {}, async () => {
      await mcp.server.sendLoggingMessage({ level: 'info', data: 'at work' })
      return text('done')
    })
    return mcp
  }, false)
  for (let count = 0; count < 6; count++)
    expect((await ask(server.url, world.certDir, requestOf(call('act', {}), 'legacy'))).body).toContain(
      'at work',
    )
})

describe.each(['modern', 'legacy'] as const)(
  '%s: a server that answers many requests is made again',
  (era) => {
    /** Tools as they are at the moment. */
    async function changing() {
      const names = ['one']
      const server = await start(() => {
        const mcp = new McpServer({ name: 'changing', version: '1.0.0' })
        for (const name of names)
          mcp.registerTool(name, { inputSchema: z.object({ of: z.string().optional() }) }, () => text(name))
        return mcp
      }, false)
      const list = async () =>
        (
          await ask(server.url, world.certDir, requestOf({ what: '', method: 'tools/list', params: {} }, era))
        ).body.match(/"name":"(one|two)"/g)?.length
      for (let count = 0; count < 6; count++) expect(await list()).toBe(1)
      names.push('two')
      return { ...server, list }
    }

    test('when it is told that its tools have changed', async () => {
      await using server = await changing()
      expect(await server.list()).toBe(1)
      server.notify.toolsChanged()
      for (let count = 0; count < 6; count++) expect(await server.list()).toBe(2)
    })

    test('after a minute', async () => {
      await using server = await changing()
      expect(await server.list()).toBe(1)
      const { now } = performance
      performance.now = () => now.call(performance) + 61_000
      try {
        await server.list()
        await expect.poll(server.list).toBe(2)
      } finally {
        performance.now = now
      }
    })
  },
)

test('a factory that looks again when it has given its server ends nothing', async () => {
  const looked: (string | undefined)[] = []
  await using server = await start((context) => {
    setImmediate(() => looked.push(context.authInfo?.clientId))
    return everyKind()
  }, false)
  for (let count = 0; count < 6; count++)
    expect((await ask(server.url, world.certDir, requestOf(call('none', {}), 'modern'))).status).toBe(200)
  expect(looked).toContain('cn:mcp-client')
})

describe.each(['modern', 'legacy'] as const)('%s: what a tool leaves on its server', (era) => {
  class Remembering extends McpServer {
    user: string | undefined
    more?: string
  }

  test.each([
    ['a field of its class', (server: Remembering) => (server.user = 'A')],
    ['a new field', (server: Remembering) => (server.more = 'A')],
    ['a handler', (server: Remembering) => (server.server.fallbackRequestHandler = async () => ({}))],
  ])('%s is not found by the next caller', async (_what, leave) => {
    let made = 0
    let isLoose = false
    await using server = await start(() => {
      made++
      const mcp = new Remembering({ name: 'remembering', version: '1.0.0' })
      mcp.registerTool('act', {}, () => {
        if (isLoose) leave(mcp)
        return text(String(mcp.user ?? mcp.more))
      })
      return mcp
    }, false)
    const send = async () => (await ask(server.url, world.certDir, requestOf(call('act', {}), era))).body
    for (let count = 0; count < 5; count++) await send()
    isLoose = true
    await send()
    isLoose = false
    const before = made
    expect(await send()).toContain('"text":"undefined"')
    expect(made).toBe(before + 1)
  })

  test('and on another tool is not found either', async () => {
    let isLoose = false
    await using server = await start(() => {
      const mcp = new McpServer({ name: 'other', version: '1.0.0' })
      const other = mcp.registerTool('other', { description: 'plain' }, () => text('other'))
      mcp.registerTool('act', {}, () => {
        if (isLoose) other.description = 'secret'
        return text('done')
      })
      return mcp
    }, false)
    const list = async () =>
      (await ask(server.url, world.certDir, requestOf({ what: '', method: 'tools/list', params: {} }, era)))
        .body
    const act = () => ask(server.url, world.certDir, requestOf(call('act', {}), era))
    for (let count = 0; count < 5; count++) await Promise.all([list(), act()])
    isLoose = true
    await act()
    expect(await list()).toContain('plain')
  })
})

test('names that a client makes up are not kept, and displace none', async () => {
  let made = 0
  await using server = await start(() => {
    made++
    const low = new Server({ name: 'low', version: '1.0.0' }, { capabilities: { tools: {} } })
    low.setRequestHandler('tools/call', ({ params }) => ({
      ...text(params.name.slice(0, 10)),
      isError: params.name !== 'known',
    }))
    return low
  }, false)
  const send = (name: string) => ask(server.url, world.certDir, requestOf(call(name, {}), 'modern'))
  for (let count = 0; count < 4; count++) await send('known')
  for (let count = 0; count < 1100; count++) await send(`made-up-${count}`)
  for (let count = 0; count < 3; count++) await send('x'.repeat(129))
  const before = made
  for (let count = 0; count < 3; count++) await send('known')
  expect(made).toBe(before)
})

test('a factory that fails once, when a server is made again, is asked again later', async () => {
  let made = 0
  let fails = false
  await using server = await start(() => {
    made++
    if (fails) throw new Error('no database')
    return everyKind()
  }, false)
  const send = async () =>
    expect((await ask(server.url, world.certDir, requestOf(call('none', {}), 'modern'))).status).toBe(200)
  for (let count = 0; count < 5; count++) await send()
  const { now } = performance
  try {
    performance.now = () => now.call(performance) + 61_000
    fails = true
    for (let count = 0; count < 3; count++) await send()
    fails = false
    const before = made
    for (let count = 0; count < 3; count++) await send()
    expect(made, 'the earlier one goes on').toBe(before)
    performance.now = () => now.call(performance) + 122_000
    for (let count = 0; count < 3; count++) await send()
    expect(made).toBe(before + 1)
  } finally {
    performance.now = now
  }
})

test.each([
  ['modern', false],
  ['modern', true],
  ['legacy', false],
  ['legacy', true],
] as const)(
  '%s, a server for each %s: an answer that JSON cannot hold is an error',
  async (era, perRequest) => {
    let isLoose = false
    await using server = await start(() => {
      const mcp = new McpServer({ name: 'large', version: '1.0.0' })
      mcp.registerTool('number', {}, () => ({
        ...text('a number'),
        ...(isLoose && { structuredContent: { number: 1n } }),
      }))
      return mcp
    }, perRequest)
    const send = async () => (await ask(server.url, world.certDir, requestOf(call('number', {}), era))).body
    for (let count = 0; count < 5; count++) await send()
    isLoose = true
    expect(await send()).toContain('"code":-32603')
  },
)

test('what a factory keeps in its closure is apart with perRequest', async () => {
  const counting: AnyServerFactory = () => {
    let count = 0
    const server = new McpServer({ name: 'counting', version: '1.0.0' })
    server.registerTool('count', {}, () => text(String(++count)))
    return server
  }
  await using server = await start(counting, true)
  for (let count = 0; count < 5; count++)
    expect((await ask(server.url, world.certDir, requestOf(call('count', {}), 'modern'))).body).toContain(
      '"text":"1"',
    )
})

test('64 identities at once: none ever sees the context of another', async () => {
  const worlds = await Promise.all(
    Array.from({ length: 64 }, async (_none, index) =>
      makeWorld({
        ca: world.ca,
        client: await forge({ issuer: world.ca, usage: 'client', commonName: `caller-${index}` }),
      }),
    ),
  )
  const waits: (() => void)[] = []
  await using server = await start(() => {
    const mcp = new McpServer({ name: 'many', version: '1.0.0' })
    mcp.registerTool('who', { inputSchema: z.object({ said: z.string() }) }, async ({ said }, context) => {
      const before = identityOf(context)?.id
      // All that run are let go in another order than they came in.
      await new Promise<void>((resolve) => {
        waits.splice(Math.floor(Math.random() * (waits.length + 1)), 0, resolve)
        setImmediate(() => waits.pop()?.())
      })
      const header = context.http?.req?.headers.get('x-note')
      return text([said, before, identityOf(context)?.id, header].join(' '))
    })
    return mcp
  }, false)
  const failures: string[] = []
  await Promise.all(
    worlds.map(async ({ certDir }, index) => {
      for (let count = 0; count < 30; count++) {
        const said = `${index}.${count}`
        const era = count % 2 === 0 ? 'modern' : 'legacy'
        const request = requestOf({ ...call('who', { said }), headers: { 'x-note': said } }, era)
        const { body } = await ask(server.url, certDir, request)
        const expected = `${said} cn:caller-${index} cn:caller-${index} ${said}`
        if (!body.includes(`"text":"${expected}"`)) failures.push(`${expected}: ${body}`)
      }
    }),
  )
  expect(failures).toEqual([])
  for (const one of worlds) await one[Symbol.asyncDispose]()
})

describe.each(['modern', 'legacy'] as const)('%s: a shared server', (era) => {
  /** A tool that waits to be let go, after calls that make its server shared. */
  async function waiting() {
    const started = gate()
    const aborted = gate<unknown>()
    const finish = gate()
    let isShort = true
    const factory: AnyServerFactory = () => {
      const server = new McpServer({ name: 'waiting', version: '1.0.0' })
      server.registerTool('wait', { inputSchema: z.object({}) }, async (_input, { mcpReq }) => {
        if (isShort) return text('short')
        mcpReq.signal.addEventListener('abort', () => aborted.open(mcpReq.signal.reason))
        started.open()
        await finish.opened
        return text('long')
      })
      return server
    }
    const server = await start(factory, false)
    const request = requestOf(call('wait', {}), era)
    for (let count = 0; count < 6; count++) await ask(server.url, world.certDir, request)
    isShort = false
    return { ...server, request, started, aborted, finish }
  }

  test('aborts the call of a client that goes away, and no other', async () => {
    await using server = await waiting()
    const wire = await openWire(server.url, world.certDir)
    wire.socket.write(httpText('/mcp', server.request.headers as Record<string, string>, server.request.body))
    await server.started.opened
    const other = ask(server.url, world.certDir, server.request)
    wire.socket.destroy()
    await server.aborted.opened
    server.finish.open()
    expect((await other).body).toContain('long')
  })

  test('finishes its calls when the server closes', async () => {
    const server = await waiting()
    const running = ask(server.url, world.certDir, server.request)
    await server.started.opened
    const closed = server[Symbol.asyncDispose]().catch(() => {})
    server.finish.open()
    await running.catch(() => {})
    await closed
  })
})
