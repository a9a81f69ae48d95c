import { McpServer } from '@modelcontextprotocol/server'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { bridged } from '../../support/bridged.js'
import type { Message } from '../../support/compare/clients.js'
import { silentServer } from '../../support/foreign-server.js'
import { freePort } from '../../support/free-port.js'
import { type Answering, sayEvents, strangeServer } from '../../support/strange-server.js'
import { makeWorld, serveTest } from '../../support/world.js'

// One of two servers is out of order in each of these, and always the first. The other one is as it was.

/** Long enough for one that is well on a busy machine, and short for a test that waits for the other; milliseconds. */
const short = 1000

/** The bytes that a client of the SDK takes in one message. */
const longestMessage = 10 * 1024 * 1024

/**
 * A bridge to a server that does this, called `bad`, and to one that is well, called `good`. What does not come within so long is left
 * out; milliseconds.
 */
async function besideGood(answers: Readonly<Record<string, Answering>>, patience = 30_000) {
  const world = await makeWorld()
  const bad = await strangeServer(world, answers)
  const good = await serveTest({ tls: world.tls, sessions: true }, goodServer)
  onTestFinished(async () => {
    await Promise.all([good, bad, world].map((one) => one[Symbol.asyncDispose]()))
  })
  const client = bridged({ bad: bad.url, good: good.server.url }, world.certDir, 30_000, {}, { patience })
  await client.open({ elicitation: { form: {} } })
  return { client, bad, good }
}

function goodServer(calls: string[]): McpServer {
  const server = new McpServer(
    { name: 'good', version: '1.0.0' },
    { capabilities: { logging: {}, resources: { subscribe: true } } },
  )
  const text = (value: string) => ({ content: [{ type: 'text' as const, text: value }] })
  server.registerTool('work', { inputSchema: z.object({}) }, () => {
    calls.push('work')
    return text('good works')
  })
  server.registerTool('ask', { inputSchema: z.object({}) }, async (_input, { mcpReq }) => {
    const requestedSchema = { type: 'object' as const, properties: {} }
    const { action } = await mcpReq.elicitInput({ mode: 'form', message: 'good asks', requestedSchema })
    return text(action)
  })
  server.registerTool('log', { inputSchema: z.object({}) }, async (_input, { mcpReq }) => {
    await mcpReq.log('debug', 'good logs')
    return text('logged')
  })
  server.registerResource('own', 'good://own', {}, (uri) => ({
    contents: [{ uri: uri.href, text: 'good has it' }],
  }))
  return server
}

const toolsOf = ({ result }: Message): string[] => result?.tools.map(({ name }: { name: string }) => name)
const textOf = ({ result }: Message): string => result?.content?.[0]?.text ?? result?.contents?.[0]?.text
const never = (): undefined => undefined
const tool = (name: string, more: object = {}) => ({ name, inputSchema: { type: 'object' }, ...more })

test('it never ends its list: what there is too much of is left out, and told', async () => {
  let page = 0
  const lists = { 'tools/list': () => ({ tools: [tool(`tool-${++page}`)], nextCursor: String(page) }) }
  const { client } = await besideGood(lists)
  const answer = await client.ask('tools/list')
  expect(toolsOf(answer)).toHaveLength(100 + 3)
  expect(toolsOf(answer)).toContain('work')
  expect(answer.result).not.toHaveProperty('nextCursor')
  expect(client.events).toContainEqual({
    event: 'error',
    message: expect.stringContaining('bad: tools/list has more than is taken'),
  })
})

test('it stalls in the midst of its list: what came is there', async () => {
  const list: Answering = (params) =>
    params?.cursor === undefined ? { tools: [tool('first')], nextCursor: 'more' } : undefined
  const { client } = await besideGood({ 'tools/list': list }, short)
  expect(toolsOf(await client.ask('tools/list'))).toEqual(['first', 'work', 'ask', 'log'])
})

test('it stalls in its list: that of the other comes without it, and calls of the other at once', async () => {
  const { client } = await besideGood({ 'tools/list': never, 'resources/list': never }, short)
  expect(toolsOf(await client.ask('tools/list'))).toEqual(['work', 'ask', 'log'])
  expect(client.events).toContainEqual({
    event: 'error',
    message: expect.stringMatching(/^bad is left out of tools\/list: CONNECTION_TIMEOUT: no answer/),
  })
  expect(textOf(await client.call('work'))).toBe('good works')
})

