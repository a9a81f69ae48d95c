import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { startServers } from '../../src/cli/commands/serve/start-servers.js'
import { readSettings, type ServerName } from '../../src/config/index.js'
import { plainServer } from '../coordinator/plain-server.js'
import { certificateDirectory } from '../support/certificates.js'
import { type Finished, runCli, startCli } from '../support/cli.js'
import { scratch } from '../support/scratch.js'

type Environment = Record<string, string>

/** Our servers over mTLS on free ports; the environment that leads to them. */
async function fleet(...names: ServerName[]): Promise<Environment> {
  return fleetWith({}, ...names)
}

async function fleetWith(more: Environment, ...names: ServerName[]): Promise<Environment> {
  const env: Environment = {
    ...more,
    TLS_CERT_DIR: await certificateDirectory(),
    WEATHER_PROVIDER: 'simulated',
    WEATHER_MCP_TLS_PORT: '0',
    DATETIME_MCP_TLS_PORT: '0',
    ECHO_MCP_TLS_PORT: '0',
    LOG_LEVEL: 'silent',
  }
  const servers = await startServers(names, readSettings({ env }))
  onTestFinished(async () => {
    await Promise.all(servers.map((server) => server.close({ drainTimeout: 0 })))
  })
  const urls = servers.map(({ url }, index) => [`MCP_${names[index]?.toUpperCase()}_URL`, url])
  return { ...env, ...Object.fromEntries(urls) }
}

