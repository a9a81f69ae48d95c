import { Client, type ClientOptions, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect, type MtlsFetch, mtlsFetch } from '../../src/client/index.js'
import { type BuiltInServerName, builtInServers } from '../../src/servers/index.js'
import { everyTool, type ThreeServers, threeServers } from './three-servers.js'

const info = { name: 'interop', version: '1.0.0' }

let three: ThreeServers
let fetch: MtlsFetch
beforeAll(async () => {
  three = await threeServers()
  fetch = mtlsFetch(three.world.tls)
})
afterAll(async () => {
  await fetch.close()
  await three[Symbol.asyncDispose]()
})

interface AnyClient {
  listTools(): Promise<{ tools: { name: string }[] }>
  callTool(params: { name: string; arguments: Record<string, unknown> }): Promise<Record<string, unknown>>
  close(): Promise<void>
}

async function v2(url: string, options: ClientOptions, revision: string): Promise<AnyClient> {
  const client = new Client(info, options)
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { fetch }))
  expect(client.getNegotiatedProtocolVersion()).toBe(revision)
  return client
}

async function v1(url: string): Promise<AnyClient> {
  const client = new ClientV1(info)
  await client.connect(new TransportV1(new URL(url), { fetch }))
  return client
}

const clients: readonly (readonly [string, (url: string) => Promise<AnyClient>])[] = [
  ['the v1 client', v1],
  ['the v2 client as it is by default', (url) => v2(url, {}, '2025-11-25')],
  ['the v2 client with auto', (url) => v2(url, { versionNegotiation: { mode: 'auto' } }, '2026-07-28')],
  [
    'the v2 client pinned to 2026-07-28',
    (url) => v2(url, { versionNegotiation: { mode: { pin: '2026-07-28' } } }, '2026-07-28'),
  ],
  ['our own client', (serverUrl) => connect({ serverUrl, tls: three.world.tls, log: false })],
]

describe.each(clients)('%s', (_name, open) => {
  test.each(Object.keys(builtInServers) as BuiltInServerName[])('lists the tools of %s', async (server) => {
    const client = await open(three.servers[server].url)
    const listed = (await client.listTools()).tools.map(({ name }) => name)
    expect(listed.toSorted()).toEqual(
      everyTool.flatMap(([of, tool]) => (of === server ? [tool] : [])).toSorted(),
    )
    await client.close()
  })

  test.each(everyTool)('%s: calls %s', async (server, name, args, expected) => {
    const client = await open(three.servers[server].url)
    const { isError, structuredContent, content } = await client.callTool({ name, arguments: { ...args } })
    expect(isError ?? false, JSON.stringify(content)).toBe(false)
    expect(structuredContent).toMatchObject(expected)
    expect(content).toMatchObject([{ type: 'text', text: expect.stringMatching(/\w/) }])
    await client.close()
  })

  test('gets a tool error, not a broken connection, for a city nobody knows', async () => {
    const client = await open(three.servers.datetime.url)
    const answer = await client.callTool({ name: 'getDateTime', arguments: { city: 'Xyzzyville' } })
    expect(answer.isError).toBe(true)
    await client.close()
  })
})

test.each(['2025-03-26', '2025-06-18', '2025-11-25'])(
  'a client of revision %s is answered in it',
  async (revision) => {
    const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }
    const params = { protocolVersion: revision, capabilities: {}, clientInfo: info }
    const response = await fetch(three.servers.echo.url, {
      method: 'POST',
      headers,
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params }),
    })
    expect(await response.text()).toContain(`"protocolVersion":"${revision}"`)
  },
)
