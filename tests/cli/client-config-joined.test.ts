import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { build as buildBridge } from '../../src/cli/commands/bridge/command.js'
import { bridgeSettings } from '../../src/cli/commands/client-config/flags.js'
import { flagOf } from '../../src/config/settings/setting-table.js'
import { type ClientName, desktopClients } from '../../src/desktop/clients.js'
import { type OwnServer, ownServers } from '../../src/desktop/install.js'
import { runCli } from '../support/cli.js'
import { forge } from '../support/forge.js'
import { freePort } from '../support/free-port.js'
import { scratch } from '../support/scratch.js'
import { type StartedEntry, startEntry } from '../support/started-entry.js'
import { makeWorld, serveTest } from '../support/world.js'

// What `client-config` writes is started as a client does, and reaches a server over mutual TLS.

interface ToolList {
  readonly tools: readonly { readonly name: string }[]
}

const toolsOf = async ({ ask }: StartedEntry) =>
  ((await ask('tools/list')) as unknown as ToolList).tools.map(({ name }) => name)

const echoed = async ({ ask }: StartedEntry, name = 'echo') =>
  (await ask('tools/call', { name, arguments: { text: 'hello' } })) as unknown

const hello = { content: [{ type: 'text', text: 'hello' }] }

/** A user who has nothing but this; what is installed in the client's file. */
function user(name: ClientName) {
  const home = scratch()
  const config = async (args: readonly string[], env: Record<string, string> = {}) => {
    const all = ['client-config', ...args, '--client', name, '--json']
    const result = await runCli(all, { cwd: home, env: { HOME: home, ...env } })
    expect(result).toMatchObject({ exitCode: 0 })
    return JSON.parse(result.stdout).clients[0]
  }
  const installed = async (path: string): Promise<OwnServer> => {
    const [server] = await ownServers({ client: desktopClients[name], path })
    if (!server) throw new Error(`nothing is installed in ${path}`)
    return server
  }
  return { home, config, installed }
}

test.each<ClientName>(['cursor', 'vscode', 'opencode', 'codex', 'goose', 'continue'])(
  '%s: what is installed reaches the server, without PATH, from the root directory',
  async (name) => {
    await using world = await makeWorld()
    await using server = await serveTest({ tls: world.tls })
    const { config, installed } = user(name)
    const { file, test } = await config([
      ...[server.server.url, '--name', 'far', '--cert-dir', world.certDir],
      ...['--install', '--test'],
    ])
    expect(test.tools).toEqual(['echo', 'who', 'count'])
    const entry = await startEntry((await installed(file)).launch)
    expect(await toolsOf(entry)).toEqual(['echo', 'who', 'count'])
    expect(await echoed(entry)).toMatchObject(hello)
    expect(server.calls).toEqual(['hello'])
    expect(await entry.end()).toBe(0)
  },
)

test('several servers are one entry, and one bridge; what has one name gets that of its server', async () => {
  await using world = await makeWorld()
  await using one = await serveTest({ tls: world.tls })
  await using other = await serveTest({ tls: world.tls })
  const { config, installed } = user('cursor')
  const flags = ['--name', 'both', '--cert-dir', world.certDir, '--install', '--test']
  const { file, test } = await config([one.server.url, other.server.url, ...flags])
  const { port } = new URL(other.server.url)
  expect(test.tools).toContain(`localhost_${port}_echo`)
  const { launch, urls } = await installed(file)
  expect(urls).toEqual([one.server.url, other.server.url])
  expect(await echoed(await startEntry(launch), `localhost_${port}_echo`)).toMatchObject(hello)
  expect([one.calls, other.calls]).toEqual([[], ['hello']])
})

