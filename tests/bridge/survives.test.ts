import { X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { McpServer } from '@modelcontextprotocol/server'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { bridged } from '../support/bridged.js'
import { forgeCrl } from '../support/forge.js'
import { freePort } from '../support/free-port.js'
import { makeWorld, serveTest, testServer, type World } from '../support/world.js'

const serving = (world: World, tlsPort: number) => serveTest({ tls: world.tls, tlsPort, sessions: true })
const urlOf = (port: number) => `https://localhost:${port}/mcp`

test('a call in which the server is killed fails at once, and is not repeated; the next one is answered', async () => {
  await using world = await makeWorld()
  const port = await freePort()
  let begun = () => {}
  const hasBegun = new Promise<void>((resolve) => (begun = resolve))
  const hanging = (calls: string[]) => {
    const server = testServer(calls)
    server.registerTool('hang', { inputSchema: z.object({}) }, () => {
      calls.push('hang')
      begun()
      return new Promise<never>(() => {})
    })
    return server
  }
  const first = await serveTest({ tls: world.tls, tlsPort: port, sessions: true }, hanging)
  const client = bridged(urlOf(port), world.certDir)
  await client.open()
  const call = client.call('hang')
  await hasBegun
  await first[Symbol.asyncDispose]()
  expect(await call).toMatchObject({ error: { data: { sent: 'maybe' }, message: expect.any(String) } })

  await using second = await serveTest({ tls: world.tls, tlsPort: port, sessions: true }, hanging)
  expect(await client.call('echo', { text: 'again' })).toMatchObject({
    result: { content: [{ text: 'again' }] },
  })
  expect(second.calls).toEqual(['again'])
  await expect.poll(client.methods).toContain('notifications/tools/list_changed')
})

test('what a server does not run since it does not know the session is sent once more, on a new one', async () => {
  await using world = await makeWorld()
  const port = await freePort()
  const first = await serving(world, port)
  const client = bridged(urlOf(port), world.certDir)
  await client.open()
  expect(await client.call('count')).toMatchObject({ result: { content: [{ text: '1' }] } })
  await first[Symbol.asyncDispose]()

  await using second = await serving(world, port)
  const answers = await Promise.all([1, 2, 3, 4].map(() => client.call('count')))
  expect(answers.map(({ result }) => result?.content[0].text).sort()).toEqual(['1', '2', '3', '4'])
  expect(second.calls).toHaveLength(4)
  await expect.poll(client.methods).toContain('notifications/tools/list_changed')
})

test('without a server the first answer promises lists, and they give the reason until it is there', async () => {
  await using world = await makeWorld()
  const port = await freePort()
  const client = bridged(urlOf(port), world.certDir, 50, { retryAttempts: 0 })
  const listChanged = { listChanged: true }
  expect(await client.open()).toMatchObject({
    result: {
      protocolVersion: '2025-11-25',
      capabilities: { tools: listChanged, prompts: listChanged, resources: listChanged },
    },
  })
  for (const asked of [client.ask('tools/list'), client.call('count')])
    expect(await asked).toMatchObject({
      error: {
        message: expect.stringContaining(`CONNECTION_FAILED: nothing is listening on localhost:${port}`),
        data: { code: 'CONNECTION_FAILED', sent: 'no' },
      },
    })

  await using server = await serving(world, port)
  await expect
    .poll(client.methods, { timeout: 10_000 })
    .toEqual([
      'notifications/tools/list_changed',
      'notifications/prompts/list_changed',
      'notifications/resources/list_changed',
    ])
  expect(await client.ask('prompts/list')).toMatchObject({ result: { prompts: [] } })
  expect(await client.ask('resources/templates/list')).toMatchObject({ result: { resourceTemplates: [] } })
  expect(await client.call('count')).toMatchObject({ result: { content: [{ text: '1' }] } })
  expect(server.calls).toEqual(['count'])
})

test('with a revoked certificate every call says so', async () => {
  await using world = await makeWorld()
  await using server = await serving(world, 0)
  const client = bridged(server.server.url, world.certDir)
  await client.open()
  expect(await client.call('count')).toMatchObject({ result: {} })
  writeFileSync(
    join(world.certDir, 'ca.crl'),
    await forgeCrl({ issuer: world.ca, revoked: [new X509Certificate(world.client.cert).serialNumber] }),
  )
  await server.server.reload()
  for (const _ of [1, 2])
    expect(await client.call('count')).toMatchObject({
      error: { message: expect.stringContaining('CERT_REVOKED'), data: { code: 'CERT_REVOKED' } },
    })
  expect(server.calls).toEqual(['count'])
})

test('a session is ended with its client, also in a call', async () => {
  await using world = await makeWorld()
  let aborted = false
  let begun = () => {}
  const hasBegun = new Promise<void>((resolve) => (begun = resolve))
  await using server = await serveTest({ tls: world.tls, sessions: true }, () => {
    const made = new McpServer({ name: 'hanging', version: '1' })
    made.registerTool('hang', { inputSchema: z.object({}) }, (_input, { mcpReq: { signal } }) => {
      begun()
      signal.addEventListener('abort', () => (aborted = true))
      return new Promise<never>(() => {})
    })
    return made
  })
  const client = bridged(server.server.url, world.certDir)
  await client.open()
  void client.call('hang')
  await hasBegun
  await client.end()
  await expect.poll(() => aborted).toBe(true)
})

test('a cancelled call is cancelled at the server', async () => {
  await using world = await makeWorld()
  let aborted = false
  let begun = () => {}
  const hasBegun = new Promise<void>((resolve) => (begun = resolve))
  await using server = await serveTest({ tls: world.tls, sessions: true }, () => {
    const made = new McpServer({ name: 'hanging', version: '1' })
    made.registerTool('hang', { inputSchema: z.object({}) }, (_input, { mcpReq: { signal } }) => {
      begun()
      signal.addEventListener('abort', () => (aborted = true))
      return new Promise<never>(() => {})
    })
    return made
  })
  const client = bridged(server.server.url, world.certDir)
  await client.open()
  client.say({ id: 'mine', method: 'tools/call', params: { name: 'hang', arguments: {} } })
  await hasBegun
  client.say({ method: 'notifications/cancelled', params: { requestId: 'mine' } })
  await expect.poll(() => aborted).toBe(true)
})
