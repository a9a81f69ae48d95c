import { expect, test } from 'vitest'
import { connect } from '../../src/client/index.js'
import { foreignServer } from '../support/foreign-server.js'
import { freePort } from '../support/free-port.js'
import { makeWorld, serveTest, type World } from '../support/world.js'

const reconnection = { initialReconnectionDelay: 20, maxReconnectionDelay: 40, maxRetries: 3 }
const subscriptionId = 'io.modelcontextprotocol/subscriptionId'

/** Acknowledges each subscription, and ends it when told. */
async function listeningServer({ server: certificate }: World, lasts = true) {
  const ends: (() => void)[] = []
  let isUp = true
  const foreign = await foreignServer(certificate, (_request, response, body) => {
    const { id, method, params } = JSON.parse(body)
    if (id === undefined) return void response.writeHead(202).end()
    if (method === 'subscriptions/listen') {
      if (!isUp) return void response.writeHead(503).end()
      const acknowledged = {
        jsonrpc: '2.0',
        method: 'notifications/subscriptions/acknowledged',
        params: { _meta: { [subscriptionId]: id }, notifications: params.notifications },
      }
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(`event: message\ndata: ${JSON.stringify(acknowledged)}\n\n`)
      ends.push(() => void response.end())
      if (!lasts) response.end()
      return
    }
    const result = {
      resultType: 'complete',
      supportedVersions: ['2026-07-28'],
      capabilities: { tools: { listChanged: true }, resources: { subscribe: true } },
      serverInfo: { name: 'listening', version: '1.0.0' },
    }
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ jsonrpc: '2.0', id, result }))
  })
  return {
    ...foreign,
    ends,
    down: () => {
      isUp = false
    },
    [Symbol.asyncDispose]: () => foreign[Symbol.asyncDispose](),
  }
}

test('a subscription of 2026-07-28 that the server ends is opened again, and what was missed is told', async () => {
  await using world = await makeWorld()
  await using server = await listeningServer(world)
  const told: string[] = []
  await using client = await connect({
    serverUrl: server.url,
    tls: world.tls,
    log: false,
    reconnection,
    handlers: {
      'notifications/tools/list_changed': () => void told.push('tools'),
      'notifications/resources/updated': ({ params }) => void told.push(params.uri),
    },
  })
  const subscription = await client.listen({ toolsListChanged: true, resourceSubscriptions: ['test://one'] })
  server.ends[0]?.()
  await expect.poll(() => server.ends).toHaveLength(2)
  await expect.poll(() => told).toEqual(['tools', 'test://one'])
  await subscription.close()
  expect(await subscription.closed).toBe('local')
  server.ends[1]?.()
  await client.ping().catch(() => {})
  expect(server.ends).toHaveLength(2)
})

test('one that cannot be opened again, or does not last, is given up after so many tries', async () => {
  await using world = await makeWorld()
  const options = { tls: world.tls, log: false, reconnection } as const
  await using gone = await listeningServer(world)
  await using client = await connect({ serverUrl: gone.url, ...options })
  const subscription = await client.listen({ toolsListChanged: true })
  gone.down()
  gone.ends[0]?.()
  expect(await subscription.closed).toBe('remote')

  await using lying = await listeningServer(world, false)
  await using other = await connect({ serverUrl: lying.url, ...options })
  const short = await other.listen({ toolsListChanged: true })
  expect(await short.closed).toBe('remote')
  expect(lying.ends.length).toBe(1 + reconnection.maxRetries)
})

test('a client that is closed opens none again', async () => {
  await using world = await makeWorld()
  await using server = await listeningServer(world)
  const client = await connect({ serverUrl: server.url, tls: world.tls, log: false, reconnection })
  const subscription = await client.listen({ toolsListChanged: true })
  await client.close()
  await subscription.closed
  expect(server.ends).toHaveLength(1)
})

test('a server of ours that is started again is listened to again', async () => {
  await using world = await makeWorld()
  const tlsPort = await freePort()
  const first = await serveTest({ tls: world.tls, tlsPort })
  let changes = 0
  await using client = await connect({
    serverUrl: first.server.url,
    tls: world.tls,
    log: false,
    reconnection: { ...reconnection, maxRetries: 1000 },
    handlers: { 'notifications/tools/list_changed': () => void changes++ },
  })
  await client.listen({ toolsListChanged: true })
  await first[Symbol.asyncDispose]()
  await using _second = await serveTest({ tls: world.tls, tlsPort })
  await expect.poll(() => changes).toBe(1)
})
