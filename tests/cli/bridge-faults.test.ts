import { expect, test } from 'vitest'
import { initialize, started } from '../support/bridge-process.js'
import { freePort } from '../support/free-port.js'
import { isStopped } from '../support/processes.js'
import { sessionServer } from '../support/session-server.js'
import { shakyNetwork } from '../support/shaky-network.js'
import { makeWorld, type World } from '../support/world.js'

const initialized = { jsonrpc: '2.0', method: 'notifications/initialized' }
const count = (id: number, text: string) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name: 'count', arguments: { text } },
})

/** The command, joined in a session to a server over a network that can be broken. */
async function joined(world: World) {
  const port = await freePort()
  let begun = () => {}
  const hasBegun = new Promise<void>((resolve) => (begun = resolve))
  const server = await sessionServer(world, port, {
    lie: (_request, _response, body) => {
      if (!body.includes('"hang"')) return false
      begun()
      return true
    },
  })
  const network = await shakyNetwork(`https://localhost:${port}/mcp`)
  const process = started(network.url, '--cert-dir', world.certDir, '--initialize-within', '30s')
  process.say(initialize)
  await expect.poll(process.lines).toHaveLength(1)
  process.say(initialized)
  return { ...process, server, network, hasBegun, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }
}

test('after a sleep in which the server has forgotten it, and the network its connections, calls are answered', async () => {
  await using world = await makeWorld()
  await using it = await joined(world)
  it.say(count(1, 'before'))
  await expect.poll(it.lines).toHaveLength(2)
  const pid = it.child.pid ?? 0
  it.child.kill('SIGSTOP')
  await expect.poll(() => isStopped(pid)).toBe(true)
  await it.network.goAway()
  it.server.forget()
  await it.network.comeBack()
  it.say(count(2, 'after')) // it waits in the pipe
  it.child.kill('SIGCONT')
  await expect
    .poll(() => it.lines().find(({ id }) => id === 2), { timeout: 20_000 })
    .toMatchObject({ result: { content: [{ text: 'after' }] } })
  expect(it.server.calls).toEqual(['before', 'after'])
  expect(it.server.opened()).toBe(2)
  it.child.stdin.end()
  expect(await it.ended).toEqual([0, null])
})

test('when stdin ends in a call, it ends the session and then itself', async () => {
  await using world = await makeWorld()
  await using it = await joined(world)
  it.say(count(1, 'hang'))
  await it.hasBegun
  it.child.stdin.end()
  expect(await it.ended).toEqual([0, null])
  expect(it.server.seen).toContain('DELETE')
  expect(it.printed.stderr).not.toMatch(/error/)
})

test('when stdin ends while the network is away, it ends all the same', async () => {
  await using world = await makeWorld()
  await using it = await joined(world)
  await it.network.goAway()
  it.say(count(1, 'away'))
  it.child.stdin.end()
  expect(await it.ended).toEqual([0, null])
})

test('when stdin ends while the network swallows what is said, it ends all the same', async () => {
  await using world = await makeWorld()
  await using it = await joined(world)
  it.network.swallow()
  it.child.stdin.end()
  expect(await it.ended).toEqual([0, null])
})

test('a client that does not read what it is told ends it by closing its own end', async () => {
  await using world = await makeWorld()
  await using it = await joined(world)
  it.child.stdout.destroy()
  it.say(count(1, 'x'.repeat(200_000)))
  it.say(count(2, 'x'.repeat(200_000)))
  expect(await it.ended).toEqual([0, null])
  expect(it.server.seen).toContain('DELETE')
})
