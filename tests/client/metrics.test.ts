import { Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { connect, registerPools } from '../../src/client/index.js'
import { makeWorld, serveTest } from '../support/world.js'

test('the connections of clients are gauges of a registry', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls })
  await using client = await connect({ serverUrl: served.server.url, tls: world.tls, log: false })
  const registry = new Registry()
  await registerPools(registry, { echo: client })
  const text = await registry.metrics()
  expect(text).toContain('mcp_mtls_client_connections{client="echo",state="active"} 0')
  expect(text).toContain('mcp_mtls_client_connections{client="echo",state="idle"} 1')
  expect(text).toContain('mcp_mtls_client_connections_max{client="echo"} 64')
})
