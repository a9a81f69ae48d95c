import { expect, test } from 'vitest'
import { bin, runCli } from '../support/cli.js'
import { clientV1, clientV2, clientV2Auto, type Open, type Peer } from '../support/compare/clients.js'
import { everythingProgram } from '../support/compare/everything.js'
import { exposed } from '../support/exposed.js'
import { scratch } from '../support/scratch.js'
import { makeWorld, serveTest, testServer, type World } from '../support/world.js'

// The reference server behind the gate, which has sessions alone, and two of ours, which speak both eras.

const clients: readonly (readonly [string, Open])[] = [
  ['SDK v1', clientV1],
  ['SDK v2', clientV2],
  ['SDK v2 that looks for a newer era first', clientV2Auto],
]

async function joined(world: World, open: Open, use: (peer: Peer, port: string) => Promise<void>) {
  const { url } = await exposed(world, [everythingProgram.command, ...everythingProgram.args])
  await using one = await serveTest({ tls: world.tls })
  await using other = await serveTest({ tls: world.tls, sessions: true })
  const urls = [url, one.server.url, other.server.url]
  const args = [bin, 'bridge', ...urls, '--cert-dir', world.certDir, '--initialize-within', '30s']
  await using peer = await open({ command: process.execPath, args })
  await use(peer, new URL(one.server.url).port)
  expect([one.calls, other.calls]).toEqual([['hello'], []])
}

test.each(clients)('a client of %s has all of three servers', async (_sdk, open) => {
  await using world = await makeWorld()
  await joined(world, open, async (peer, port) => {
    const { tools } = await peer.client.listTools()
    const names = tools.map(({ name }) => name)
    expect(names.filter((name) => name.endsWith('echo'))).toHaveLength(3)
    expect(names).toEqual(expect.arrayContaining(['get-sum', `localhost_${port}_echo`]))
    expect(names.filter((name) => !/^[A-Za-z0-9_-]{1,64}$/.test(name))).toEqual([])
    const sum = await peer.call('get-sum', { a: 2, b: 3 })
    expect(sum).toMatchObject({ content: [{ text: expect.stringContaining('5') }] })
    const echo = await peer.call(`localhost_${port}_echo`, { text: 'hello' })
    expect(echo).toMatchObject({ content: [{ text: 'hello' }] })
    const asked = await peer.call('trigger-elicitation-request', {})
    expect(asked).toMatchObject({ content: expect.anything() })
    expect(peer.asked).toHaveLength(1)
    const { resources } = await peer.client.listResources()
    const [first] = resources
    expect(await peer.client.readResource({ uri: first?.uri ?? '' })).toMatchObject({
      contents: [{ uri: first?.uri }],
    })
    const { prompts } = await peer.client.listPrompts()
    expect(prompts.map(({ name }) => name)).toContain('simple-prompt')
    expect(await peer.client.getPrompt({ name: 'simple-prompt' })).toMatchObject({ messages: [{}] })
  })
})

test('what client-config writes for several URLs starts them as one', async () => {
  await using world = await makeWorld()
  await using one = await serveTest({ tls: world.tls })
  await using other = await serveTest({ tls: world.tls }, () => testServer())
  const home = scratch()
  const run = (...args: string[]) =>
    runCli(['client-config', ...args, '--client', 'cursor'], { cwd: home, env: { HOME: home } })
  const urls = [one.server.url, other.server.url]
  expect(await run(...urls, '--cert-dir', world.certDir, '--install')).toMatchObject({ exitCode: 0 })
  const { stdout, stderr, exitCode } = await run('--test')
  expect(stdout).toContain('6 tools')
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 })
})
