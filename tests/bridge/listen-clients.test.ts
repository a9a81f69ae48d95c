import { once } from 'node:events'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { type BridgeOptions, bridge } from '../../src/bridge/index.js'
import { fixture } from '../expose/programs/script.js'
import { clientV1, clientV2, clientV2Auto, type Message, type Peer } from '../support/compare/clients.js'
import { exposed } from '../support/exposed.js'
import { freePort } from '../support/free-port.js'
import { scrape, value } from '../support/scraped.js'
import { makeWorld, serveTest, type World } from '../support/world.js'

// Local clients of one bridge that listens know nothing of each other.

async function listening(
  { certDir }: Pick<World, 'certDir'>,
  serverUrls: readonly string[],
  options: Partial<BridgeOptions> = {},
): Promise<string> {
  const servers = serverUrls.map((serverUrl) => ({ serverUrl, tls: { certDir } }))
  const running = await bridge({ servers, listen: {}, initializeWithin: '30s', ...options })
  onTestFinished(() => running.close())
  return running.url ?? ''
}

const modern = (capabilities: object = {}, more: object = {}) => ({
  _meta: {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 'one', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': capabilities,
    ...more,
  },
})

/** One exchange of 2026-07-28: what is said until its answer, which comes last. */
function exchange(url: string, method: string, params: Record<string, unknown> = modern()) {
  const asked = request(url, {
    method: 'POST',
    agent: false,
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': method,
      ...(typeof params.name === 'string' && { 'mcp-name': params.name }),
    },
  })
  asked.end(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }))
  const messages = once(asked, 'response').then(async ([response]): Promise<Message[]> => {
    const body = await text(response)
    if (!String(response.headers['content-type']).includes('event-stream')) return [JSON.parse(body)]
    return [...body.matchAll(/^data: (.+)$/gm)].map(([, data = '']) => JSON.parse(data))
  })
  return { messages, leave: () => void asked.destroy() }
}

const call = (url: string, name: string, args: object = {}, params: object = modern()) =>
  exchange(url, 'tools/call', { name, arguments: args, ...params })

test.each([
  ['of 2025', []],
  ['of both eras', ['--modern']],
])('what one of them keeps at a server %s no other has', async (_era, flags) => {
  await using world = await makeWorld()
  const program = fixture(...flags)
  const { url: remote } = await exposed(world, [program.command, ...program.args])
  const url = await listening(world, [remote])
  const stateOf = async (open: typeof clientV1, args: object = {}) => {
    const peer = await open({ url })
    onTestFinished(() => peer[Symbol.asyncDispose]())
    return JSON.stringify(await peer.call('state', { ...args }))
  }
  if (flags.length === 0)
    expect(await stateOf(clientV2Auto, { set: 'of the first' })).toContain('of the first')
  expect(await stateOf(clientV1, { set: 'of the second' })).toContain('of the second')
  for (const open of [clientV1, clientV2, clientV2Auto])
    expect(await stateOf(open)).not.toMatch(/of the (first|second)/)
})

test.each([1, 2])(
  'where %d of the servers has only sessions, a client of 2026-07-28 is told to open one',
  async (older) => {
    await using world = await makeWorld()
    const programs = older === 1 ? [fixture()] : [fixture('--modern'), fixture()]
    const remotes = await Promise.all(programs.map(({ command, args }) => exposed(world, [command, ...args])))
    const url = await listening(
      world,
      remotes.map((remote) => remote.url),
    )
    const [answer] = await exchange(url, 'server/discover').messages
    expect(answer).toMatchObject({
      error: {
        code: -32_022,
        message: expect.stringMatching(/only sessions/),
        data: { requested: '2026-07-28', supported: expect.arrayContaining(['2025-11-25']) },
      },
    })
    expect(answer?.error.data.supported).not.toContain('2026-07-28')
    const peer = await clientV2Auto({ url })
    onTestFinished(() => peer[Symbol.asyncDispose]())
    expect(peer.isModern).toBe(false)
    expect((await peer.client.listTools()).tools.some(({ name }) => name.endsWith('echo'))).toBe(true)
  },
)

