import { inputRequired, McpServer } from '@modelcontextprotocol/server'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { connect, type Handlers } from '../../src/client/index.js'
import { freePort } from '../support/free-port.js'
import { refusalOf } from '../support/refusal.js'
import { sessionServer } from '../support/session-server.js'
import { makeWorld, serveTest } from '../support/world.js'

const legacy = { versionNegotiation: { mode: 'legacy' } } as const

test('what a server asks as soon as the client is there is answered', async () => {
  await using world = await makeWorld()
  const asked: unknown[] = []
  await using served = await serveTest({ tls: world.tls, sessions: true }, () => {
    const server = new McpServer({ name: 'asks', version: '1.0.0' })
    server.server.oninitialized = () => {
      server.server.listRoots().then(
        (answer) => asked.push(answer),
        (error) => asked.push(error),
      )
    }
    return server
  })
  await using client = await connect({
    serverUrl: served.server.url,
    tls: world.tls,
    log: false,
    clientOptions: legacy,
    handlers: { 'roots/list': () => ({ roots: [{ uri: 'file:///here', name: 'here' }] }) },
  })
  expect(client.getProtocolEra()).toBe('legacy')
  await expect.poll(() => asked).toEqual([{ roots: [{ uri: 'file:///here', name: 'here' }] }])
})

test.each(['legacy', 'modern'] as const)('a question in a call is answered, %s', async (era) => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls, sessions: true }, () => {
    const server = new McpServer({ name: 'asks', version: '1.0.0' })
    const question = {
      message: 'Yes?',
      requestedSchema: { type: 'object', properties: { yes: { type: 'boolean' } } },
    } as const
    server.registerTool('ask', { inputSchema: z.object({}) }, async (_input, { mcpReq }) => {
      if (era === 'modern' && !mcpReq.inputResponses)
        return inputRequired({ inputRequests: { it: inputRequired.elicit(question) } })
      const answer = era === 'modern' ? mcpReq.inputResponses?.it : await mcpReq.elicitInput(question)
      return { content: [{ type: 'text', text: JSON.stringify(answer) }] }
    })
    return server
  })
  await using client = await connect({
    serverUrl: served.server.url,
    tls: world.tls,
    log: false,
    ...(era === 'legacy' && { clientOptions: legacy }),
    handlers: { 'elicitation/create': () => ({ action: 'accept', content: { yes: true } }) },
  })
  expect(client.getProtocolEra()).toBe(era)
  expect(await client.callTool({ name: 'ask', arguments: {} })).toMatchObject({
    content: [{ text: expect.stringContaining('"action":"accept"') }],
  })
})

test('handlers hold in a new session, and what they answer is declared again', async () => {
  await using world = await makeWorld()
  const port = await freePort()
  await using server = await sessionServer(world, port)
  const told: unknown[] = []
  await using client = await connect({
    serverUrl: `https://localhost:${port}/mcp`,
    tls: world.tls,
    log: false,
    handlers: {
      'roots/list': () => ({ roots: [] }),
      'sampling/createMessage': () => ({
        role: 'assistant',
        model: 'none',
        content: { type: 'text', text: 'words' },
      }),
      'notifications/message': ({ params }) => void told.push(params.data),
    },
    clientOptions: { capabilities: { roots: { listChanged: true } } },
  })
  server.forget()
  await client.ping()
  const { server: latest } = server.latest()
  expect(latest.getClientCapabilities()).toEqual({ roots: { listChanged: true }, sampling: {} })
  await expect
    .poll(async () => {
      await latest.sendLoggingMessage({ level: 'info', data: 'a note' })
      return told
    })
    .toContain('a note')
  expect(await latest.listRoots()).toEqual({ roots: [] })
})

test('handlers of methods that there are not, and what is no function, are refused', async () => {
  await using world = await makeWorld()
  const given = (handlers: object) =>
    refusalOf(
      connect({
        serverUrl: 'https://localhost:1/mcp',
        tls: world.tls,
        log: false,
        handlers: handlers as Handlers,
      }),
    )
  const unknown = await given({ 'elicitation/creat': () => ({}) })
  expect(unknown).toMatchObject({ code: 'CONFIG_INVALID' })
  expect(unknown.message).toContain('did you mean elicitation/create?')
  expect((await given({ 'notifications/progress': () => {} })).code).toBe('CONFIG_INVALID')
  expect((await given({ 'roots/list': 1 })).message).toContain('a function is wanted')
})
