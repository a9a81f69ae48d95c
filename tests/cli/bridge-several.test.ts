import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { initialize, started } from '../support/bridge-process.js'
import { certificateDirectory } from '../support/certificates.js'
import { runCli } from '../support/cli.js'
import { scratch } from '../support/scratch.js'
import { makeWorld, serveTest } from '../support/world.js'

/** The command, with one client that has begun; gives what a request is answered. */
async function opened(...args: string[]) {
  const bridge = started(...args, '--initialize-within', '30s')
  bridge.say(initialize)
  await expect.poll(bridge.lines).toHaveLength(1)
  bridge.say({ jsonrpc: '2.0', method: 'notifications/initialized' })
  const ask = async (method: string, params: object = {}) => {
    const id = crypto.randomUUID()
    bridge.say({ jsonrpc: '2.0', id, method, params })
    await expect.poll(() => bridge.lines().some((line) => line.id === id)).toBe(true)
    return bridge.lines().find((line) => line.id === id)
  }
  return { ...bridge, ask }
}

const namesOf = ({ result }: { result: { tools: { name: string }[] } }) =>
  result.tools.map(({ name }) => name)

test('several URLs are one server, on stdin and stdout', async () => {
  await using world = await makeWorld()
  await using one = await serveTest({ tls: world.tls })
  await using other = await serveTest({ tls: world.tls })
  const { ask, child, ended } = await opened(one.server.url, other.server.url, '--cert-dir', world.certDir)
  const names = namesOf(await ask('tools/list'))
  const { port } = new URL(other.server.url)
  expect(names).toEqual([
    ...['localhost_echo', 'localhost_who', 'localhost_count'],
    ...['echo', 'who', 'count'].map((name) => `localhost_${port}_${name}`),
  ])
  await ask('tools/call', { name: `localhost_${port}_echo`, arguments: { text: 'hello' } })
  expect([one.calls, other.calls]).toEqual([[], ['hello']])
  child.stdin.end()
  expect(await ended).toEqual([0, null])
})

test('servers of a file, each with its own certificate; one that is wrong stops no other', async () => {
  await using world = await makeWorld()
  await using elsewhere = await makeWorld()
  await using one = await serveTest({ tls: world.tls })
  await using other = await serveTest({ tls: elsewhere.tls })
  const file = join(scratch(), 'servers.json')
  const log = join(scratch(), 'bridge.log')
  const filesOf = (dir: string) => ({
    ca: join(dir, 'ca.crt'),
    cert: join(dir, 'client.crt'),
    key: join(dir, 'client.key'),
  })
  writeFileSync(
    file,
    `{ // as clients keep it
      "mcpServers": {
        "first": ${JSON.stringify({ url: one.server.url, tls: filesOf(world.certDir) })},
        "wrong": { "url": "ftp://localhost/" },
        "program": { "command": "node", "args": [] },
        "second": ${JSON.stringify({ url: other.server.url, tls: filesOf(elsewhere.certDir) })},
      },
    }`,
  )
  const { ask } = await opened('--config', file, '--log-file', log)
  expect(namesOf(await ask('tools/list'))).toContain('second_echo')
  await ask('tools/call', { name: 'second_echo', arguments: { text: 'to the second' } })
  await ask('tools/call', { name: 'first_echo', arguments: { text: 'to the first' } })
  expect([one.calls, other.calls]).toEqual([['to the first'], ['to the second']])
  expect(readFileSync(log, 'utf8')).toMatch(/server \\"wrong\\" skipped/)

  const only = await opened('--config', file, '--server', 'second')
  expect(namesOf(await only.ask('tools/list'))).toEqual(['echo', 'who', 'count'])
})

test('an entry of the file that is called like the host of a URL is a server beside it', async () => {
  await using world = await makeWorld()
  await using one = await serveTest({ tls: world.tls })
  await using other = await serveTest({ tls: world.tls })
  const file = join(scratch(), 'servers.json')
  const [first, second] = [{ url: other.server.url }, { url: one.server.url }]
  writeFileSync(file, JSON.stringify({ mcpServers: { localhost: first, 'localhost-2': second } }))
  const { ask } = await opened(one.server.url, '--config', file, '--cert-dir', world.certDir)
  const names = namesOf(await ask('tools/list'))
  expect(names.filter((name) => name.endsWith('echo'))).toEqual([
    ...['localhost_echo', 'localhost-2_echo', 'localhost-2-2_echo'],
  ])
})

test.each([
  [['--config', 'absent.json'], 64, /absent\.json/],
  [['--config', 'servers.json', '--server', 'frist'], 64, /no server "frist".*Did you mean first\?/s],
  [['--server', 'first'], 64, /--server names an entry of --config/],
  [
    ['https://localhost:1/mcp', 'https://localhost:2/mcp', '--header', 'A: b'],
    64,
    /--header is for one server/,
  ],
  [
    ['https://localhost:2/mcp', '--config', 'servers.json', '--header', 'A: b'],
    64,
    /"headers" of the server/,
  ],
  [['https://localhost:1/mcp', '--origin', 'https://app.example'], 64, /--listen/],
  [['https://localhost:1/mcp', '--listen', 'soon'], 64, /no HOST:PORT/],
  [['https://localhost:1/mcp', '--listen', '0.0.0.0:1'], 64, /loopback/],
  [['https://localhost:1/mcp', '--listen', '127.0.0.1:70000'], 64, /65535/],
  [['https://localhost:1/mcp', '--listen', '127.0.0.1:0', '--origin', 'null'], 64, /origin/],
])('bridge %j is refused with words', async (args, exitCode, words) => {
  const cwd = scratch()
  writeFileSync(join(cwd, 'servers.json'), '{"mcpServers": {"first": {"url": "https://localhost:1/mcp"}}}')
  const result = await runCli(['bridge', ...args, '--cert-dir', await certificateDirectory()], { cwd })
  expect(result.stderr).toMatch(words)
  expect(result).toMatchObject({ exitCode, stdout: '' })
})

test('--listen prints its URL, which is in no log, and ends with a signal, not with stdin', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls, sessions: true })
  const log = join(scratch(), 'bridge.log')
  const args = ['--listen', '127.0.0.1:0', '--cert-dir', world.certDir, '--log-file', log]
  const { child, printed, ended } = started(served.server.url, ...args)
  child.stdin.end()
  await expect.poll(() => printed.stdout).toMatch(/\n$/)
  const url = printed.stdout.trim()
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/[\w-]{22,}$/)
  expect(await runCli(['call', url, 'echo', 'text=hello', '--tls-enabled', 'false'])).toMatchObject({
    exitCode: 0,
    stdout: 'hello\n',
  })
  expect(served.calls).toEqual(['hello'])
  child.kill('SIGTERM')
  expect(await ended).toEqual([0, null])
  expect(readFileSync(log, 'utf8') + printed.stderr).not.toContain(new URL(url).pathname.slice(1))
})
