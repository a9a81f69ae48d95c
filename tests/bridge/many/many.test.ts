import { createServer } from 'node:net'
import { McpServer, ResourceTemplate } from '@modelcontextprotocol/server'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { bridged } from '../../support/bridged.js'
import type { Message } from '../../support/compare/clients.js'
import { freePort } from '../../support/free-port.js'
import { makeWorld, type Served, serveTest, type World } from '../../support/world.js'

/** A server whose every part says which it is. */
function serverOf(name: string, calls: string[]): McpServer {
  const server = new McpServer(
    { name, version: '1.0.0' },
    { instructions: `Ask ${name}.`, capabilities: { logging: {}, resources: { subscribe: true } } },
  )
  const text = (value: string) => ({ content: [{ type: 'text' as const, text: `${name}: ${value}` }] })
  server.registerTool('same', { inputSchema: z.object({}) }, () => {
    calls.push('same')
    return text('same')
  })
  server.registerTool(`only_${name}`, { inputSchema: z.object({}) }, () => text('only'))
  server.registerTool('ask', { inputSchema: z.object({}) }, async (_input, context) => {
    const { action } = await context.mcpReq.elicitInput({
      mode: 'form',
      message: `${name} asks`,
      requestedSchema: { type: 'object', properties: {} },
    })
    return text(action)
  })
  server.registerTool('work', { inputSchema: z.object({}) }, async (_input, { mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken ?? 0
    await mcpReq.notify({
      method: 'notifications/progress',
      params: { progressToken, progress: 1, message: name },
    })
    await mcpReq.log('warning', `${name} works`)
    return text('done')
  })
  server.registerPrompt('greet', { argsSchema: z.object({ who: z.string() }) }, ({ who }) => ({
    messages: [{ role: 'user', content: { type: 'text', text: `${name} greets ${who}` } }],
  }))
  const contents = (uri: URL) => ({ contents: [{ uri: uri.href, text: `${name} has ${uri.href}` }] })
  server.registerResource('both', 'x://both', {}, contents)
  server.registerResource('own', `x://${name}`, {}, contents)
  server.registerResource('any', new ResourceTemplate(`${name}://{path}`, { list: undefined }), {}, contents)
  return server
}

const serving = (world: World, name: string, tlsPort = 0): Promise<Served> =>
  serveTest({ tls: world.tls, tlsPort, sessions: true }, (calls) => serverOf(name, calls))

const firstText = ({ result }: Message): string => result?.content?.[0]?.text ?? result?.contents?.[0]?.text

async function twoServers() {
  const world = await makeWorld()
  const [alpha, beta] = await Promise.all([serving(world, 'alpha'), serving(world, 'beta')])
  onTestFinished(async () => {
    await Promise.all([alpha, beta].map((one) => one[Symbol.asyncDispose]()))
    await world[Symbol.asyncDispose]()
  })
  return { world, alpha, beta, urls: { alpha: alpha.server.url, beta: beta.server.url } }
}

test('are one server, with what each of them has', async () => {
  const { world, urls } = await twoServers()
  const client = bridged(urls, world.certDir)
  const { result } = await client.open()
  expect(result).toMatchObject({
    protocolVersion: '2025-11-25',
    instructions: '## alpha\n\nAsk alpha.\n\n## beta\n\nAsk beta.',
    serverInfo: { name: 'mcp-mtls-bridge' },
    capabilities: { tools: { listChanged: true }, logging: {}, resources: { subscribe: true }, prompts: {} },
  })
  const { result: tools } = await client.ask('tools/list')
  const names = tools?.tools.map(({ name }: { name: string }) => name)
  expect(names).toEqual([
    ...['alpha_same', 'only_alpha', 'alpha_ask', 'alpha_work'],
    ...['beta_same', 'only_beta', 'beta_ask', 'beta_work'],
  ])
  expect(firstText(await client.call('beta_same'))).toBe('beta: same')
  expect(firstText(await client.call('only_alpha'))).toBe('alpha: only')
  expect(await client.call('same')).toMatchObject({
    error: { code: -32_602, message: expect.stringContaining('has the tool same') },
  })
  const { result: prompts } = await client.ask('prompts/list')
  expect(prompts?.prompts.map(({ name }: { name: string }) => name)).toEqual(['alpha_greet', 'beta_greet'])
  const greeting = await client.ask('prompts/get', { name: 'beta_greet', arguments: { who: 'you' } })
  expect(greeting.result?.messages[0].content.text).toBe('beta greets you')
})

test('resources keep their URIs, and are read where they are', async () => {
  const { world, urls } = await twoServers()
  const client = bridged(urls, world.certDir)
  await client.open()
  const read = async (uri: string) => firstText(await client.ask('resources/read', { uri }))
  expect(await read('beta://not-listed-yet')).toBe('beta has beta://not-listed-yet')
  const { result } = await client.ask('resources/list')
  expect(result?.resources.map(({ uri }: { uri: string }) => uri)).toEqual([
    'x://both',
    'x://alpha',
    'x://beta',
  ])
  expect(await read('x://both')).toBe('alpha has x://both')
  expect(await read('x://beta')).toBe('beta has x://beta')
  expect(await client.ask('resources/read', { uri: 'z://nobody' })).toMatchObject({ error: {} })
})

test('questions, progress and logs of each of them come to the client', async () => {
  const { world, urls } = await twoServers()
  const client = bridged(urls, world.certDir)
  await client.open({ elicitation: { form: {} } })
  await client.ask('tools/list')
  const asking = client.call('beta_ask')
  await expect.poll(() => client.heard.find(({ method }) => method === 'elicitation/create')).toBeDefined()
  const question = client.heard.find(({ method }) => method === 'elicitation/create')
  expect(question).toMatchObject({ params: { message: 'beta asks' } })
  client.say({ id: question?.id, result: { action: 'decline' } })
  expect(firstText(await asking)).toBe('beta: decline')

  expect(await client.ask('logging/setLevel', { level: 'debug' })).toMatchObject({ result: {} })
  await client.ask('tools/call', { name: 'alpha_work', arguments: {}, _meta: { progressToken: 'mine' } })
  expect(client.heard).toContainEqual(
    expect.objectContaining({
      method: 'notifications/progress',
      params: { progressToken: 'mine', progress: 1, message: 'alpha' },
    }),
  )
  expect(client.heard).toContainEqual(
    expect.objectContaining({
      method: 'notifications/message',
      params: expect.objectContaining({ data: 'alpha works', logger: 'alpha' }),
    }),
  )
})

test('one that is dead takes nothing from the other, and is there again when it is', async () => {
  await using world = await makeWorld()
  await using alpha = await serving(world, 'alpha')
  const port = await freePort()
  const client = bridged(
    { alpha: alpha.server.url, beta: `https://localhost:${port}/mcp` },
    world.certDir,
    50,
  )
  await client.open()
  const listed = async () => {
    const { result } = await client.ask('tools/list')
    return result?.tools.map(({ name }: { name: string }) => name)
  }
  expect(await listed()).toEqual(['same', 'only_alpha', 'ask', 'work'])
  expect(client.events).toContainEqual({
    event: 'error',
    message: expect.stringMatching(
      /^beta is left out of tools\/list: CONNECTION_FAILED: nothing is listening on localhost/,
    ),
  })
  expect(firstText(await client.call('same'))).toBe('alpha: same')
  expect(firstText(await client.ask('resources/read', { uri: 'x://both' }))).toBe('alpha has x://both')
  const before = client.methods().length

  await using beta = await serving(world, 'beta', port)
  await expect
    .poll(() => client.methods().slice(before), { timeout: 15_000 })
    .toContain('notifications/tools/list_changed')
  expect(await listed()).toContain('beta_same')
  // The name that the client has still means what it meant.
  expect(firstText(await client.call('same'))).toBe('alpha: same')
  expect(firstText(await client.call('beta_same'))).toBe('beta: same')
  expect(beta.calls).toEqual(['same'])
})

test('with all of them dead the reasons are told', async () => {
  await using world = await makeWorld()
  const [one, other] = await Promise.all([freePort(), freePort()])
  const urls = { one: `https://localhost:${one}/mcp`, other: `https://localhost:${other}/mcp` }
  const client = bridged(urls, world.certDir, 50)
  await client.open()
  const { error } = await client.ask('tools/list')
  expect(error?.message).toContain(`nothing is listening on localhost:${one}`)
  expect(error?.message).toContain(`nothing is listening on localhost:${other}`)
})

test('a server that takes connections and says nothing does not keep the others from answering', async () => {
  await using world = await makeWorld()
  await using alpha = await serving(world, 'alpha')
  const silent = createServer(() => {})
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  const sockets = new Set<{ destroy(): void }>()
  silent.on('connection', (socket) => void sockets.add(socket))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    silent.close()
  })
  const { port } = silent.address() as { port: number }
  const urls = { silent: `https://127.0.0.1:${port}/mcp`, alpha: alpha.server.url }
  const client = bridged(urls, world.certDir, 50, { timeoutMs: 1000 })
  await client.open()
  expect(firstText(await client.call('only_alpha'))).toBe('alpha: only')
})

