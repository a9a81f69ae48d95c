import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, inputRequired, McpServer, ResourceTemplate } from '@modelcontextprotocol/server'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { fixture } from '../expose/programs/script.js'
import { bridged } from '../support/bridged.js'
import { bin } from '../support/cli.js'
import { clientV1, clientV2, type Message, type Open } from '../support/compare/clients.js'
import { everythingProgram } from '../support/compare/everything.js'
import { filesystemRun } from '../support/compare/filesystem.js'
import { exposed } from '../support/exposed.js'
import { freePort } from '../support/free-port.js'
import { makeGated, urlOf } from '../support/gated.js'
import { scratch } from '../support/scratch.js'
import { makeWorld, type World } from '../support/world.js'

const text = (value: string) => ({ content: [{ type: 'text' as const, text: value }] })

/** The headers of a call that repeat its arguments. */
const paramHeadersOf = ({ http }: { http?: { req?: Request } }) =>
  [...(http?.req?.headers ?? [])].filter(([name]) => name.startsWith('mcp-param-'))

/** A server that has 2026-07-28 and nothing older. */
function newest(): McpServer {
  const server = new McpServer(
    { name: 'newest', version: '7.0.0', title: 'The newest' },
    {
      instructions: 'Speak the newest.',
      capabilities: {
        logging: {},
        tools: { listChanged: true },
        resources: { subscribe: true, listChanged: true },
      },
    },
  )
  server.registerTool('echo', { inputSchema: z.object({ text: z.string() }) }, (input) => text(input.text))
  server.registerTool('ask', { inputSchema: z.object({}) }, (_input, { mcpReq }) => {
    const { inputResponses: answers, requestState } = mcpReq as typeof mcpReq & { inputResponses?: object }
    if (!answers)
      return inputRequired({
        inputRequests: {
          name: inputRequired.elicit({
            message: 'Who?',
            requestedSchema: { type: 'object', properties: { name: { type: 'string' } } },
          }),
          words: inputRequired.createMessage({
            messages: [{ role: 'user', content: { type: 'text', text: 'Say' } }],
            maxTokens: 10,
          }),
          where: inputRequired.listRoots(),
        },
        requestState: 'kept',
      })
    return text(
      JSON.stringify({
        answers,
        requestState: typeof requestState === 'function' ? requestState() : requestState,
      }),
    )
  })
  server.registerTool(
    'region',
    {
      inputSchema: z.object({
        region: z.string().meta({ 'x-mcp-header': 'Region' }),
        inner: z.object({ count: z.number().int().meta({ 'x-mcp-header': 'Count' }) }).optional(),
      }),
    },
    ({ region }, context) => text(JSON.stringify([region, ...paramHeadersOf(context)])),
  )
  server.registerTool('forever', { inputSchema: z.object({}) }, () =>
    inputRequired({ inputRequests: { where: inputRequired.listRoots() } }),
  )
  server.registerTool('work', { inputSchema: z.object({}) }, async (_input, { mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken
    if (progressToken !== undefined)
      await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress: 1 } })
    await mcpReq.log('warning', 'at work')
    return text('done')
  })
  server.registerPrompt('greet', { argsSchema: z.object({ who: z.string() }) }, ({ who }) => ({
    messages: [{ role: 'user', content: { type: 'text', text: `Greet ${who}` } }],
  }))
  const contents = (uri: URL) => ({ contents: [{ uri: uri.href, text: uri.href }] })
  server.registerResource('one', 'x://one', {}, contents)
  server.registerResource('any', new ResourceTemplate('x://any/{n}', { list: undefined }), {}, contents)
  return server
}

/** Serves it behind the gate. */
async function serving(world: World, port = 0) {
  const handler = createMcpHandler(newest, { legacy: 'reject' })
  const listener = toNodeHandler(handler) as RequestListener
  const { server } = makeGated(world, {}, listener)
  await once(server.listen(port), 'listening')
  return { url: `${urlOf(server)}mcp`, notify: handler.notify, server }
}

