import { expect, test } from 'vitest'
import { connect } from '../../src/client/index.js'
import { freePort } from '../support/free-port.js'
import { Script, slowServer } from '../support/slow-server.js'
import { ask, httpText, mcpHeaders, openWire, toolCall } from '../support/wire.js'
import { makeWorld, serveTest } from '../support/world.js'

test('a call in flight finishes, its answer says that the connection ends, and then it does', async () => {
  await using world = await makeWorld()
  const script = new Script()
  await using served = await serveTest({ tls: world.tls }, () => slowServer(script))
  const wire = await openWire(served.server.url, world.certDir)
  wire.socket.write(httpText('/mcp', mcpHeaders, toolCall('wait')))
  await script.started.opened
  const closed = served.server.close()
  expect(served.server.health().status).toBe('draining')
  script.finish.open()
  const answer = await wire.closed
  expect(answer).toMatch(/^HTTP\/1.1 200 /)
  expect(answer).toMatch(/^connection: close\r$/im)
  expect(answer).toContain('done')
  await closed
  expect(served.server.connections()).toHaveLength(0)
  expect(served.events.at(-1)?.event).toBe('connection-closed')
})

test('a stream that has begun is finished too', async () => {
  await using world = await makeWorld()
  const script = new Script()
  await using served = await serveTest({ tls: world.tls }, () => slowServer(script))
  const wire = await openWire(served.server.url, world.certDir)
  wire.socket.write(httpText('/mcp', mcpHeaders, toolCall('progress')))
  await wire.until(/notifications\/progress/)
  const closed = served.server.close()
  script.finish.open()
  expect(await wire.closed).toContain('done')
  await closed
})

test('a request that arrives while the server drains is answered with Connection: close', async () => {
  await using world = await makeWorld()
  const script = new Script()
  await using served = await serveTest({ tls: world.tls }, () => slowServer(script))
  const wire = await openWire(served.server.url, world.certDir)
  wire.socket.write(httpText('/mcp', mcpHeaders, toolCall('wait')))
  await script.started.opened
  await wire.until(/text\/event-stream/)
  const closed = served.server.close()
  wire.socket.write(httpText('/mcp', mcpHeaders, toolCall('wait')))
  await expect.poll(() => script.calls).toBe(2)
  script.finish.open()
  const answers = await wire.closed
  expect(answers).toMatch(/done.*connection: close.*done/s)
  expect(answers.match(/^connection: close\r$/gim)).toHaveLength(1)
  await closed
})

test('nothing new is taken while the server drains, and the port is free at once', async () => {
  await using world = await makeWorld()
  const script = new Script()
  await using served = await serveTest({ tls: world.tls }, () => slowServer(script))
  const wire = await openWire(served.server.url, world.certDir)
  wire.socket.write(httpText('/mcp', mcpHeaders, toolCall('wait')))
  await script.started.opened
  const { port } = served.server
  const url = new URL('/health', served.server.url)
  const closed = served.server.close()
  await expect(ask(url, world.certDir)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  await using next = await serveTest({ tls: world.tls, tlsPort: port })
  expect(next.server.port).toBe(port)
  script.finish.open()
  await closed
})

test('the health port says draining until the end', async () => {
  await using world = await makeWorld()
  const script = new Script()
  const healthPort = await freePort()
  await using served = await serveTest({ tls: world.tls, healthPort }, () => slowServer(script))
  const wire = await openWire(served.server.url, world.certDir)
  wire.socket.write(httpText('/mcp', mcpHeaders, toolCall('wait')))
  await script.started.opened
  const closed = served.server.close()
  const at = `http://127.0.0.1:${healthPort}/health`
  const { status, body } = await ask(at, undefined)
  expect([status, JSON.parse(body).status]).toEqual([503, 'draining'])
  script.finish.open()
  await closed
  await expect(ask(at, undefined)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})

test('a call that takes longer than the drain limit is ended', async () => {
  await using world = await makeWorld()
  const script = new Script()
  await using served = await serveTest({ tls: world.tls, limits: { drainTimeout: 50 } }, () =>
    slowServer(script),
  )
  const wire = await openWire(served.server.url, world.certDir)
  wire.socket.write(httpText('/mcp', mcpHeaders, toolCall('wait')))
  await script.started.opened
  await served.server.close()
  expect(await wire.closed).not.toContain('done')
  await script.aborted.opened
})

test('a second close with drainTimeout 0 ends the drain at once', async () => {
  await using world = await makeWorld()
  const script = new Script()
  await using served = await serveTest({ tls: world.tls, limits: { drainTimeout: '60m' } }, () =>
    slowServer(script),
  )
  const client = await connect({ serverUrl: served.server.url, tls: world.tls, retryAttempts: 0, log: false })
  const call = client.callTool({ name: 'wait', arguments: {} })
  call.catch(() => {})
  await script.started.opened
  const first = served.server.close()
  await Promise.all([served.server.close({ drainTimeout: 0 }), first])
  await expect(call).rejects.toMatchObject({ code: 'CONNECTION_FAILED' })
  await client.close()
})

test('idle connections and handshakes that never end do not hold it up', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls, limits: { drainTimeout: '60m' } })
  const idle = await openWire(served.server.url, world.certDir)
  idle.socket.write(httpText('/health'))
  await idle.until(/"status"/)
  const unused = await openWire(served.server.url, world.certDir)
  const silent = await openWire(served.server.url)
  const refused = await openWire(served.server.url, world.certDir)
  refused.socket.write('POST /mcp HTTP/1.1\r\nHost: ')
  await served.server.close()
  await Promise.all([idle.closed, unused.closed, silent.closed, refused.closed])
})

test('without TLS it drains likewise', async () => {
  const script = new Script()
  await using served = await serveTest({ tlsEnabled: false, httpPort: 0 }, () => slowServer(script))
  const wire = await openWire(served.server.url)
  const idle = await openWire(served.server.url)
  wire.socket.write(httpText('/mcp', mcpHeaders, toolCall('wait')))
  await script.started.opened
  const closed = served.server.close()
  await idle.closed
  script.finish.open()
  expect(await wire.closed).toMatch(/^connection: close\r$/im)
  await closed
})
