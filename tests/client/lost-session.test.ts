import { McpServer as McpServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { expect, test } from 'vitest'
import { connect } from '../../src/client/index.js'
import { serve } from '../../src/server/index.js'
import { freePort } from '../support/free-port.js'
import { makeWorld } from '../support/world.js'

test('a client whose session is gone is told so, and a new connection is a new session', async () => {
  await using world = await makeWorld()
  const tlsPort = await freePort()
  const start = () =>
    serve(
      () => {
        const server = new McpServerV1({ name: 'v1', version: '1.0.0' })
        server.registerTool('here', {}, () => ({ content: [{ type: 'text', text: 'here' }] }))
        return server
      },
      { name: 'restarted', tlsPort, tls: world.tls, sessions: true, log: false },
    )
  const open = () =>
    connect({ serverUrl: `https://localhost:${tlsPort}/mcp`, tls: world.tls, log: false, retryAttempts: 0 })
  const call = { name: 'here', arguments: {} }
  const before = await start()
  await using client = await open()
  await client.callTool(call)
  await before.close({ drainTimeout: 0 })
  const after = await start()
  await expect
    .poll(() => client.callTool(call).catch((error) => error))
    .toMatchObject({
      name: 'MtlsError',
      code: 'CONNECTION_FAILED',
      message: `the server at localhost:${tlsPort} does not know this session any more`,
      hint: expect.stringContaining('connect again'),
    })
  await using again = await open()
  expect((await again.callTool(call)).content).toEqual([{ type: 'text', text: 'here' }])
  await after.close({ drainTimeout: 0 })
})