const stdio = (url: string, certDir: string) => ({
  command: process.execPath,
  args: [bin, 'bridge', url, '--cert-dir', certDir, '--initialize-within', '30s'],
})

describe.each<[string, Open]>([
  ['SDK v1', clientV1],
  ['SDK v2', clientV2],
])('a client of 2025 by %s, and a server of 2026-07-28', (_sdk, open) => {
  test('everything is there, and the server may ask', async () => {
    await using world = await makeWorld()
    const { url, notify } = await serving(world)
    await using peer = await open(stdio(url, world.certDir))
    const { client } = peer
    expect(client.getServerVersion()).toMatchObject({ name: 'newest', version: '7.0.0' })
    expect(client.getInstructions()).toBe('Speak the newest.')
    expect(client.getServerCapabilities()).toMatchObject({ logging: {}, resources: { subscribe: true } })
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual([
      'echo',
      'ask',
      'region',
      'forever',
      'work',
    ])
    expect(await peer.call('echo', { text: 'hello' })).toEqual(text('hello'))
    expect(await client.getPrompt({ name: 'greet', arguments: { who: 'Ada' } })).toMatchObject({
      messages: [{ content: { text: 'Greet Ada' } }],
    })
    expect(await client.readResource({ uri: 'x://any/7' })).toEqual({
      contents: [{ uri: 'x://any/7', text: 'x://any/7' }],
    })
    expect((await client.listResourceTemplates()).resourceTemplates).toHaveLength(1)

    const { content } = (await peer.call('ask', {})) as { content: { text: string }[] }
    const { answers, requestState } = JSON.parse(content[0]?.text ?? '')
    expect(requestState).toBe('kept')
    expect(answers).toMatchObject({
      name: { action: 'accept' },
      words: { role: 'assistant', content: { type: 'text' } },
      where: { roots: [{ uri: expect.stringMatching(/^file:/) }] },
    })
    expect(peer.asked).toHaveLength(2)

    await client.setLoggingLevel('info')
    await peer.call('work', {})
    expect(peer.logged).toEqual([{ level: 'warning', data: 'at work' }])
    await client.setLoggingLevel('error')
    await peer.call('work', {})
    expect(peer.logged).toHaveLength(1)

    await peer.subscribe('x://one')
    notify.resourceUpdated('x://one')
    notify.resourceUpdated('x://two')
    notify.toolsChanged()
    await expect.poll(() => [peer.updated, peer.changed]).toEqual([['x://one'], ['tools']])
    await peer.unsubscribe('x://one')
    await expect
      .poll(async () => {
        notify.resourceUpdated('x://one')
        await peer.call('echo', { text: 'now' })
        const before = peer.updated.length
        notify.resourceUpdated('x://one')
        await peer.call('echo', { text: 'then' })
        return peer.updated.length - before
      })
      .toBe(0)
  })
})

test('a server that asks without end is not followed without end', async () => {
  await using world = await makeWorld()
  const { url } = await serving(world)
  await using peer = await clientV2(stdio(url, world.certDir))
  await expect(peer.call('forever', {})).rejects.toThrow(/asked 20 times/)
  expect(await peer.call('echo', { text: 'still' })).toEqual(text('still'))
})

test.each([
  ['eu-west-1', 'eu-west-1'],
  ['Zürich', '=?base64?WsO8cmljaA==?='],
  [' spaced', '=?base64?IHNwYWNlZA==?='],
  ['', '=?base64??='],
  ['=?base64?eA==?=', '=?base64?PT9iYXNlNjQ/ZUE9PT89?='],
  ['a\r\nb', '=?base64?YQ0KYg==?='],
])('the argument %j is repeated in a header where the tool wants it', async (region, header) => {
  await using world = await makeWorld()
  const client = bridged((await serving(world)).url, world.certDir)
  await client.open()
  await client.ask('tools/list')
  const { result } = await client.call('region', { region, inner: { count: 7 } })
  expect(JSON.parse(result?.content[0].text)).toEqual([
    region,
    ['mcp-param-count', '7'],
    ['mcp-param-region', header],
  ])
})

