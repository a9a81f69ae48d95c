import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { launchNotices, stableNode } from '../../src/cli/commands/client-config/bridge-launch.js'
import { bin, runCli, startCli } from '../support/cli.js'
import { scratch } from '../support/scratch.js'

const url = 'https://weather.example.org:8443/mcp'
const standIn = fileURLToPath(new URL('../desktop/programs/mcp-mtls.js', import.meta.url))

/** What a program writes into a file once it runs. */
async function written(path: string): Promise<string> {
  while (!existsSync(path) || readFileSync(path, 'utf8') === '')
    await new Promise((resolve) => setImmediate(resolve))
  return readFileSync(path, 'utf8')
}

/** A user with a home directory, in which a client is. */
function user(...clients: string[]) {
  const home = scratch()
  for (const client of clients) mkdirSync(join(home, client), { recursive: true })
  const run = (args: readonly string[], env: Record<string, string> = {}) =>
    runCli(['client-config', ...args], { cwd: home, env: { HOME: home, ...env } })
  const json = async (args: readonly string[], env: Record<string, string> = {}) =>
    JSON.parse((await run([...args, '--json'], env)).stdout)
  return { home, run, json, cursor: join(home, '.cursor/mcp.json') }
}

describe('printing', () => {
  test('the entry starts our bridge with absolute paths, and can be pasted', async () => {
    const { home, run } = user('.cursor')
    const { exitCode, stdout, stderr } = await run([url, '--client', 'cursor'])
    expect(exitCode).toBe(0)
    expect(JSON.parse(stdout)).toEqual({
      mcpServers: {
        weather: { command: process.execPath, args: [bin, 'bridge', url, '--cert-dir', join(home, 'certs')] },
      },
    })
    expect(stderr).toContain(`Cursor: this belongs into .cursor/mcp.json`)
    expect(stderr).toContain(`note: not there yet: ${join(home, 'certs/ca.crt')}, `)
  })

  test('a file of servers that is not there is told, as a certificate is', async () => {
    const { home, run } = user()
    const { exitCode, stderr } = await run(['--config', 'servers.json'])
    expect(exitCode).toBe(0)
    expect(stderr).toMatch(new RegExp(`^note: not there yet: .*${join(home, 'servers.json')}$`, 'm'))
  })

  test('without a client it is in the form that most have', async () => {
    expect(JSON.parse((await user().run([url])).stdout).mcpServers.weather.command).toBe(process.execPath)
  })

  test('every flag of the connection is in it, and settings of the environment too', async () => {
    const { home, run } = user()
    writeFileSync(join(home, '.env'), 'TLS_MIN_VERSION=TLSv1.3\n')
    writeFileSync(join(home, 'word'), 'the word\n')
    const other = new URL('/other', url).href
    const { stdout } = await run(
      [
        ...[url, other, '--client', 'goose', '--name', 'both'],
        ...['--client-cert', 'me.crt', '--client-key', 'me.key', '--ca-cert', 'ca.crt'],
        ...['--server-id', 'spiffe://example.org/a', '--server-id', 'spiffe://example.org/b'],
        ...['--header', 'X-Team: weather', '--log-file', 'bridge.log', '--timeout', '5s'],
      ],
      { TLS_KEY_PASSPHRASE_FILE: 'word' },
    )
    const { cmd, args, envs, name } = parse(stdout).extensions.both
    expect({ cmd, envs, name }).toEqual({
      cmd: process.execPath,
      envs: { TLS_KEY_PASSPHRASE_FILE: join(home, 'word') },
      name: 'both',
    })
    expect(args).toEqual([
      ...[bin, 'bridge', url, other],
      ...['--ca-cert', join(home, 'ca.crt'), '--client-cert', join(home, 'me.crt')],
      ...['--client-key', join(home, 'me.key'), '--min-version', 'TLSv1.3', '--timeout', '5s'],
      ...['--server-id', 'spiffe://example.org/a', '--server-id', 'spiffe://example.org/b'],
      ...['--header', 'X-Team: weather', '--log-file', join(home, 'bridge.log')],
    ])
    expect(stdout).not.toContain('the word')
  })

  test('a passphrase of the environment is not written, and that is told', async () => {
    const { run } = user()
    const { stdout, stderr } = await run([url], { TLS_KEY_PASSPHRASE: 'swordfish' })
    expect(stdout + stderr).not.toContain('swordfish')
    expect(stderr).toContain('note: the passphrase of the key is not written into the entry')
  })

  test('a secret in a header is written as it is, and that is told', async () => {
    const { stdout, stderr } = await user().run([url, '--header', 'Authorization: Bearer abc.def'])
    expect(stdout).toContain('"Authorization: Bearer abc.def"')
    expect(stderr).toContain('note: the values of --header are written into the entry')
  })

  test('several clients, as JSON', async () => {
    const { json, home } = user()
    const { clients } = await json([url, '--client', 'codex', '--client', 'opencode'])
    expect(clients).toMatchObject([
      { client: 'codex', name: 'weather', format: 'toml', file: join(home, '.codex/config.toml') },
      {
        client: 'opencode',
        format: 'json',
        entry: {
          type: 'local',
          command: [process.execPath, bin, 'bridge', url, '--cert-dir', join(home, 'certs')],
        },
      },
    ])
    expect(clients[0].text).toContain('[mcp_servers.weather]\n')
  })
})

