import { once } from 'node:events'
import { McpServer } from '@modelcontextprotocol/server'
import { expect, test } from 'vitest'
import { manInTheMiddle } from '../support/man-in-the-middle.js'
import { Script, slowServer } from '../support/slow-server.js'
import { ask, httpText, mcpHeaders, openWire, toolCall } from '../support/wire.js'
import { makeWorld, serveTest, testServer } from '../support/world.js'

test('a tool that throws is a tool error to its caller', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls }, () => slowServer(new Script()))
  const answer = await ask(served.server.url, world.certDir, { body: toolCall('fail') })
  expect(answer.status).toBe(200)
  expect(answer.body).toContain('"isError":true')
})

test('a factory that throws is a 500 without details, and the next request is served', async () => {
  await using world = await makeWorld()
  let broken = false
  await using served = await serveTest({ tls: world.tls }, (calls) => {
    if (broken) throw new Error('the database password hunter2 is wrong')
    return testServer(calls)
  })
  broken = true
  const body = toolCall('echo', { text: 'hello' })
  const failed = await ask(served.server.url, world.certDir, { body })
  expect(failed.status).toBe(500)
  expect(JSON.parse(failed.body)).toMatchObject({
    error: { code: -32603, message: expect.not.stringContaining('hunter2') },
  })
  expect(failed.body).not.toContain('hunter2')
  broken = false
  expect((await ask(served.server.url, world.certDir, { body })).status).toBe(200)
})

test('what breaks in a tool after its answer does not end the server', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls }, () => {
    const server = new McpServer({ name: 'broken-mcp', version: '1.0.0' })
    server.registerTool('break', {}, () => {
      server.server.onclose = () => {
        throw new Error('closing is broken')
      }
      return { content: [] }
    })
    return server
  })
  for (let count = 0; count < 2; count++)
    expect((await ask(served.server.url, world.certDir, { body: toolCall('break') })).status).toBe(200)
})

test('bytes that are no TLS, after the handshake, end that connection alone', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls })
  await using middle = await manInTheMiddle(served.server.url)
  const wire = await openWire(middle.url, world.certDir)
  wire.socket.write(httpText('/health'))
  await wire.until(/"status"/)
  middle.upstream().write('this is not TLS at all')
  await wire.closed
  await served.event('connection-closed')
  expect((await ask(new URL('/health', served.server.url), world.certDir)).status).toBe(200)
})

test('a connection that is reset in the middle of a request or an answer harms nobody', async () => {
  await using world = await makeWorld()
  const script = new Script()
  await using served = await serveTest({ tls: world.tls }, () => slowServer(script))
  await using middle = await manInTheMiddle(served.server.url)
  const half = await openWire(middle.url, world.certDir)
  half.socket.write(httpText('/mcp', { ...mcpHeaders, 'content-length': '1000' }, '{"jsonrpc"'))
  middle.upstream().resetAndDestroy()
  const streaming = await openWire(middle.url, world.certDir)
  streaming.socket.write(httpText('/mcp', mcpHeaders, toolCall('progress')))
  await streaming.until(/notifications/)
  middle.upstream().resetAndDestroy()
  await script.aborted.opened
  await expect.poll(() => served.server.connections()).toHaveLength(0)
  expect((await ask(new URL('/health', served.server.url), world.certDir)).status).toBe(200)
})

test('an onSecurityEvent that throws changes nothing for anybody', async () => {
  await using world = await makeWorld()
  const warned = once(process, 'warning')
  await using served = await serveTest({
    tls: world.tls,
    onSecurityEvent: () => {
      throw new Error('the subscriber is broken')
    },
  })
  expect((await ask(new URL('/health', served.server.url), world.certDir)).status).toBe(200)
  expect(String(await warned)).toContain('the subscriber is broken')
})
