import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { exposed } from '../support/exposed.js'
import { messagesIn, openRawSession } from '../support/raw-session.js'
import { sdkClient } from '../support/sdk-client.js'
import { makeWorld, type World } from '../support/world.js'
import { fixture } from './programs/script.js'

const liar = fileURLToPath(new URL('./programs/liar.mjs', import.meta.url))

const before = (world: World, ...args: string[]) => exposed(world, [process.execPath, liar, ...args])

const lost = (message: RegExp) => ({ code: -32010, message: expect.stringMatching(message) })

describe('an answer that is none is an error for its call, and no more', () => {
  test.each([
    ['"result":null'],
    ['"result":5'],
    ['"result":[]'],
    ['"error":null'],
    ['"error":"no"'],
    ['"error":{"code":"1","message":"no"}'],
    ['"result":{},"error":{"code":1,"message":"no"}'],
    ['"result":{"content":[]},"jsonrpc":"1.0"'],
  ])('%s', async (answer) => {
    await using world = await makeWorld()
    const { command, args } = fixture()
    const { url, server } = await exposed(world, [command, ...args])
    await using one = await sdkClient(url, world.certDir)
    const call = (name: string, given = {}) => one.client.callTool({ name, arguments: given })
    // initialize was 0, `hang` is 1.
    const ends = await Promise.allSettled([
      call('hang'),
      call('stdout-text', { text: `{"jsonrpc":"2.0","id":1,${answer}}` }),
    ])
    expect(ends).toMatchObject([
      { status: 'rejected', reason: lost(/is none of JSON-RPC/) },
      { status: 'fulfilled', value: { content: [{ text: 'printed' }] } },
    ])
    expect(server.health().children).toEqual({ alive: 1, starts: 1, deaths: 0 })
  })
})

test.each([
  ['"result":null'],
  ['"error":null'],
  ['"result":[]'],
  ['"result":{}'],
  ['"result":{"protocolVersion":5,"capabilities":{}}'],
  ['"result":{"protocolVersion":"2025-11-25","capabilities":null}'],
  ['"result":{"protocolVersion":"2025-11-25","capabilities":[]}'],
])('a server that answers initialize with %s is none, and its client is told', async (answer) => {
  await using world = await makeWorld()
  const { url, server } = await before(world, answer)
  await expect(sdkClient(url, world.certDir)).rejects.toThrow(
    /its answer to initialize is not one|is none of JSON-RPC/,
  )
  await expect.poll(() => server.health().children?.alive).toBe(0)
  expect(server.health().status).toBe('degraded')
})

test.each(['stdin', 'stdout'])(
  'a child that closes its %s and lives on is taken for dead, and started again',
  async (what) => {
    await using world = await makeWorld()
    const { url, server } = await before(world)
    const session = await openRawSession(url, world.certDir)
    const call = (id: number) =>
      session.post({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: what, arguments: {} } })
    // One that no longer reads is noticed when something is written to it.
    const answers = await Promise.all([call(1), call(2), what === 'stdin' ? call(3) : call(4)])
    for (const { body } of answers) expect(messagesIn(body).at(-1)).toMatchObject({ error: lost(/has gone/) })
    await expect.poll(() => server.health().children).toMatchObject({ alive: 1, deaths: 1, starts: 2 })
  },
)

test('a client that a server refuses does not make the server look ill', async () => {
  await using world = await makeWorld()
  const { url, server } = await before(world, '"error":{"code":-32602,"message":"not this client"}')
  await expect(sdkClient(url, world.certDir)).rejects.toThrow(/not this client/)
  expect(server.health()).toMatchObject({ status: 'ok', problems: [] })
})

test('a line with a million things that are no messages is one line of the log, at once', async () => {
  await using world = await makeWorld()
  const { command, args } = fixture()
  const { url, lines } = await exposed(world, [command, ...args])
  await using one = await sdkClient(url, world.certDir)
  const text = `[${'0,'.repeat(400_000)}0]`
  await one.client.callTool({ name: 'stdout-text', arguments: { text } })
  expect(lines.filter((line) => line.includes('no message of JSON-RPC'))).toHaveLength(1)
})