describe('installing', () => {
  test('and again, and taking it out', async () => {
    const { run, json, cursor } = user('.cursor')
    writeFileSync(cursor, '{\r\n\t"mcpServers": {}, // none yet\r\n}\r\n')
    const first = await run([url, '--client', 'cursor', '--install'])
    expect(first.exitCode).toBe(0)
    expect(first.stdout).toBe(
      [
        '✓ Cursor: "weather" is in .cursor/mcp.json',
        '  previous version: .cursor/mcp.json.mcp-mtls.bak',
        'Next: Switch the server on in the settings of Cursor, under MCP.',
        '',
      ].join('\n'),
    )
    const installed = readFileSync(cursor, 'utf8')
    expect(await json([url, '--client', 'cursor', '--install'])).toEqual({
      clients: [
        { client: 'cursor', scope: 'user', file: cursor, name: 'weather', action: 'install', changed: false },
      ],
    })
    expect(readFileSync(cursor, 'utf8')).toBe(installed)
    expect((await run(['--client', 'cursor', '--uninstall'])).stdout).toContain(
      '"weather" is out of .cursor/mcp.json',
    )
    expect(readFileSync(cursor, 'utf8')).toBe('{\r\n\t"mcpServers": {}, // none yet\r\n}\r\n')
    const nothing = await run(['--client', 'cursor', '--uninstall'])
    expect(nothing).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('no server of ours is in') })
  })

  test('several clients: one whose file is not understood does not stop the others', async () => {
    const { home, json, run, cursor } = user('.cursor', '.codex')
    writeFileSync(cursor, '{\n  "mcpServers": {,}\n}\n')
    const args = [url, '--client', 'cursor', '--client', 'codex', '--install']
    const { exitCode, stderr } = await run(args)
    expect(exitCode).toBe(1)
    expect(stderr).toContain(`error: CLIENT_CONFIG_FAILED: Cursor: ${cursor}:2:18 is not valid JSON`)
    expect(readFileSync(join(home, '.codex/config.toml'), 'utf8')).toContain('[mcp_servers.weather]')
    expect(await json(args)).toMatchObject({
      clients: [
        { client: 'cursor', error: { code: 'CLIENT_CONFIG_FAILED' } },
        { client: 'codex', changed: false },
      ],
    })
  })

  test('into the file of a project', async () => {
    const { home, run } = user()
    expect((await run([url, '--client', 'kiro', '--install'])).stderr).toContain(
      'nothing of Kiro is here yet',
    )
    expect((await run([url, '--client', 'claude-code', '--scope', 'project', '--install'])).exitCode).toBe(0)
    expect(JSON.parse(readFileSync(join(home, '.mcp.json'), 'utf8')).mcpServers.weather.type).toBe('stdio')
    const none = await run([url, '--client', 'windsurf', '--scope', 'project', '--install'])
    expect(none).toMatchObject({
      exitCode: 64,
      stderr: expect.stringContaining('Windsurf has no file for a project'),
    })
  })

  test('several servers of ours: which one is to go is asked for', async () => {
    const { run } = user('.cursor')
    for (const name of ['one', 'two']) await run([url, '--client', 'cursor', '--name', name, '--install'])
    const { exitCode, stderr } = await run(['--client', 'cursor', '--uninstall'])
    expect({ exitCode, stderr }).toEqual({
      exitCode: 64,
      stderr: expect.stringContaining('one, two\nhint: Say which'),
    })
    expect((await run(['--client', 'cursor', '--name', 'one', '--uninstall'])).exitCode).toBe(0)
  })

  test.each<readonly [args: readonly string[], problem: string]>([
    [[], 'no server given'],
    [[url, '--install'], 'no client given\nhint: Add --client NAME. Here are: cursor.'],
    [[url, '--client', 'emacs'], 'unknown client "emacs"\nhint: Known are claude-desktop, '],
    [['http://weather.example.org/mcp'], 'use https://'],
    [['weather'], 'allowed are https:// URLs'],
    [
      [url, '--client', 'gemini-cli', '--name', 'my_server'],
      'invalid name "my_server" for Gemini CLI. Use letters',
    ],
    [[url, '--client', 'cursor', '--install', '--uninstall'], "cannot be used with option '--uninstall'"],
    [[url, '--server-id', 'somebody'], 'allowed are spiffe://'],
    [[url, '--header', 'no colon'], '--header: expected NAME: VALUE'],
    [[url, 'https://other.example/mcp', '--header', 'A: b'], '--header is for one server'],
    [[url, '--mcpb', 'x.mcpb', '--cert-dir', 'certs'], '--mcpb: a bundle cannot have --cert-dir'],
  ])('%j is bad usage', async (args, problem) => {
    const { exitCode, stderr } = await user('.cursor').run(args)
    expect({ exitCode, stderr }).toEqual({ exitCode: 64, stderr: expect.stringContaining(problem) })
  })

  test('a name that another server has is bad usage, and its file is as it was', async () => {
    const { run, cursor } = user('.cursor')
    writeFileSync(cursor, '{"mcpServers":{"weather":{"url":"https://weather.example.org"}}}')
    const { exitCode, stderr } = await run([url, '--client', 'cursor', '--install'])
    expect({ exitCode, stderr }).toEqual({
      exitCode: 64,
      stderr: expect.stringContaining('hint: Give ours another name: --name NAME.'),
    })
    expect(readFileSync(cursor, 'utf8')).toBe(
      '{"mcpServers":{"weather":{"url":"https://weather.example.org"}}}',
    )
  })
})