test('a call that is given up is given up at its server', async () => {
  await using world = await makeWorld()
  let isCancelled = () => {}
  const cancelled = new Promise<void>((resolve) => (isCancelled = resolve))
  let hasBegun = () => {}
  const begun = new Promise<void>((resolve) => (hasBegun = resolve))
  await using alpha = await serveTest({ tls: world.tls, sessions: true }, (calls) => {
    const server = serverOf('alpha', calls)
    server.registerTool('hang', { inputSchema: z.object({}) }, (_input, { mcpReq }) => {
      mcpReq.signal.addEventListener('abort', isCancelled)
      hasBegun()
      return new Promise<never>(() => {})
    })
    return server
  })
  await using beta = await serving(world, 'beta')
  const client = bridged({ alpha: alpha.server.url, beta: beta.server.url }, world.certDir)
  await client.open()
  client.say({ id: 'gone', method: 'tools/call', params: { name: 'hang', arguments: {} } })
  await begun
  client.say({ method: 'notifications/cancelled', params: { requestId: 'gone' } })
  await cancelled
  expect(firstText(await client.call('only_beta'))).toBe('beta: only')
})

test('methods that belong to no one server are refused', async () => {
  const { world, urls } = await twoServers()
  const client = bridged(urls, world.certDir)
  await client.open()
  expect(await client.ask('x/unknown')).toMatchObject({ error: { code: -32_601 } })
  expect(await client.ask('tasks/get', { taskId: '7' })).toMatchObject({ error: { code: -32_602 } })
  expect(await client.ask('ping')).toMatchObject({ result: {} })
})

