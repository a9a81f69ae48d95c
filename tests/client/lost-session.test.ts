import { McpServer as McpServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { expect, test } from 'vitest'
import { connect } from '../../src/client/index.js'
import { isLostSession, lostSession, saysSessionIsLost } from '../../src/client/lost-session.js'
import { MtlsError } from '../../src/errors.js'
import { serve } from '../../src/server/index.js'
import { freePort } from '../support/free-port.js'
import { makeWorld } from '../support/world.js'

test.each([
  [404, '', true],
  [404, 'anything', true],
  [400, '{"error":{"message":"Bad Request: No valid session ID provided"}}', true],
  [400, '{"error":{"message":"Bad Request"}}', false],
  [400, `${'x'.repeat(1000)} no valid session`, false],
  [200, 'no valid session', false],
  [500, 'no valid session', false],
])('what status %i says of a session: %#', async (status, body, isLost) => {
  const response = new Response(body, { status })
  expect(await saysSessionIsLost(response)).toBe(isLost)
  expect(await response.text()).toBe(body)
})

test('a lost session is known by what it is, not by what it says', () => {
  const failure = lostSession('localhost:1')
  expect(isLostSession(failure)).toBe(true)
  expect(isLostSession(new MtlsError(failure.code, failure.message, { sent: 'no' }))).toBe(false)
})

test('a server of SDK version 1 that was started again goes on in a new session', async () => {
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
  const call = { name: 'here', arguments: {} }
  const before = await start()
  await using client = await connect({
    serverUrl: `https://localhost:${tlsPort}/mcp`,
    tls: world.tls,
    log: false,
    retryAttempts: 0,
  })
  await client.callTool(call)
  await before.close({ drainTimeout: 0 })
  const after = await start()
  await expect
    .poll(() => client.callTool(call).catch((error) => error))
    .toMatchObject({ content: [{ type: 'text', text: 'here' }] })
  await after.close({ drainTimeout: 0 })
})