test('it stalls when it is asked for what nobody lists: the other is asked all the same', async () => {
  const { client } = await besideGood({ 'resources/list': never, 'resources/read': never }, short)
  expect(textOf(await client.ask('resources/read', { uri: 'good://own' }))).toBe('good has it')
  expect(await client.ask('resources/read', { uri: 'nobody://has-it' })).toMatchObject({
    error: { message: expect.stringContaining('nobody://has-it') },
  })
})

test('it stalls when it is told the level of its log: that of the other is set', async () => {
  const { client } = await besideGood({ 'logging/setLevel': never }, short)
  expect(await client.ask('logging/setLevel', { level: 'debug' })).toMatchObject({ result: {} })
  await client.call('log')
  expect(client.heard).toContainEqual(
    expect.objectContaining({ params: expect.objectContaining({ data: 'good logs', logger: 'good' }) }),
  )
})

test('it has one tool 10,000 times, and 10,000 that differ in what no client takes', async () => {
  const same = Array.from({ length: 5000 }, () => tool('same'))
  const odd = Array.from({ length: 5000 }, (_, at) => tool(String.fromCodePoint(0x4e00 + at)))
  const { client } = await besideGood({ 'tools/list': () => ({ tools: [...same, ...odd] }) })
  const names = toolsOf(await client.ask('tools/list'))
  expect(names.filter((name) => name === 'same')).toHaveLength(1)
  expect(new Set(names).size).toBe(names.length)
  expect(names.filter((name) => !/^[A-Za-z0-9_-]{1,64}$/.test(name))).toEqual([])
  expect(textOf(await client.call('work'))).toBe('good works')
})

test('its descriptions are huge: the list is one that clients can read, with all of the other', async () => {
  const description = 'x'.repeat(400 * 1024)
  const { client } = await besideGood({
    'tools/list': () => ({
      tools: Array.from({ length: 24 }, (_, at) => tool(`big-${at}`, { description })),
    }),
  })
  const answer = await client.ask('tools/list')
  expect(JSON.stringify(answer).length).toBeLessThan(longestMessage)
  expect(toolsOf(answer)).toEqual(expect.arrayContaining(['big-0', 'big-1', 'work', 'ask', 'log']))
  expect(client.events).toContainEqual({
    event: 'error',
    message: expect.stringContaining('bad: tools/list has more than is taken'),
  })
})

