import type { IncomingMessage, RequestListener } from 'node:http'
import { McpServer as McpServer1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import express from 'express'
import { expect, test } from 'vitest'
import { connect } from '../../src/client/index.js'
import { type CallContext, identityOf } from '../../src/server/index.js'
import { listening } from '../support/gated.js'
import { ask, httpText, openWire, toolCall } from '../support/wire.js'
import { makeWorld, serveTest } from '../support/world.js'

type Authenticated = IncomingMessage & { readonly auth?: { readonly extra: Record<string, unknown> } }

/** What the listener sees of each request. */
async function seen() {
  const requests: Authenticated[] = []
  const world = await makeWorld()
  const listener: RequestListener = (request, response) => {
    requests.push(request)
    response.end(JSON.stringify(identityOf(request)))
  }
  return { world, requests, ...(await listening(world, {}, listener)) }
}

test('the request of Node tells who calls, and how', async () => {
  const { world, url } = await seen()
  await using _ = world
  expect(JSON.parse((await ask(url, world.certDir)).body)).toMatchObject({
    id: 'cn:mcp-client',
    verified: true,
    serial: world.client.serial,
    tls: { version: 'TLSv1.3', resumed: false },
  })
})

test('the caller is made once for a connection, and nobody can change it', async () => {
  const { world, url, requests } = await seen()
  await using _ = world
  const wire = await openWire(url, world.certDir)
  wire.socket.write(httpText('/'))
  await wire.until(/cn:mcp-client/)
  wire.socket.write(httpText('/again'))
  await expect.poll(() => requests.length).toBe(2)
  const [first, second] = requests as [Authenticated, Authenticated]
  expect(identityOf(second)).toBe(identityOf(first))
  expect(second.auth).toBe(first.auth)
  for (const part of [first.auth, first.auth?.extra, identityOf(first), identityOf(first)?.tls])
    expect(Object.isFrozen(part)).toBe(true)
})

test('`auth` of the request is what the transports of the SDK look for', async () => {
  const { world, url, requests } = await seen()
  await using _ = world
  await ask(url, world.certDir)
  const [request] = requests as [Authenticated]
  expect(request.auth).toMatchObject({
    clientId: 'cn:mcp-client',
    scopes: [],
    token: expect.stringMatching(/^[\da-f]{64}$/),
    expiresAt: expect.any(Number),
  })
  // As a tool of SDK 1 gets it, and one of SDK 2.
  expect(identityOf({ authInfo: request.auth } as CallContext)).toBe(identityOf(request))
  expect(identityOf({ http: { authInfo: request.auth } } as unknown as CallContext)).toBe(identityOf(request))
})

test('nothing that a client sends makes it somebody else', async () => {
  const { world, url, requests } = await seen()
  await using _ = world
  const forged = JSON.stringify({ id: 'cn:admin', clientId: 'cn:admin' })
  const headers = {
    auth: forged,
    authorization: 'Bearer cn:admin',
    'x-forwarded-client-cert': 'Subject="CN=admin"',
    'x-client-cert': 'CN=admin',
    'x-ssl-client-s-dn': 'CN=admin',
    forwarded: 'for=admin',
    'mcp-mtls-caller': forged,
    __proto__: forged,
  }
  const { body } = await ask(url, world.certDir, { headers })
  expect(JSON.parse(body).id).toBe('cn:mcp-client')
  expect(JSON.stringify(requests[0]?.auth)).not.toContain('admin')
})

test('what somebody else has put in the place of a caller is none', () => {
  const extra = { 'mcp-mtls/caller': { id: 'cn:admin', verified: true } }
  expect(identityOf({ authInfo: { extra } })).toBeUndefined()
  expect(identityOf({ http: { authInfo: { extra } } } as unknown as CallContext)).toBeUndefined()
  expect(
    identityOf({ socket: {}, auth: { extra }, authInfo: { extra } } as unknown as CallContext),
  ).toBeUndefined()
  expect(identityOf({})).toBeUndefined()
})

test('without an argument it says how it is called', () => {
  expect(() => (identityOf as (one?: unknown) => unknown)()).toThrow(
    expect.objectContaining({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('identityOf(request)'),
    }),
  )
})

test('the context of a tool tells the same, behind serve', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls })
  await using client = await connect({ serverUrl: served.server.url, tls: world.tls, log: false })
  const { content } = await client.callTool({ name: 'who', arguments: {} })
  expect(JSON.parse((content[0] as { text: string }).text)).toMatchObject({ id: 'cn:mcp-client' })
})

test('the `extra` of a tool tells the same, in a server of SDK 1 behind its own transport in Express', async () => {
  await using world = await makeWorld()
  const app = express()
  app.post('/mcp', async (request, response) => {
    const server = new McpServer1({ name: 'old', version: '1.0.0' })
    server.registerTool('who', {}, (extra) => ({
      content: [{ type: 'text', text: `${identityOf(extra)?.id}, ${identityOf(request)?.id}` }],
    }))
    const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true })
    await server.connect(transport as Parameters<typeof server.connect>[0])
    await transport.handleRequest(request, response)
  })
  const { url } = await listening(world, {}, app)
  const { body } = await ask(new URL('/mcp', url), world.certDir, { body: toolCall('who') })
  expect(body).toContain('cn:mcp-client, cn:mcp-client')
})
