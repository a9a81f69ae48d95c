import { expect, test } from 'vitest'
import { connect } from '../../src/client/index.js'
import { foreignServer } from '../support/foreign-server.js'
import { refusalOf } from '../support/refusal.js'
import { makeWorld, serveTest } from '../support/world.js'

const headers = { Authorization: 'Bearer secret-token', 'X-Team': 'blue' }

test('every request has the headers of the options, of both eras and on both ways to the server', async () => {
  await using world = await makeWorld()
  for (const protocolVersion of ['2025-11-25', '2026-07-28']) {
    const seen: (string | undefined)[][] = []
    await using foreign = await foreignServer(world.server, (request, response, body) => {
      const { authorization, 'x-team': team, accept } = request.headers
      seen.push([request.method, authorization, team as string, accept])
      const { id, method } = body === '' ? { id: undefined, method: '' } : JSON.parse(body)
      if (id === undefined) return void response.writeHead(request.method === 'POST' ? 202 : 405).end()
      const capabilities = { tools: {} }
      const serverInfo = { name: 'foreign', version: '1.0.0' }
      const results: Record<string, object> = {
        initialize: { protocolVersion, capabilities, serverInfo },
        'server/discover': {
          resultType: 'complete',
          supportedVersions: [protocolVersion],
          capabilities,
          serverInfo,
        },
        'tools/list': { tools: [], resultType: 'complete', ttlMs: 0, cacheScope: 'private' },
      }
      const answer =
        method === 'server/discover' && protocolVersion < '2026'
          ? { error: { code: -32601, message: 'no such method' } }
          : { result: results[method] ?? {} }
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ jsonrpc: '2.0', id, ...answer }))
    })
    await using client = await connect({ serverUrl: foreign.url, tls: world.tls, log: false, headers })
    await client.listTools()
    expect(client.getNegotiatedProtocolVersion()).toBe(protocolVersion)
    expect(seen.length).toBeGreaterThanOrEqual(2)
    for (const [, authorization, team] of seen)
      expect([authorization, team]).toEqual([headers.Authorization, 'blue'])
  }
})

test('headers that MCP or the connection sets are refused, and no value is shown', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls })
  const to = (more: Record<string, string>) =>
    refusalOf(connect({ serverUrl: served.server.url, tls: world.tls, log: false, headers: more }))
  for (const name of ['Host', 'mcp-session-id', 'Content-Length', 'bad name'])
    expect((await to({ [name]: 'hidden-value' })).message).toMatch(/headers\./)
  const { code, message } = await to({ Authorization: 'hidden-value\n' })
  expect(code).toBe('CONFIG_INVALID')
  expect(message).not.toContain('hidden-value')
})