test('it has instructions that fill a message: they are cut', async () => {
  const world = await makeWorld()
  const bad = await strangeServer(world, {
    initialize: () => ({
      protocolVersion: '2025-11-25',
      capabilities: { tools: {} },
      serverInfo: { name: 'x', version: '1' },
      instructions: 'y'.repeat(longestMessage / 2),
    }),
  })
  const good = await serveTest({ tls: world.tls, sessions: true }, goodServer)
  onTestFinished(async () => {
    await Promise.all([good, bad, world].map((one) => one[Symbol.asyncDispose]()))
  })
  const client = bridged({ bad: bad.url, good: good.server.url }, world.certDir)
  const { result } = await client.open()
  expect(result?.instructions.length).toBeLessThan(100_000)
  expect(result?.instructions).toMatch(/^## bad\n\ny+…$/)
})

test('it asks a thousand questions: that of the other is heard', async () => {
  const question = (id: number) => ({
    id,
    method: 'elicitation/create',
    params: { mode: 'form', message: 'bad asks', requestedSchema: { type: 'object', properties: {} } },
  })
  const { client } = await besideGood({
    'tools/list': () => ({ tools: [tool('flood')] }),
    'tools/call': (_params, response) =>
      sayEvents(
        response,
        Array.from({ length: 1500 }, (_, at) => question(at)),
      ),
  })
  await client.ask('tools/list')
  client.say({ id: 'flood', method: 'tools/call', params: { name: 'flood', arguments: {} } })
  const questions = (of: string) => client.heard.filter(({ params }) => params?.message === `${of} asks`)
  await expect.poll(() => questions('bad').length).toBeGreaterThan(100)
  const asking = client.call('ask')
  await expect.poll(() => questions('good')).toHaveLength(1)
  client.say({ id: questions('good')[0]?.id, result: { action: 'decline' } })
  expect(textOf(await asking)).toBe('decline')
})

test('it is killed in a call: that has an error which names it, and the other goes on', async () => {
  let hasBegun = () => {}
  const begun = new Promise<void>((resolve) => (hasBegun = resolve))
  const { client, bad } = await besideGood({
    'tools/list': () => ({ tools: [tool('hang')] }),
    'tools/call': () => void hasBegun(),
  })
  await client.ask('tools/list')
  const hanging = client.call('hang')
  await begun
  await bad[Symbol.asyncDispose]()
  expect(await hanging).toMatchObject({
    error: { message: expect.stringMatching(/^bad: /), data: { sent: 'maybe' } },
  })
  expect(textOf(await client.call('work'))).toBe('good works')
  expect(await client.call('hang')).toMatchObject({
    error: {
      message: expect.stringMatching(/^bad: CONNECTION_FAILED: nothing is listening/),
      data: { sent: 'no' },
    },
  })
})

test('it gives out the task of the other as its own: it is not believed', async () => {
  const task = (of: string) => ({ task: { taskId: 'one', status: 'working', statusMessage: of } })
  const world = await makeWorld()
  const servers = await Promise.all(
    ['bad', 'good'].map((name) =>
      strangeServer(world, {
        'tools/list': () => ({ tools: [tool(name)] }),
        'tools/call': () => task(name),
        'tasks/get': () => ({ taskId: 'one', status: 'completed', statusMessage: name }),
      }),
    ),
  )
  onTestFinished(async () => {
    await Promise.all([...servers, world].map((one) => one[Symbol.asyncDispose]()))
  })
  const [bad, good] = servers.map(({ url }) => url)
  const client = bridged({ bad: bad ?? '', good: good ?? '' }, world.certDir)
  await client.open()
  expect((await client.call('good')).result).toEqual(task('good'))
  expect(await client.ask('tasks/get', { taskId: 'one' })).toMatchObject({
    result: { statusMessage: 'good' },
  })
  expect(await client.call('bad')).toMatchObject({ error: { message: expect.stringContaining('bad') } })
  expect(await client.ask('tasks/get', { taskId: 'one' })).toMatchObject({
    result: { statusMessage: 'good' },
  })
})

test('it does not take initialize: that is told, and the client has the other', async () => {
  const { client } = await besideGood({
    initialize: () => ({ error: { code: -32_602, message: 'not you' } }),
  })
  expect(toolsOf(await client.ask('tools/list'))).toEqual(['work', 'ask', 'log'])
  expect(client.events).toContainEqual({ event: 'error', message: expect.stringMatching(/^bad.*not you/) })
})

test('the level of the log holds for one that comes later', async () => {
  await using world = await makeWorld()
  const levels: string[] = []
  const port = await freePort()
  await using good = await serveTest({ tls: world.tls, sessions: true }, goodServer)
  const urls = { late: `https://localhost:${port}/mcp`, good: good.server.url }
  const client = bridged(urls, world.certDir, 50, {}, { patience: 3000 })
  await client.open()
  expect(await client.ask('logging/setLevel', { level: 'error' })).toMatchObject({ result: {} })
  const setLevel: Answering = ({ level }) => {
    levels.push(level)
    return {}
  }
  await using _late = await strangeServer(world, { 'logging/setLevel': setLevel }, port)
  await expect.poll(() => levels, { timeout: 15_000 }).toEqual(['error'])
})

test('what is watched is heard of its own server, though the first one lists it now', async () => {
  let isListed = false
  const resource = { uri: 'x://both', name: 'both' }
  const calls: string[] = []
  const lists = (name: string): Record<string, Answering> => ({
    'resources/list': () => ({ resources: name === 'late' || isListed ? [resource] : [] }),
    'resources/templates/list': () => ({ resourceTemplates: [] }),
    'resources/subscribe': () => ({ count: calls.push(`${name} subscribe`) }),
    'resources/unsubscribe': () => ({ count: calls.push(`${name} unsubscribe`) }),
    'tools/list': () => ({ tools: [tool(`tell_${name}`)] }),
    'tools/call': (_params, response) =>
      sayEvents(response, [
        { method: 'notifications/resources/updated', params: { uri: 'x://both', title: name } },
      ]),
  })
  await using world = await makeWorld()
  await using early = await strangeServer(world, lists('early'))
  await using late = await strangeServer(world, lists('late'))
  const client = bridged({ early: early.url, late: late.url }, world.certDir)
  await client.open()
  await client.ask('tools/list')
  await client.ask('resources/subscribe', { uri: 'x://both' })
  isListed = true
  await client.ask('resources/list')
  client.say({ id: 'a', method: 'tools/call', params: { name: 'tell_early', arguments: {} } })
  client.say({ id: 'b', method: 'tools/call', params: { name: 'tell_late', arguments: {} } })
  const updates = () =>
    client.heard.flatMap(({ method, params }) =>
      method === 'notifications/resources/updated' ? [params.title] : [],
    )
  await expect.poll(updates).toEqual(['late'])
  await client.ask('resources/unsubscribe', { uri: 'x://both' })
  expect(calls).toEqual(['late subscribe', 'late unsubscribe'])
})

test('of 2026-07-28: one that says nothing does not keep the others from being found', async () => {
  await using world = await makeWorld()
  await using good = await serveTest({ tls: world.tls }, goodServer)
  await using bad = await silentServer()
  const client = bridged({ bad: bad.url, good: good.server.url }, world.certDir, 50, {}, { patience: short })
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 'a-client', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  }
  const { result } = await client.ask('server/discover', { _meta })
  expect(result).toMatchObject({
    supportedVersions: expect.arrayContaining(['2026-07-28']),
    capabilities: { tools: { listChanged: true }, prompts: { listChanged: true } },
  })
  expect(toolsOf(await client.ask('tools/list', { _meta }))).toEqual(['work', 'ask', 'log'])
})