const modern = {
  _meta: {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 'a-client', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  },
}

const modernServer = (world: World, name: string, tlsPort = 0) =>
  serveTest({ tls: world.tls, tlsPort }, (calls) => serverOf(name, calls))

test('a client of 2026-07-28 sees them as one', async () => {
  await using world = await makeWorld()
  await using alpha = await modernServer(world, 'alpha')
  await using beta = await modernServer(world, 'beta')
  const client = bridged({ alpha: alpha.server.url, beta: beta.server.url }, world.certDir)
  const { result } = await client.ask('server/discover', modern)
  expect(result).toMatchObject({
    supportedVersions: expect.arrayContaining(['2026-07-28']),
    instructions: '## alpha\n\nAsk alpha.\n\n## beta\n\nAsk beta.',
    resultType: 'complete',
  })
  const { result: tools } = await client.ask('tools/list', modern)
  expect(tools).toMatchObject({ resultType: 'complete' })
  expect(tools?.tools.map(({ name }: { name: string }) => name)).toContain('beta_same')
  const called = await client.ask('tools/call', { name: 'beta_same', arguments: {}, ...modern })
  expect(firstText(called)).toBe('beta: same')
})

test('one subscription of 2026-07-28 is one at each server, and taken up again at one that was away', async () => {
  await using world = await makeWorld()
  await using alpha = await modernServer(world, 'alpha')
  const port = await freePort()
  const first = await modernServer(world, 'beta', port)
  const client = bridged({ alpha: alpha.server.url, beta: first.server.url }, world.certDir)
  await client.ask('resources/list', modern)
  const notifications = { toolsListChanged: true, resourceSubscriptions: ['x://alpha', 'x://beta'] }
  client.say({ id: 'mine', method: 'subscriptions/listen', params: { ...modern, notifications } })
  const heard = () =>
    client.heard.flatMap(({ method, params }) =>
      params?._meta?.['io.modelcontextprotocol/subscriptionId'] === 'mine' ? [params.uri ?? method] : [],
    )
  await expect.poll(heard).toEqual(['notifications/subscriptions/acknowledged'])
  expect(client.heard.at(-1)?.params?.notifications).toEqual(notifications)
  alpha.server.notify.toolsChanged()
  alpha.server.notify.resourceUpdated('x://beta') // is not its own
  first.server.notify.resourceUpdated('x://beta')
  await expect.poll(() => heard().slice(1).sort()).toEqual(['notifications/tools/list_changed', 'x://beta'])

  const before = heard().length
  await first[Symbol.asyncDispose]()
  await using second = await modernServer(world, 'beta', port)
  await expect
    .poll(() => heard().slice(before), { timeout: 15_000 })
    .toContain('notifications/tools/list_changed')
  second.server.notify.resourceUpdated('x://beta')
  await expect.poll(() => heard().at(-1)).toBe('x://beta')

  client.say({ method: 'notifications/cancelled', params: { requestId: 'mine' } })
  const left = heard().length
  alpha.server.notify.toolsChanged()
  await client.ask('tools/call', { name: 'only_alpha', arguments: {}, ...modern })
  expect(heard()).toHaveLength(left)
})