describe('listing', () => {
  test('says which clients are here, what is installed, and which file is not understood', async () => {
    const { home, run, json, cursor } = user('.cursor', '.codex')
    await run([url, '--client', 'cursor', '--install'])
    writeFileSync(join(home, '.codex/config.toml'), 'model = \n')
    const { exitCode, stdout } = await run(['--list'])
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(new RegExp(`^cursor +yes +weather \\(${url}\\) +\\.cursor/mcp\\.json$`, 'm'))
    expect(stdout).toMatch(/^vscode +no +– /m)
    expect(stdout).toMatch(/^codex +yes +see below +/m)
    expect(stdout).toMatch(/^codex: .*config\.toml:2:1 is not valid TOML/m)
    const { clients } = await json(['--list'])
    expect(clients).toHaveLength(16)
    expect(clients[2]).toEqual({
      client: 'cursor',
      title: 'Cursor',
      here: true,
      file: cursor,
      servers: [
        {
          name: 'weather',
          urls: [url],
          command: process.execPath,
          args: [bin, 'bridge', url, '--cert-dir', join(home, 'certs')],
        },
      ],
    })
    expect((await json(['--list', '--client', 'codex'])).clients).toMatchObject([
      { client: 'codex', here: true, servers: [], error: { code: 'CLIENT_CONFIG_FAILED' } },
    ])
  })
})