/** A port that takes connections and never says a word. */
async function silentPort(): Promise<number> {
  const server = createServer(() => undefined).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** A port nobody listens on any more. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

const askWith = (
  env: Environment,
  args: readonly string[],
  { stdin = '', cwd = scratch() } = {},
): Promise<Finished> => runCli(['ask', ...args], { env, stdin, cwd })

test('answers from two servers over mTLS, and says that the weather is simulated', async () => {
  const env = await fleet('weather', 'datetime')
  const { exitCode, stdout, stderr } = await askWith(env, [
    "What's the weather and the time in Tokyo and in Kathmandu?",
  ])
  expect(stdout.split('\n')).toEqual([
    expect.stringMatching(/°C in Tokyo.*simulated/),
    expect.stringMatching(/°C in Kathmandu.*simulated/),
    expect.stringMatching(/Tokyo.*\+09:00/),
    expect.stringMatching(/Kathmandu.*\+05:45/),
    '',
  ])
  expect([exitCode, stderr]).toEqual([0, ''])
})

test('takes the question from stdin or unquoted, and the city from --city', async () => {
  const env = await fleet('datetime', 'echo')
  expect(await askWith(env, [], { stdin: 'echo hello from a pipe\n' })).toMatchObject({
    exitCode: 0,
    stdout: expect.stringMatching(/hello from a pipe/),
  })
  expect(await askWith(env, ['what', 'time', 'is', 'it', '--city', 'Lima'])).toMatchObject({
    exitCode: 0,
    stdout: expect.stringMatching(/Lima/),
  })
})

test('picks the day that was asked for from a forecast', async () => {
  const env = await fleet('weather')
  const { stdout } = await askWith(env, ['weather in Oslo tomorrow'])
  expect(stdout).toMatch(
    /^Oslo, Norway: \w+day \d+ \w+ -?[\d.]+ to -?[\d.]+ °C, .*\(simulated, not measured\)\.\n$/,
  )
})

test('converts times between cities', async () => {
  const env = await fleet('datetime')
  const { exitCode, stdout } = await askWith(env, ['What time is it in Tokyo when it is 15:00 in Kathmandu?'])
  expect([exitCode, stdout]).toEqual([0, expect.stringMatching(/18:15/)])
})

test('--json has the answer, each call with its TLS facts, and the notices', async () => {
  const env = await fleet('echo')
  const { exitCode, stdout } = await askWith(env, ['echo hello', '--json'])
  expect(exitCode).toBe(0)
  expect(JSON.parse(stdout)).toEqual({
    answer: expect.stringMatching(/hello/),
    planner: 'rules',
    calls: [
      {
        server: 'echo',
        tool: 'echo',
        arguments: { text: 'hello' },
        ok: true,
        result: expect.objectContaining({ original_text: 'hello' }),
        duration_ms: expect.any(Number),
        tls: {
          version: 'TLSv1.3',
          cipher: expect.stringMatching(/^TLS_/),
          key_exchange: expect.anything(),
          resumed: false,
          verified: true,
          peer: 'dns:localhost',
        },
      },
    ],
    notices: [],
  })
})

test('--verbose tells plan, timing and TLS facts on stderr', async () => {
  const env = await fleet('echo')
  const { stdout, stderr } = await askWith(env, ['Who am I?', '--verbose'])
  expect(stderr).toMatch(
    /^plan \(rules\): who you are\n {2}echo +whoami \{\} +\d+ ms +ok +TLSv1\.3 TLS_\S+ .*verified\n$/,
  )
  expect(stdout).not.toMatch(/plan/)
})

test('tells the TLS facts of every call when several share a server', async () => {
  const env = await fleet('datetime')
  const { stdout } = await askWith(env, ['time in Oslo, Lima, Rome, Cairo and Tokyo', '--json'])
  const { calls } = JSON.parse(stdout)
  expect(calls).toHaveLength(5)
  for (const { tls } of calls) expect(tls).toMatchObject({ version: 'TLSv1.3', verified: true })
})

test('a server that is down leaves the rest of the answer, and exits 3', async () => {
  const env = { ...(await fleet('datetime')), MCP_WEATHER_URL: `https://localhost:${await closedPort()}/mcp` }
  const { exitCode, stdout, stderr } = await askWith(env, ['weather and time in Oslo'])
  expect(exitCode).toBe(3)
  expect(stdout).toMatch(/^.*Oslo.*\n.*could not reach the weather server: .*\n$/)
  expect(stderr).toBe('')
  const json = await askWith(env, ['weather and time in Oslo', '--json'])
  expect(JSON.parse(json.stdout).calls).toMatchObject([
    { ok: false, error: { code: 'CONNECTION_FAILED', hint: expect.any(String) }, tls: null },
    { ok: true },
  ])
})

test('a server that refuses our certificate exits 3 with its reason, and nothing on stdout', async () => {
  const env = { ...(await fleet('echo')), TLS_CERT_DIR: await certificateDirectory() }
  const { exitCode, stdout, stderr } = await askWith(env, ['echo hello'])
  expect([exitCode, stdout]).toEqual([3, ''])
  expect(stderr).toMatch(/^error: \w+: I could not use the echo server: .*\nhint: .*\n$/)
})

test('a server that never answers exits 4 when the time is over, and keeps the rest', async () => {
  const env = { ...(await fleet('datetime')), MCP_WEATHER_URL: `https://localhost:${await silentPort()}/mcp` }
  const { exitCode, stdout } = await askWith(env, ['weather and time in Oslo', '--timeout', '700ms'])
  expect(exitCode).toBe(4)
  expect(stdout).toMatch(/^.*Oslo.*\n.*weather server did not answer in time/)
})

test('an unknown city exits 2 with near matches, and keeps the rest', async () => {
  const env = await fleet('weather')
  const alone = await askWith(env, ['weather in Kathmandoo'])
  expect(alone).toMatchObject({
    exitCode: 2,
    stdout: '',
    stderr: expect.stringMatching(/^error: CITY_NOT_FOUND: .*"Kathmandoo".*\nhint: .*Kathmandu/),
  })
  const partly = await askWith(env, ['weather in Oslo and Kathmandoo'])
  expect(partly).toMatchObject({ exitCode: 2, stdout: expect.stringMatching(/Oslo[\s\S]*"Kathmandoo"/) })
  const json = await askWith(env, ['weather in Kathmandoo', '--json'])
  expect(JSON.parse(json.stdout)).toMatchObject({ error: { code: 'CITY_NOT_FOUND' } })
  expect(json.exitCode).toBe(2)
})

test.each([
  ['an empty question', [' '], {}, /empty/],
  ['a question over 500 characters', ['x'.repeat(501)], {}, /500 are allowed/],
  ['no question at all', [], {}, /empty/],
  ['a question without a city', ['what is the weather?'], {}, /--city/],
  ['a question that is not understood', ['sing a song'], {}, /Ask for example/],
  ['an unknown flag', ['--loud', 'echo hello'], {}, /--loud/],
  ['a time limit that is none', ['echo hello', '--timeout', 'soon'], {}, /500ms, 30s, 5m/],
  [
    'a plaintext URL while TLS is on',
    ['echo hello'],
    { MCP_ECHO_URL: 'http://localhost:1/mcp' },
    /plaintext/,
  ],
  ['a file of servers that is not there', ['echo hello', '--config', 'absent.json'], {}, /absent\.json/],
])('%s is bad usage and exits 1', async (_, args, env, message) => {
  const { exitCode, stdout, stderr } = await askWith(env, args)
  expect([exitCode, stdout]).toEqual([1, ''])
  expect(stderr).toMatch(message)
  expect(stderr).toMatch(/^error: [\s\S]*^hint: /m)
})

test('certificates that are missing exit 5 and name the command that makes them', async () => {
  const { exitCode, stderr } = await askWith({ TLS_CERT_DIR: scratch() }, ['weather and time in Oslo'])
  expect(exitCode).toBe(5)
  expect(stderr).toMatch(/^error: CERT_NOT_FOUND: [\s\S]*ca\.crt[\s\S]*^hint: .*cert-gen.*\n$/m)
})

test('takes the servers from a mcpServers file, each with TLS files of its own', async () => {
  const { TLS_CERT_DIR: certDir = '', ...env } = await fleet('echo')
  const file = join(certDir, 'servers.json')
  const tls = { ca: 'ca.crt', cert: 'client.crt', key: 'client.key' }
  const mcpServers = { mirror: { url: env.MCP_ECHO_URL, tls }, files: { command: 'npx' } }
  writeFileSync(file, JSON.stringify({ mcpServers }))
  const { exitCode, stdout, stderr } = await askWith({}, ['echo hello', '--config', file, '--json'])
  expect(exitCode).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({
    calls: [{ server: 'mirror', ok: true }],
    notices: [expect.stringMatching(/server "files" skipped/)],
  })
  expect(stderr).toMatch(/^note: .*server "files" skipped/)
})

test('shows what a peer wrote with its control characters escaped', async () => {
  const hostile = '\u001b[31mred\u202e\u009b0m'
  await using server = await plainServer({ name: 'echo', answer: () => ({ sentence: hostile }) })
  const env = { TLS_ENABLED: 'false', MCP_ECHO_URL: server.url }
  const { stdout } = await askWith(env, ['echo hello'])
  expect(stdout).toBe('\\x1b[31mred\\u{202e}\\x9b0m\n')
  const json = await askWith(env, ['echo hello', '--json'])
  expect(json.stdout).not.toMatch(/[^\P{Cc}\n]|\u202e/u)
  expect(JSON.parse(json.stdout)).toMatchObject({ answer: hostile, calls: [{ tls: null }] })
})

test('notes every server that demo mode let pass unverified', async () => {
  const env = await fleetWith({ TLS_DEMO_MODE: 'true' }, 'echo')
  const stranger = { ...env, TLS_CERT_DIR: await certificateDirectory('Another CA') }
  const { exitCode, stdout, stderr } = await askWith(stranger, ['echo hello', '--json'])
  const notice = expect.stringMatching(
    /^demo mode: the certificate of the echo server was not verified \(issuer-unknown\)$/,
  )
  expect([exitCode, stderr]).toEqual([0, expect.stringMatching(/^note: demo mode: .*\n$/)])
  expect(JSON.parse(stdout)).toMatchObject({ notices: [notice], calls: [{ tls: { verified: false } }] })
})

test('writes security events to the file of --security-log', async () => {
  const cwd = scratch()
  await askWith(await fleet('echo'), ['echo hello', '--security-log', 'security.log'], { cwd })
  expect(existsSync(join(cwd, 'security.log'))).toBe(true)
  expect(readFileSync(join(cwd, 'security.log'), 'utf8')).toMatch(/"connection-accepted"/)
})

test.each(['SIGINT', 'SIGTERM'] as const)('%s ends a question at once with 130', async (signal) => {
  let connected: () => void = () => undefined
  const waiting = new Promise<void>((resolve) => {
    connected = resolve
  })
  const server = createServer(() => connected()).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const { process, finished } = startCli(['ask', 'echo hello'], {
    cwd: scratch(),
    env: { TLS_CERT_DIR: await certificateDirectory(), MCP_ECHO_URL: `https://localhost:${port}/mcp` },
  })
  await waiting
  process.kill(signal)
  expect(await finished).toMatchObject({ exitCode: 130, signal: null, stdout: '' })
})