test('a server that wants such headers gets them, of a client too that has not asked for the tools', async () => {
  await using world = await makeWorld()
  const client = bridged((await serving(world)).url, world.certDir)
  await client.open()
  const regions = ['eu-west-1', 'eu-west-2', 'eu-west-3']
  const answers = await Promise.all(regions.map((region) => client.call('region', { region })))
  expect(answers.map(({ result }) => JSON.parse(result?.content[0].text))).toEqual(
    regions.map((region) => [region, ['mcp-param-region', region]]),
  )
})

test('progress comes with the token of the call', async () => {
  await using world = await makeWorld()
  const client = bridged((await serving(world)).url, world.certDir)
  await client.open()
  await client.ask('tools/call', { name: 'work', arguments: {}, _meta: { progressToken: 'mine' } })
  expect(client.heard).toContainEqual(
    expect.objectContaining({
      method: 'notifications/progress',
      params: expect.objectContaining({ progressToken: 'mine', progress: 1 }),
    }),
  )
})

test('its subscription is opened again when the server was away, and what may have changed is told', async () => {
  await using world = await makeWorld()
  const port = await freePort()
  const first = await serving(world, port)
  const client = bridged(first.url, world.certDir)
  await client.open()
  const listed = () =>
    client.methods().filter((method) => method === 'notifications/tools/list_changed').length
  await expect
    .poll(() => {
      first.notify.toolsChanged()
      return listed()
    })
    .toBeGreaterThan(0)
  await first.server.mtls.close({ drainTimeout: 0 })
  const before = listed()
  const second = await serving(world, port)
  await expect.poll(listed, { timeout: 15_000 }).toBeGreaterThan(before)
  const then = listed()
  second.notify.toolsChanged()
  await expect.poll(listed).toBe(then + 1)
})

const modernMeta = (capabilities: object = {}, more: object = {}) => ({
  _meta: {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 'a-client', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': capabilities,
    ...more,
  },
})

/** A client that has 2026-07-28 and nothing older, started as one of the SDK. */
async function pinned(url: string, certDir: string, roots: readonly { uri: string }[] = []) {
  const capabilities = { roots: {}, sampling: {}, elicitation: { form: {}, url: {} } }
  const client = new Client(
    { name: 'pinned', version: '1' },
    { capabilities, versionNegotiation: { mode: { pin: '2026-07-28' } } },
  )
  client.setRequestHandler('roots/list', () => ({ roots: [...roots] }))
  client.setRequestHandler('elicitation/create', ({ params }) =>
    params.mode === 'url'
      ? { action: 'accept' }
      : { action: 'accept', content: { name: 'Ada', check: true, integer: 7 } },
  )
  client.setRequestHandler('sampling/createMessage', () => ({
    role: 'assistant',
    content: { type: 'text', text: 'words' },
    model: 'a-model',
  }))
  const transport = new StdioClientTransport(stdio(url, certDir))
  await client.connect(transport)
  // Where the last step comes in one piece with the answer, a client of the SDK loses it.
  const progress: unknown[] = []
  const receive = transport.onmessage
  transport.onmessage = (message) => {
    if ('method' in message && message.method === 'notifications/progress') progress.push(message.params)
    receive?.(message)
  }
  return { client, progress, [Symbol.asyncDispose]: () => client.close() }
}

const textOf = (result: unknown) => JSON.stringify((result as { content: unknown }).content)