describe('trying what is installed', () => {
  /** Installs it, and puts a program in the place of our own. */
  async function installed(host: string) {
    const home = user('.cursor')
    await home.run([`https://${host}/mcp`, '--client', 'cursor', '--name', 'far', '--install'])
    writeFileSync(home.cursor, readFileSync(home.cursor, 'utf8').replace(bin, standIn))
    return home
  }

  test('lists its tools', async () => {
    const { run, json } = await installed('usual')
    expect((await run(['--client', 'cursor', '--test'])).stdout).toBe(
      '✓ far-away 1.2.3 answers through "far", 2 tools: getTemperature, getForecast\n',
    )
    expect((await json(['--client', 'cursor', '--test'])).clients[0].test).toEqual({
      server: 'far-away',
      version: '1.2.3',
      tools: ['getTemperature', 'getForecast'],
    })
  })

  test('tells what went wrong', async () => {
    const { run } = await installed('broken')
    const { exitCode, stderr } = await run(['--client', 'cursor', '--test'])
    expect(exitCode).toBe(1)
    expect(stderr).toContain('CERT_NOT_FOUND: certificates of the client: /certs/client.crt does not exist')
  })

  test('gives up after --timeout', async () => {
    const { run } = await installed('silent')
    const { exitCode, stderr } = await run(['--client', 'cursor', '--test', '--timeout', '500ms'])
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: expect.stringContaining('no answer within') })
  })

  test('ends at Ctrl-C, and what it started with it', async () => {
    const { home } = await installed('silent')
    const pids = join(home, 'pid')
    const running = startCli(['client-config', '--client', 'cursor', '--test'], {
      cwd: home,
      env: { HOME: home },
    })
    const pid = await written(pids)
    running.process.kill('SIGINT')
    expect(await running.finished).toMatchObject({ exitCode: 130, stdout: '' })
    expect(() => process.kill(Number(pid), 0)).toThrow('ESRCH')
  })

  test('needs one that is installed', async () => {
    const { exitCode, stderr } = await user('.cursor').run(['--client', 'cursor', '--test'])
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: expect.stringContaining('no server of ours is in'),
    })
  })
})

test('a bundle is made for all who have its URL', async () => {
  const { home, run, json } = user()
  const args = [url, '--mcpb', 'weather.mcpb', '--server-id', 'spiffe://example.org/a']
  const { stdout, exitCode } = await run(args)
  expect(exitCode).toBe(0)
  expect(stdout).toMatch(
    /^weather\.mcpb {2}\d+ bytes {2}sha256:[0-9a-f]{64}\nNext: open it in Claude Desktop/,
  )
  expect(await json(args)).toEqual({
    file: join(home, 'weather.mcpb'),
    name: 'weather',
    version: expect.any(String),
    bytes: readFileSync(join(home, 'weather.mcpb')).length,
    sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
  })
})

test('Homebrew: the node that stays is written, not that of one version', () => {
  const there = (path: string) => path === '/opt/homebrew/opt/node@22/bin/node'
  expect(stableNode('/opt/homebrew/Cellar/node@22/22.11.0/bin/node', there)).toBe(
    '/opt/homebrew/opt/node@22/bin/node',
  )
  expect(stableNode('/opt/homebrew/Cellar/node/22.11.0/bin/node', there)).toBe(
    '/opt/homebrew/Cellar/node/22.11.0/bin/node',
  )
  expect(stableNode('/usr/bin/node', () => true)).toBe('/usr/bin/node')
})

test.each([
  [
    '/home/me/.npm/_npx/0123abcd/node_modules/mcp-mtls/dist/bundle/mcp-mtls.js',
    '/usr/bin/node',
    /npm install -g mcp-mtls/,
  ],
  [
    'C:\\Users\\me\\AppData\\Local\\npm-cache\\_npx\\0\\node_modules\\mcp-mtls\\dist\\bundle\\mcp-mtls.js',
    'node',
    /cache/,
  ],
  [
    '/usr/lib/node_modules/mcp-mtls/dist/bundle/mcp-mtls.js',
    '/home/me/.nvm/versions/node/v22.1.0/bin/node',
    /one version of Node/,
  ],
])('what will not stay is told: %s %s', (path, command, note) => {
  expect(launchNotices({ command, args: [], env: {} }, path)).toEqual([expect.stringMatching(note)])
})

test('what stays is not talked about', () => {
  const path = '/usr/lib/node_modules/mcp-mtls/dist/bundle/mcp-mtls.js'
  expect(launchNotices({ command: '/usr/bin/node', args: [], env: {} }, path)).toEqual([])
})
