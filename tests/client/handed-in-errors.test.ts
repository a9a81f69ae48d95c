import { runInNewContext } from 'node:vm'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { inputRequired, McpServer } from '@modelcontextprotocol/server'
import { expect, test } from 'vitest'
import { connect, MtlsError, mtlsFetch } from '../../src/client/index.js'
import { foreignServer } from '../support/foreign-server.js'
import { gate, Script, slowServer } from '../support/slow-server.js'
import { makeWorld, serveTest } from '../support/world.js'

// An error of another call says `no` of that call. Handed in to a call that the server has seen, it must not say so there.

const ofAnother = () => new MtlsError('CONNECTION_FAILED', 'another call failed', { sent: 'no' })
const maybe = { code: 'CONNECTION_FAILED', message: 'another call failed', sent: 'maybe' }

test('as the reason of an abort, over fetch', async () => {
  await using world = await makeWorld()
  const seen = gate()
  await using foreign = await foreignServer(world.server, () => seen.open())
  const fetch = mtlsFetch(world.tls)
  const controller = new AbortController()
  const failed = fetch(foreign.url, { signal: controller.signal })
  const told = expect(failed).rejects.toMatchObject(maybe)
  await seen.opened
  const reason = ofAnother()
  controller.abort(reason)
  await told
  expect(reason.sent).toBe('no')
  await fetch.close()
})

test.each<[string, unknown]>([
  [
    'an error whose getter says no',
    new (class extends Error {
      get sent() {
        return 'no'
      }
    })('x'),
  ],
  ['an error that is frozen', Object.freeze(Object.assign(new Error('x'), { sent: 'no' }))],
  ['an object', { sent: 'no' }],
  ['an error of another realm', runInNewContext("Object.assign(new Error('x'), { sent: 'no' })")],
])('as the reason of an abort: %s', async (_what, reason) => {
  await using world = await makeWorld()
  const seen = gate()
  await using foreign = await foreignServer(world.server, () => seen.open())
  const fetch = mtlsFetch(world.tls)
  const controller = new AbortController()
  const told = expect(fetch(foreign.url, { signal: controller.signal })).rejects.toMatchObject({
    sent: 'maybe',
  })
  await seen.opened
  controller.abort(reason)
  await told
  await fetch.close()
})

test('an abort that ends a call before it was sent writes nothing on its reason, which other calls share', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls })
  const fetch = mtlsFetch(world.tls)
  const reason = new Error('the program is over')
  const call = fetch(served.server.url, { signal: AbortSignal.abort(reason) })
  await expect(call).rejects.toBe(reason)
  expect(reason).not.toHaveProperty('sent')
  await fetch.close()
})

test('a client that the SDK connected over another transport says no of nothing', async () => {
  await using world = await makeWorld()
  const script = new Script()
  await using served = await serveTest({ tls: world.tls }, () => slowServer(script))
  const fetch = mtlsFetch(world.tls)
  await using client = await connect({ serverUrl: served.server.url, tls: world.tls, log: false })
  await client.close()
  await client.connect(new StreamableHTTPClientTransport(new URL(served.server.url), { fetch }))
  const controller = new AbortController()
  const failed = client.callTool({ name: 'act', arguments: {} }, { signal: controller.signal })
  const told = expect(failed).rejects.toMatchObject({ sent: 'maybe' })
  await script.started.opened
  controller.abort(ofAnother())
  await told
  script.finish.open()
  await fetch.close()
})

test('as the reason of an abort, over connect', async () => {
  await using world = await makeWorld()
  const script = new Script()
  await using served = await serveTest({ tls: world.tls }, () => slowServer(script))
  await using client = await connect({ serverUrl: served.server.url, tls: world.tls, log: false })
  const controller = new AbortController()
  const failed = client.callTool({ name: 'act', arguments: {} }, { signal: controller.signal })
  const told = expect(failed).rejects.toMatchObject(maybe)
  await script.started.opened
  controller.abort(ofAnother())
  await told
  script.finish.open()
})

test('as the reason of an abort that came before the call: nothing was sent', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls })
  await using client = await connect({ serverUrl: served.server.url, tls: world.tls, log: false })
  const signal = AbortSignal.abort(
    new MtlsError('CONNECTION_FAILED', 'another call failed', { sent: 'maybe' }),
  )
  await expect(client.callTool({ name: 'count', arguments: {} }, { signal })).rejects.toMatchObject({
    sent: 'no',
  })
  expect(served.calls).toEqual([])
})

test('by a body that breaks after a part of it was sent', async () => {
  await using world = await makeWorld()
  await using foreign = await foreignServer(world.server, () => {})
  const fetch = mtlsFetch(world.tls)
  async function* body(failure: Error) {
    const before = foreign.requests.length
    yield Buffer.from('begun')
    await expect.poll(() => foreign.requests.length).toBe(before + 1)
    throw failure
  }
  const call = (failure: Error) =>
    fetch(foreign.url, { method: 'POST', body: body(failure), duplex: 'half' } as unknown as RequestInit)
  await expect(call(ofAnother())).rejects.toMatchObject(maybe)
  await expect(call(new Error('boom'))).rejects.toMatchObject({
    sent: 'maybe',
    message: expect.stringMatching(/^the request to localhost:\d+ could not be made \(boom\)$/),
  })
  await fetch.close()
})

test('by a handler of ours in the middle of a call', async () => {
  await using world = await makeWorld()
  let rounds = 0
  await using served = await serveTest({ tls: world.tls }, () => {
    const mcp = new McpServer({ name: 'asking', version: '1.0.0' })
    mcp.registerTool('ask', {}, () => {
      rounds++
      const requestedSchema = { type: 'object', properties: { sure: { type: 'boolean' } } } as const
      return inputRequired({
        inputRequests: { q: inputRequired.elicit({ message: 'Sure?', requestedSchema }) },
      })
    })
    return mcp
  })
  const clientOptions = { capabilities: { elicitation: { form: {} } } }
  const options = { serverUrl: served.server.url, tls: world.tls, clientOptions, log: false } as const
  await using client = await connect(options)
  client.setRequestHandler('elicitation/create', () => {
    throw ofAnother()
  })
  await expect(client.callTool({ name: 'ask' })).rejects.toMatchObject({ sent: 'maybe' })
  expect(rounds).toBe(1)
})