test('a client of 2026-07-28 has all of the reference server, which has only sessions', async () => {
  await using world = await makeWorld()
  const { url } = await exposed(world, [everythingProgram.command, ...everythingProgram.args])
  await using opened = await pinned(url, world.certDir, [{ uri: 'file:///project' }])
  const { client, progress } = opened
  expect(client.getNegotiatedProtocolVersion()).toBe('2026-07-28')
  expect(client.getServerVersion()).toMatchObject({ name: 'mcp-servers/everything' })
  expect(client.getInstructions()).toContain('Everything Server')
  const { tools } = await client.listTools()
  expect(tools.map(({ name }) => name)).toContain('echo')
  const call = (name: string, args = {}, options = {}) => client.callTool({ name, arguments: args }, options)
  expect(textOf(await call('echo', { message: 'hello' }))).toContain('Echo: hello')
  expect(textOf(await call('trigger-elicitation-request'))).toContain('- Name: Ada')
  expect(textOf(await call('trigger-sampling-request', { prompt: 'Say', maxTokens: 10 }))).toContain('words')
  expect(textOf(await call('get-roots-list'))).toContain('file:///project')
  await call('trigger-long-running-operation', { duration: 0.1, steps: 2 }, { onprogress: () => {} })
  expect(progress).toMatchObject([
    { progress: 1, total: 2 },
    { progress: 2, total: 2 },
  ])
  expect((await client.listPrompts()).prompts.length).toBeGreaterThan(2)
  expect(await client.getPrompt({ name: 'args-prompt', arguments: { city: 'Oslo' } })).toMatchObject({
    messages: [{}],
  })
  const { resources } = await client.listResources()
  expect(await client.readResource({ uri: resources[0]?.uri ?? '' })).toMatchObject({ contents: [{}] })
})

test('and the folders of the file system server are those of the client', async () => {
  await using world = await makeWorld()
  const { way, behaviour } = filesystemRun(scratch())
  const { command, args } = way
  const { url } = await exposed(world, [command, ...args])
  const [root] = behaviour.roots ?? []
  await using opened = await pinned(url, world.certDir, behaviour.roots)
  const allowed = async () =>
    textOf(await opened.client.callTool({ name: 'list_allowed_directories', arguments: {} }))
  await expect.poll(allowed).toContain(new URL(root?.uri ?? '').pathname)
})

/** Messages of a client, one by one. */
async function rawClient(world: World, early?: number) {
  const { url } = await exposed(world, [fixture().command, ...fixture().args])
  const client = bridged(url, world.certDir, early)
  const call = (name: string, args: object, capabilities: object, more: object = {}): Promise<Message> =>
    client.ask('tools/call', { name, arguments: args, ...modernMeta(capabilities), ...more })
  return { ...client, call }
}

