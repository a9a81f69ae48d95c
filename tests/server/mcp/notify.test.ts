import type { Client } from '@modelcontextprotocol/client'
import { McpServer } from '@modelcontextprotocol/server'
import { expect, test } from 'vitest'
import { openRawSession, openStream } from '../../support/raw-session.js'
import { sdkClient } from '../../support/sdk-client.js'
import { makeWorld, serveTest } from '../../support/world.js'

/** Advertises every kind of change. */
function changing() {
  const server = new McpServer({ name: 'changing', version: '1.0.0' })
  server.registerTool('tool', {}, () => ({ content: [] }))
  server.registerPrompt('prompt', {}, () => ({ messages: [] }))
  server.registerResource('one', 'file:///one', {}, (uri) => ({ contents: [{ uri: uri.href, text: '1' }] }))
  server.server.registerCapabilities({ resources: { subscribe: true } })
  server.server.setRequestHandler('resources/subscribe', () => ({}))
  server.server.setRequestHandler('resources/unsubscribe', () => ({}))
  return server
}

const kinds = ['tools', 'prompts', 'resources'] as const

function listening(told: string[]) {
  return (client: Client) => {
    for (const kind of kinds)
      client.setNotificationHandler(`notifications/${kind}/list_changed`, () => void told.push(kind))
    client.setNotificationHandler(
      'notifications/resources/updated',
      ({ params }) => void told.push(params.uri),
    )
  }
}

test('notify reaches sessions, each with what it wants to know', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls, sessions: true }, changing)
  const { notify, url } = served.server
  const told: string[] = []
  await using opened = await sdkClient(url, world.certDir, { prepare: listening(told) })
  await opened.client.subscribeResource({ uri: 'file:///one' })
  await expect
    .poll(() => {
      if (told.length === 0) notify.toolsChanged() // until its stream is open
      return told
    })
    .toContain('tools')
  told.length = 0
  notify.promptsChanged()
  notify.resourcesChanged()
  notify.resourceUpdated('file:///other')
  notify.resourceUpdated('file:///one')
  await expect
    .poll(() => told.filter((one) => one !== 'tools'))
    .toEqual(['prompts', 'resources', 'file:///one'])
  await opened.client.unsubscribeResource({ uri: 'file:///one' })
  notify.resourceUpdated('file:///one')
  notify.promptsChanged()
  await expect.poll(() => told.at(-1)).toBe('prompts')
  expect(told.filter((one) => one === 'file:///one')).toHaveLength(1)
})

test('a session is not told of what its server does not announce', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls, sessions: true }, () => {
    const server = new McpServer({ name: 'still', version: '1.0.0' })
    server.registerTool('tool', {}, () => ({ content: [] }))
    return server
  })
  const session = await openRawSession(served.server.url, world.certDir)
  const stream = await session.listen()
  served.server.notify.promptsChanged()
  served.server.notify.resourceUpdated('file:///one')
  served.server.notify.toolsChanged()
  await expect
    .poll(() => stream.events.map(({ message }) => message.method))
    .toEqual(['notifications/tools/list_changed'])
})

test.each([false, true])(
  'notify reaches those that listen in revision 2026-07-28, sessions %s',
  async (sessions) => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls, sessions }, changing)
    const { notify, url } = served.server
    const told: string[] = []
    await using opened = await sdkClient(url, world.certDir, {
      versionNegotiation: { mode: 'auto' },
      prepare: listening(told),
    })
    const subscription = await opened.client.listen({
      toolsListChanged: true,
      resourceSubscriptions: ['file:///one'],
    })
    notify.promptsChanged()
    notify.resourceUpdated('file:///other')
    notify.resourceUpdated('file:///one')
    notify.toolsChanged()
    await expect.poll(() => told).toEqual(['file:///one', 'tools'])
    await subscription.close()
  },
)

test('a stop ends those that listen at once, and politely', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls }, changing)
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 'sub',
    method: 'subscriptions/listen',
    params: {
      notifications: { toolsListChanged: true },
      _meta: {
        'io.modelcontextprotocol/protocolVersion': '2026-07-28',
        'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1.0.0' },
        'io.modelcontextprotocol/clientCapabilities': {},
      },
    },
  })
  const stream = await openStream(
    served.server.url,
    world.certDir,
    { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'subscriptions/listen' },
    body,
  )
  await expect.poll(() => stream.events.length).toBe(1)
  await served.server.close()
  await stream.closed
  expect(stream.events.at(-1)?.message).toMatchObject({ id: 'sub', result: { resultType: 'complete' } })
})

test('without a session nothing is announced that cannot be kept', async () => {
  await using world = await makeWorld()
  const capabilities = async (sessions: boolean) => {
    await using served = await serveTest({ tls: world.tls, sessions }, changing)
    await using opened = await sdkClient(served.server.url, world.certDir)
    return opened.client.getServerCapabilities()
  }
  expect(await capabilities(false)).toEqual({ tools: {}, prompts: {}, resources: {} })
  expect(await capabilities(true)).toMatchObject({
    tools: { listChanged: true },
    prompts: { listChanged: true },
    resources: { listChanged: true, subscribe: true },
  })
  await using served = await serveTest({ tls: world.tls }, changing)
  await using newest = await sdkClient(served.server.url, world.certDir, {
    versionNegotiation: { mode: 'auto' },
  })
  expect(newest.client.getServerCapabilities()).toMatchObject({ tools: { listChanged: true } })
})
