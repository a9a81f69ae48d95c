import { expect, test } from 'vitest'
import { connect } from '../../src/client/index.js'
import { Script, slowServer } from '../support/slow-server.js'
import { httpText, mcpHeaders, openWire, toolCall } from '../support/wire.js'
import { makeWorld, serveTest } from '../support/world.js'

test('progress arrives while the tool still runs', async () => {
  await using world = await makeWorld()
  const script = new Script()
  await using served = await serveTest({ tls: world.tls }, () => slowServer(script))
  await using client = await connect({ serverUrl: served.server.url, tls: world.tls, log: false })
  const told: number[] = []
  const result = await client.callTool(
    { name: 'progress', arguments: {} },
    {
      onprogress: ({ progress }) => {
        told.push(progress)
        script.finish.open()
      },
    },
  )
  expect(told).toEqual([1])
  expect(result.content).toEqual([{ type: 'text', text: 'done' }])
})

test('a caller that aborts cancels the tool', async () => {
  await using world = await makeWorld()
  const script = new Script()
  await using served = await serveTest({ tls: world.tls }, () => slowServer(script))
  await using client = await connect({ serverUrl: served.server.url, tls: world.tls, log: false })
  const abort = new AbortController()
  const call = client.callTool({ name: 'wait', arguments: {} }, { signal: abort.signal })
  await script.started.opened
  abort.abort(new Error('changed my mind'))
  await expect(call).rejects.toThrow('changed my mind')
  await script.aborted.opened
  expect(script.calls).toBe(1)
})

test.each(['wait', 'progress'])('a connection that breaks cancels the tool %s', async (tool) => {
  await using world = await makeWorld()
  const script = new Script()
  await using served = await serveTest({ tls: world.tls }, () => slowServer(script))
  const wire = await openWire(served.server.url, world.certDir)
  wire.socket.write(httpText('/mcp', mcpHeaders, toolCall(tool)))
  await script.started.opened
  wire.socket.destroy()
  await script.aborted.opened
})

test('a caller that reads late gets all that was streamed, in its order', async () => {
  await using world = await makeWorld()
  const script = new Script()
  await using served = await serveTest({ tls: world.tls }, () => slowServer(script))
  const wire = await openWire(served.server.url, world.certDir)
  wire.socket.pause()
  const call = JSON.parse(toolCall('flood'))
  call.params._meta = { progressToken: 1 }
  wire.socket.write(httpText('/mcp', { ...mcpHeaders, connection: 'close' }, JSON.stringify(call)))
  await script.started.opened
  await expect.poll(() => script.sent).toBe(100)
  wire.socket.resume()
  script.finish.open()
  const told = [...(await wire.closed).matchAll(/"progress":(\d+)/g)].map(([, progress]) => Number(progress))
  expect(told).toEqual(Array.from({ length: 100 }, (_, index) => index + 1))
})

test('a caller that stops reading and goes away cancels the tool', async () => {
  await using world = await makeWorld()
  const script = new Script()
  await using served = await serveTest({ tls: world.tls }, () => slowServer(script))
  const wire = await openWire(served.server.url, world.certDir)
  wire.socket.pause()
  wire.socket.write(httpText('/mcp', mcpHeaders, toolCall('flood')))
  await expect.poll(() => script.sent).toBe(100)
  wire.socket.destroy()
  await script.aborted.opened
})

test('an answer of which nothing is read does not wait for ever', async () => {
  await using world = await makeWorld()
  const script = new Script()
  await using served = await serveTest({ tls: world.tls, limits: { idleTimeout: 300 } }, () =>
    slowServer(script),
  )
  const wire = await openWire(served.server.url, world.certDir)
  wire.socket.pause()
  wire.socket.write(httpText('/mcp', mcpHeaders, toolCall('flood')))
  await served.event('connection-closed')
})

test('many calls of one connection at once each get their own answer', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls })
  await using client = await connect({ serverUrl: served.server.url, tls: world.tls, log: false })
  const texts = Array.from({ length: 50 }, (_, index) => `text ${index}`)
  const results = await Promise.all(
    texts.map((text) => client.callTool({ name: 'echo', arguments: { text } })),
  )
  expect(results.map(({ content }) => (content as { text: string }[])[0]?.text)).toEqual(texts)
})

test('a text of every kind of character comes back as it went', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls })
  await using client = await connect({ serverUrl: served.server.url, tls: world.tls, log: false })
  const text = `\u0000 "quoted" \\ São Paulo 東京 🎉 \u2028 ${'x'.repeat(200_000)}`
  const { content } = await client.callTool({ name: 'echo', arguments: { text } })
  expect(content).toEqual([{ type: 'text', text }])
})