describe('what a server of sessions wants to know', () => {
  const able = { elicitation: { form: {} }, roots: {} }

  test('ends the call with a question, and the call goes on with the answer, once', async () => {
    await using world = await makeWorld()
    const { call } = await rawClient(world)
    const { result } = await call('ask', { what: 'elicit' }, able)
    expect(result).toMatchObject({
      resultType: 'input_required',
      requestState: expect.stringMatching(/.{32,}/),
    })
    const [[key, question] = []] = Object.entries(result.inputRequests)
    expect(question).toMatchObject({ method: 'elicitation/create', params: { message: expect.any(String) } })
    const again = {
      requestState: result.requestState,
      inputResponses: { [String(key)]: { action: 'decline' } },
    }
    const answer = await call('ask', { what: 'elicit' }, able, again)
    expect(answer.result).toMatchObject({ resultType: 'complete' })
    expect(textOf(answer.result)).toContain('decline')
    expect(await call('ask', { what: 'elicit' }, able, again)).toMatchObject({ error: { code: -32_602 } })
  })

  test('goes on only for who knows the state', async () => {
    await using world = await makeWorld()
    const { call } = await rawClient(world)
    const { result } = await call('ask', { what: 'elicit' }, able)
    const [key = ''] = Object.keys(result.inputRequests)
    const inputResponses = { [key]: { action: 'accept', content: {} } }
    for (const requestState of ['', 'x', `${result.requestState}0`, '0'])
      expect(await call('ask', {}, able, { requestState, inputResponses })).toMatchObject({
        error: { code: -32_602 },
      })
    const { requestState } = result
    expect(await call('echo', {}, able, { requestState, inputResponses })).toMatchObject({
      error: { code: -32_602 },
    })
    expect(await call('ask', {}, able, { requestState, inputResponses })).toMatchObject({
      result: { resultType: 'complete' },
    })
  })

  test('is asked again for what was not answered', async () => {
    await using world = await makeWorld()
    const { call } = await rawClient(world)
    const { result } = await call('ask', { what: 'elicit' }, able)
    const again = await call('ask', {}, able, { requestState: result.requestState, inputResponses: {} })
    expect(again.result).toMatchObject({ resultType: 'input_required' })
    expect(again.result.requestState).not.toBe(result.requestState)
    expect(again.result.inputRequests).toEqual(result.inputRequests)
  })

  test('is nothing any more when the server has died: the call says so, and the next ones go on', async () => {
    await using world = await makeWorld()
    const { call } = await rawClient(world)
    const { result } = await call('ask', { what: 'elicit' }, able)
    const [key = ''] = Object.keys(result.inputRequests)
    expect((await call('die', {}, able)).error).toMatchObject({ data: { sent: 'maybe' } })
    const { requestState } = result
    const inputResponses = { [key]: { action: 'accept', content: {} } }
    expect((await call('ask', {}, able, { requestState, inputResponses })).error).toMatchObject({
      data: { sent: 'maybe' },
    })
    expect(await call('echo', { text: 'again' }, able)).toMatchObject({ result: { resultType: 'complete' } })
    expect(await call('ask', { what: 'elicit' }, able)).toMatchObject({
      result: { resultType: 'input_required' },
    })
  })

  test('of two calls each gets an answer, whichever was asked', async () => {
    await using world = await makeWorld()
    const { call, events } = await rawClient(world)
    const whole = async () => {
      let answer = await call('ask', { what: 'elicit' }, able)
      while (answer.result.resultType === 'input_required') {
        const { inputRequests, requestState } = answer.result
        const keys = Object.keys(inputRequests)
        const inputResponses = Object.fromEntries(keys.map((key) => [key, { action: 'cancel' }]))
        answer = await call('ask', { what: 'elicit' }, able, { requestState, inputResponses })
      }
      return answer
    }
    const ends = await Promise.all([whole(), whole()])
    expect(ends).toHaveLength(2)
    for (const { result } of ends) expect(textOf(result)).toContain('cancel')
    expect(events).toContainEqual({ event: 'error', message: expect.stringContaining('the oldest is asked') })
  })

  test('is refused where the client cannot answer it', async () => {
    await using world = await makeWorld()
    const { call } = await rawClient(world)
    expect(await call('echo', { text: 'first' }, {})).toMatchObject({ result: { resultType: 'complete' } })
    expect((await call('ask', { what: 'elicit' }, {})).result ?? {}).not.toMatchObject({
      resultType: 'input_required',
    })
  })
})

test('subscriptions of 2026-07-28 hear what sessions are told', async () => {
  await using world = await makeWorld()
  const { say, heard, ask, call } = await rawClient(world)
  const { result } = await ask('resources/list', modernMeta())
  const [{ uri }] = result.resources
  say({
    id: 'mine',
    method: 'subscriptions/listen',
    params: { ...modernMeta(), notifications: { resourceSubscriptions: [uri] } },
  })
  const mine = () =>
    heard.filter(({ params }) => params?._meta?.['io.modelcontextprotocol/subscriptionId'] === 'mine')
  await expect
    .poll(() => mine().map(({ method }) => method))
    .toEqual(['notifications/subscriptions/acknowledged'])
  await call('update', {}, {})
  await expect.poll(() => mine().at(-1)?.params?.uri).toBe(uri)
  say({ method: 'notifications/cancelled', params: { requestId: 'mine' } })
  const before = mine().length
  await call('update', {}, {})
  await call('echo', { text: 'then' }, {})
  expect(mine()).toHaveLength(before)
})

test('a call that is given up is given up at the server, also while its client is asked', async () => {
  await using world = await makeWorld()
  const { say, call } = await rawClient(world)
  const able = { elicitation: { form: {} } }
  say({ id: 'hanging', method: 'tools/call', params: { name: 'hang', arguments: {}, ...modernMeta(able) } })
  await call('echo', { text: 'x' }, able)
  say({ method: 'notifications/cancelled', params: { requestId: 'hanging' } })
  await expect.poll(async () => textOf((await call('told', {}, able)).result)).toMatch(/cancelled/)
})