test('what a server of sessions wants to know of one client, it asks no other', async () => {
  await using world = await makeWorld()
  const { url: remote } = await exposed(world, [fixture().command, ...fixture().args])
  const url = await listening(world, [remote])
  const able = modern({ elicitation: { form: {} } })
  const other = call(url, 'slow', { ms: 400, steps: 4 }, able)
  const one = call(url, 'ask', { what: 'elicit' }, able)
  const answers = (await Promise.all([other.messages, one.messages])).flat()
  // Neither runs: nobody would know whose session it is.
  for (const { error, result } of answers) {
    expect(result).toBeUndefined()
    expect(error).toMatchObject({ message: expect.stringContaining('does not speak revision 2026-07-28') })
  }
})

test('each gets the progress and the answer of its own call, and one that leaves takes no other along', async () => {
  await using world = await makeWorld()
  const program = fixture('--modern')
  const { url: remote } = await exposed(world, [program.command, ...program.args])
  const url = await listening(world, [remote])
  const steps = (token: string, count: number) =>
    call(url, 'progress', { steps: count }, modern({}, { progressToken: token }))
  const leaver = call(url, 'slow', { ms: 60_000, steps: 2 })
  const [two, five] = await Promise.all([steps('same', 2).messages, steps('same', 5).messages])
  leaver.messages.catch(() => {})
  leaver.leave()
  for (const [messages, count] of [
    [two, 2],
    [five, 5],
  ] as const) {
    expect(messages).toHaveLength(count + 1)
    for (const { method, params } of messages.slice(0, -1))
      expect([method, params.progressToken]).toEqual(['notifications/progress', 'same'])
    expect(messages.at(-1)).toMatchObject({ id: 1, result: { content: [{}] } })
  }
  const told = await call(url, 'told', { cancelled: 1 }).messages
  expect(told.at(-1)?.result.structuredContent.cancelled).toHaveLength(1)
})

test('when the server was killed and is there again, each of them goes on in a session of its own', async () => {
  await using world = await makeWorld()
  const [tlsPort, healthPort] = [await freePort(), await freePort()]
  const serve = () => serveTest({ tls: world.tls, tlsPort, healthPort, sessions: true })
  const sessions = async () => value(await scrape(healthPort), 'sessions')
  const served = await serve()
  const url = await listening(world, [served.server.url])
  const peers = await Promise.all([clientV1({ url }), clientV2({ url })])
  for (const peer of peers) onTestFinished(async () => await peer[Symbol.asyncDispose]())
  expect(await sessions()).toBe(2)
  await served.server.close({ drainTimeout: 0 })
  for (const peer of peers)
    await expect(peer.call('echo', { text: 'while it is away' })).rejects.toThrow(/nothing is listening/)
  await using again = await serve()
  for (const [at, peer] of peers.entries())
    await expect
      .poll(() => peer.call('echo', { text: `client ${at}` }).catch(String))
      .toHaveProperty('content')
  expect(again.calls).toEqual(['client 0', 'client 1'])
  expect(await sessions()).toBe(2)
  for (const { changed } of peers) await expect.poll(() => changed).toContain('tools')
})

test('each hears of what it listens for, also when another has left', async () => {
  await using world = await makeWorld()
  const program = fixture('--modern')
  const { url: remote } = await exposed(world, [program.command, ...program.args], { instances: 'shared' })
  const url = await listening(world, [remote])
  const uri = 'memory://state'
  const [one, other, nobody] = await Promise.all([1, 2, 3].map(() => clientV2Auto({ url })))
  const [first, second, third] = [one, other, nobody] as [Peer, Peer, Peer]
  for (const peer of [second, third]) onTestFinished(() => peer[Symbol.asyncDispose]())
  expect([first, second, third].map(({ isModern }) => isModern)).toEqual([true, true, true])
  await first.subscribe(uri)
  await second.subscribe(uri)
  await third.call('update', {})
  await expect.poll(() => [first.updated.length, second.updated.length]).toEqual([1, 1])
  await first[Symbol.asyncDispose]()
  await third.call('update', {})
  await expect.poll(() => second.updated.length).toBe(2)
  expect([first.updated.length, third.updated.length]).toEqual([1, 0])
})