test('servers of a file that other clients read are installed by its name, and read at each start', async () => {
  await using world = await makeWorld()
  await using server = await serveTest({ tls: world.tls })
  const { home, config, installed } = user('cursor')
  const servers = { far: { url: server.server.url } }
  writeFileSync(join(home, 'servers.json'), JSON.stringify({ mcpServers: servers }))
  const flags = ['--name', 'far', '--cert-dir', world.certDir, '--install', '--test']
  const { file, test } = await config(['--config', 'servers.json', ...flags])
  expect(test.tools).toEqual(['echo', 'who', 'count'])
  expect(await echoed(await startEntry((await installed(file)).launch))).toMatchObject(hello)
})

test('a key with a passphrase, which stands in a file of its own', async () => {
  await using world = await makeWorld()
  await using server = await serveTest({ tls: world.tls })
  const { home, config, installed } = user('codex')
  const pem = world.client.privateKey.export({
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase: 'swordfish',
  })
  writeFileSync(join(home, 'encrypted.key'), pem)
  writeFileSync(join(home, 'word'), 'swordfish\n', { mode: 0o600 })
  const flags = [
    '--cert-dir',
    world.certDir,
    '--client-key',
    'encrypted.key',
    '--key-passphrase-file',
    'word',
  ]
  const { file, test } = await config([server.server.url, ...flags, '--install', '--test'])
  expect(test.tools).toContain('echo')
  const { launch } = await installed(file)
  expect(launch.env).toEqual({ TLS_KEY_PASSPHRASE_FILE: join(home, 'word') })
  expect(await echoed(await startEntry(launch))).toMatchObject(hello)
})

test('every flag that is written into an entry is one of the bridge', () => {
  const known = buildBridge({} as never).options.map(({ long }) => long)
  // The passphrase is a variable in the entry.
  const settings = bridgeSettings.filter((name) => name !== 'keyPassphraseFile').map(flagOf)
  const written = [...settings, '--server-id', '--header', '--config', '--log-file']
  expect(written.filter((flag) => !known.includes(flag))).toEqual([])
})

test('an entry with every flag works', async () => {
  const spiffe = 'spiffe://example.org/test'
  await using plain = await makeWorld()
  const leaf = await forge({ issuer: plain.ca, usage: 'server', commonName: 'mcp-server', uri: [spiffe] })
  await using world = await makeWorld({ ca: plain.ca, server: leaf })
  await using server = await serveTest({ tls: world.tls })
  const { home, config, installed } = user('goose')
  mkdirSync(join(home, 'logs'))
  const at = (name: string) => join(world.certDir, name)
  const flags = [
    ...['--cert-dir', world.certDir, '--ca-cert', at('ca.crt')],
    ...['--client-cert', at('client.crt'), '--client-key', at('client.key')],
    ...['--trust-domains', `example.org=${at('ca.crt')}`, '--crl-missing', 'allow'],
    ...['--demo-mode', 'false', '--demo-allow-remote', 'false', '--min-version', 'TLSv1.3'],
    ...['--timeout', '30s', '--server-id', spiffe],
    ...['--header', 'X-Team: red', '--log-file', 'logs/bridge.log'],
  ]
  const { file, test } = await config([server.server.url, ...flags, '--install', '--test'])
  expect(test.tools).toContain('echo')
  const { launch } = await installed(file)
  expect(flags.filter((word) => word.startsWith('--') && !launch.args.includes(word))).toEqual([])
  expect(await echoed(await startEntry(launch))).toMatchObject(hello)
})

test('a server that is not there is told in the words of the bridge, by --test and to the client', async () => {
  await using world = await makeWorld()
  const { home, config, installed } = user('cursor')
  const url = `https://localhost:${await freePort()}/mcp`
  const { file } = await config([url, '--cert-dir', world.certDir, '--install'])
  const tried = await runCli(['client-config', '--client', 'cursor', '--test'], {
    cwd: home,
    env: { HOME: home },
  })
  expect(tried.stderr).toContain('CONNECTION_FAILED: nothing is listening on localhost:')
  expect(tried.exitCode).toBe(1)
  const entry = await startEntry((await installed(file)).launch)
  expect(await entry.ask('tools/list')).toMatch(/^CONNECTION_FAILED: nothing is listening on localhost:/)
  expect(await entry.end()).toBe(0)
})