test('of several tasks that run, each tells of its own alone', async () => {
  await using world = await makeWorld()
  const servers = await Promise.all(
    ['bad', 'good'].map((name) =>
      strangeServer(world, {
        'tools/list': () => ({ tools: [tool(name), tool(`${name}_tells`)] }),
        'tools/call': (params, response) =>
          params.name === name
            ? { task: { taskId: `task-of-${name}`, status: 'working' } }
            : sayEvents(response, [
                {
                  method: 'notifications/tasks/status',
                  params: { taskId: 'task-of-good', statusMessage: name },
                },
              ]),
      }),
    ),
  )
  onTestFinished(async () => {
    for (const one of servers) await one[Symbol.asyncDispose]()
  })
  const [bad, good] = servers.map(({ url }) => url)
  const client = bridged({ bad: bad ?? '', good: good ?? '' }, world.certDir)
  await client.open()
  await client.call('good')
  for (const name of ['bad_tells', 'good_tells'])
    client.say({ id: name, method: 'tools/call', params: { name, arguments: {} } })
  const told = () =>
    client.heard.flatMap(({ method, params }) =>
      method === 'notifications/tasks/status' ? [params.statusMessage] : [],
    )
  await expect.poll(told).toEqual(['good'])
})

test('templates that are the same are one, of the first server that has it', async () => {
  await using world = await makeWorld()
  const lists = (name: string): Record<string, Answering> => ({
    'resources/list': () => ({ resources: [] }),
    'resources/templates/list': () => ({ resourceTemplates: [{ uriTemplate: 'x://{any}', name }] }),
    'resources/read': ({ uri }) => ({ contents: [{ uri, text: name }] }),
    'completion/complete': () => ({ completion: { values: [name] } }),
  })
  await using one = await strangeServer(world, lists('one'))
  await using other = await strangeServer(world, lists('other'))
  const client = bridged({ one: one.url, other: other.url }, world.certDir)
  await client.open()
  const { result } = await client.ask('resources/templates/list')
  expect(result?.resourceTemplates).toEqual([{ uriTemplate: 'x://{any}', name: 'one' }])
  expect(textOf(await client.ask('resources/read', { uri: 'x://y' }))).toBe('one')
  const ref = { type: 'ref/resource', uri: 'x://{any}' }
  const completed = await client.ask('completion/complete', { ref, argument: { name: 'any', value: '' } })
  expect(completed.result?.completion.values).toEqual(['one'])
})
