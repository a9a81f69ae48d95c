import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { connect, type MtlsClient } from '../../src/client/index.js'
import { serve } from '../../src/server/index.js'
import { builtInServers } from '../../src/servers/index.js'
import { getJson } from '../support/call.js'
import { certificateDirectory } from '../support/certificates.js'
import { type Running, runCli, startCli } from '../support/cli.js'
import { alive } from '../support/processes.js'
import { directoryWith, scratch } from '../support/scratch.js'

const program = fileURLToPath(new URL('../expose/programs/echo.mjs', import.meta.url))
const command = ['--', process.execPath, program]

interface Exposed extends Running {
  readonly certDir: string
  readonly url: string
  readonly cwd: string
}

/** `expose` with a program that follows `args`, when it listens. */
async function exposing(args: readonly string[], env: Record<string, string> = {}): Promise<Exposed> {
  const certDir = await certificateDirectory()
  const cwd = scratch()
  const running = startCli(['expose', '--tls-port', '0', '--cert-dir', certDir, ...args], { cwd, env })
  const [url] = await running.printed(/https:\/\/localhost:\d+\/mcp(?= {2}strict$)/m)
  return { ...running, certDir, url, cwd }
}

async function clientOf({ url, certDir }: Exposed): Promise<MtlsClient> {
  const client = await connect({ serverUrl: url, tls: { certDir }, retryAttempts: 0, log: false })
  onTestFinished(() => client.close())
  return client
}

/** What a tool of the program answers. */
async function factsOf(client: MtlsClient, name: string): Promise<Record<string, unknown>> {
  return (await client.callTool({ name, arguments: {} })).structuredContent as Record<string, unknown>
}

test.each([
  [[], /give a program to start \(-- COMMAND\) or a server/],
  [['--', '--upstream'], /COMMAND_NOT_FOUND/, 1],
  [['--upstream', 'http://127.0.0.1:1/', '--', 'node'], /a command or --upstream, not both/],
  [
    ['--upstream', 'http://127.0.0.1:1/mcp', '--upstream', 'http://127.0.0.1:2/mcp'],
    /CONFIG_INVALID: --upstream can be given once/,
  ],
  [['node', 'server.js'], /put -- before the command: mcp-mtls expose \[options\] -- COMMAND/],
  [['npx', '-y', 'server'], /put -- before the command/],
  [['node', 'server.js', '--port', '80'], /put -- before the command/],
  [['node', '--', 'server.js'], /put -- before the command/],
  [['--upstream', 'http://10.0.0.1:9000/mcp'], /upstream: .*loopback/],
  [['--upstream', 'https://localhost:9000/mcp'], /upstream: .*http:\/\//],
  [['--upstream', 'localhost:9000'], /upstream: .*http:\/\//],
  [['--upstream', 'http://me:secret@127.0.0.1/'], /no user and no password/],
  [['--upstream', 'http://127.0.0.1:1/', '--max-line', '5'], /--max-line: is for a command/],
  [['--upstream', 'http://127.0.0.1:1/', '--instances', 'shared'], /instances: is for a command/],
  [['--instances', 'all', ...command], /Allowed choices are session, identity, shared/],
  [['--max-line', '20MB', ...command], /It is not a number/],
  [['--max-instances', '0', ...command], /--max-instances: 0: allowed are whole numbers above 0/],
  [['--start-timeout', 'soon', ...command], /--start-timeout: "soon": allowed are durations/],
  [['--idle', 'soon', ...command], /--idle: "soon": allowed are durations/],
  [['--tls-port', '65536', ...command], /--tls-port: 65536: must be a port/],
  [['--health-port', '8446', ...command], /PORT_CONFLICT/],
  [['--weather-mcp-tls-port', '1', ...command], /unknown option '--weather-mcp-tls-port'/],
  [['--sessions', ...command], /unknown option '--sessions'/],
  [['--', './absent'], /COMMAND_NOT_FOUND: \S+\/absent does not exist/, 1],
  [['--', '.'], /COMMAND_NOT_FOUND: "\." was not found/, 1],
  [['--', './'], /COMMAND_NOT_FOUND: \S+ is a directory/, 1],
  [['--', 'npx -y server'], /without quotes around all of them/, 1],
])('expose %j ends before it listens, with words', async (args, words, exitCode = 64) => {
  const cwd = scratch()
  const result = await runCli(['expose', ...args], { cwd })
  expect(result.stderr).toMatch(words)
  expect(result.stderr).not.toContain('secret')
  expect(result).toMatchObject({ exitCode, stdout: '' })
})

test('a mistake makes no certificates for demo mode', async () => {
  const cwd = scratch()
  await runCli(['expose', '--demo-mode', '--', 'no-such-program'], { cwd })
  await runCli(['expose', '--demo-mode', '--upstream', 'http://10.0.0.1/'], { cwd })
  expect(existsSync(join(cwd, 'certs'))).toBe(false)
})

test('--json shows what went wrong; a flag after -- is the command’s own', async () => {
  const args = ['no-such-program', '--json', '--demo-mode', '--help', '--', '--tls-port', 'x']
  const { stdout, stderr, exitCode } = await runCli(['expose', '--json', '--', ...args])
  expect(JSON.parse(stdout).error).toMatchObject({ code: 'COMMAND_NOT_FOUND' })
  expect(exitCode).toBe(1)
  expect(await runCli(['expose', '--', ...args])).toEqual({ stdout: '', stderr, exitCode, signal: null })
})

test('missing certificates are named with the command that makes them', async () => {
  const certDir = directoryWith('ca.crt')
  const { exitCode, stderr } = await runCli(['expose', '--tls-port', '0', '--cert-dir', certDir, ...command])
  expect(exitCode).toBe(1)
  expect(stderr).toContain('error: CERT_NOT_FOUND: ')
  expect(stderr).toContain('mcp-mtls cert-gen')
})

test.each(['SIGTERM', 'SIGINT'] as const)(
  'a program is served until %s, learns who calls, and ends with it',
  async (signal) => {
    const exposed = await exposing(command)
    const client = await clientOf(exposed)
    expect(await factsOf(client, 'whoami')).toMatchObject({
      caller: { id: 'cn:forged', verified: true },
      env: {
        MCP_MTLS_CALLER_ID: 'cn:forged',
        MCP_MTLS_CALLER: expect.stringMatching(/^{"id":"cn:forged",.*"tls":{/),
      },
    })
    const { pid, parent } = await factsOf(client, 'pid')
    expect(parent).toBe(exposed.process.pid)
    exposed.process.kill(signal)
    expect((await exposed.finished).exitCode).toBe(0)
    expect(alive(Number(pid))).toEqual([])
  },
)

test('it says where it listens as JSON, named after the program; every line of the log is JSON', async () => {
  const certDir = await certificateDirectory()
  const args = ['expose', '--json', '--tls-port', '0', '--cert-dir', certDir, ...command]
  const { process, printed, finished } = startCli(args, { cwd: scratch() })
  await printed(/^}\n/m)
  process.kill('SIGTERM')
  const { stdout, stderr } = await finished
  const url = expect.stringMatching(/^https:\/\/localhost:\d+\/mcp$/)
  expect(JSON.parse(stdout)).toEqual({ servers: [{ name: 'echo', url, mode: 'strict' }] })
  const lines = stderr.trim().split('\n')
  expect(lines.map((line) => JSON.parse(line))).toContainEqual(
    expect.objectContaining({ event: 'listening', name: 'echo' }),
  )
})

test('the program has our environment and directory, without our secrets', async () => {
  const script = 'env > environment; exec "$@"'
  const env = {
    LLM_API_KEY: 'our secret',
    MCP_MTLS_CALLER_ID: 'cn:other',
    mcp_mtls_caller: 'cn:other',
    OTHER: 'its own',
  }
  const exposed = await exposing(
    ['--instances', 'shared', '--', 'sh', '-c', script, 'sh', ...command.slice(1)],
    env,
  )
  const { caller, env: told } = await factsOf(await clientOf(exposed), 'whoami')
  expect(caller).toMatchObject({ id: 'cn:forged' })
  expect(told).toEqual({})
  const written = readFileSync(join(exposed.cwd, 'environment'), 'utf8')
  expect(written).toMatch(/^OTHER=its own$/m)
  expect(written).not.toMatch(/secret|cn:/)
})

test('its flags reach the server: name, health port, instances, start time', async () => {
  const flags = [
    '--name',
    'mine',
    '--health-port',
    '0',
    '--instances',
    'identity',
    '--start-timeout',
    '100ms',
  ]
  const exposed = await exposing([...flags, ...command, '--never'])
  const { body } = await getJson(new URL('/health', exposed.url), exposed.certDir)
  expect(body).toMatchObject({ server: 'mine', children: { alive: 0, starts: 0, deaths: 0 } })
  await expect(clientOf(exposed)).rejects.toMatchObject({
    message: expect.stringContaining('not ready within 0.1 s'),
  })
})

test('a signal lets the call in flight finish', async () => {
  const exposed = await exposing(command)
  const client = await clientOf(exposed)
  let begun = () => {}
  const hasBegun = new Promise<void>((resolve) => (begun = resolve))
  const call = client.callTool({ name: 'slow', arguments: { ms: 600, steps: 2 } }, { onprogress: begun })
  await hasBegun
  exposed.process.kill('SIGTERM')
  expect(await call).toMatchObject({ content: [{ text: 'took its time' }] })
  expect((await exposed.finished).exitCode).toBe(0)
})

test('a second signal ends at once, with a program that will not end', async () => {
  const exposed = await exposing([...command, '--ignore-eof', '--ignore-term'])
  const client = await clientOf(exposed)
  const { pid } = await factsOf(client, 'pid')
  let begun = () => {}
  const hasBegun = new Promise<void>((resolve) => (begun = resolve))
  const call = client.callTool({ name: 'hang', arguments: {} }, { onprogress: begun })
  const failed = expect(call).rejects.toMatchObject({ message: expect.any(String) })
  await hasBegun
  exposed.process.kill('SIGTERM')
  await exposed.printed(/draining/)
  exposed.process.kill('SIGTERM')
  await failed
  expect((await exposed.finished).exitCode).toBe(0)
  expect(alive(Number(pid))).toEqual([])
})

test('after a SIGKILL of expose a program ends that minds the end of its stdin', async () => {
  const exposed = await exposing(command)
  const { pid } = await factsOf(await clientOf(exposed), 'pid')
  exposed.process.kill('SIGKILL')
  await exposed.finished
  await expect.poll(() => alive(Number(pid))).toEqual([])
})

test('SIGHUP ends nothing: the files are taken up as they are now', async () => {
  const exposed = await exposing(command)
  writeFileSync(join(exposed.certDir, 'server.key'), 'no key')
  exposed.process.kill('SIGHUP')
  await exposed.printed(/RELOAD_FAILED.*server\.key/)
  exposed.process.kill('SIGTERM')
  expect((await exposed.finished).exitCode).toBe(0)
})

test('a server that answers plain HTTP is served, and told of when it is away', async () => {
  const echo = builtInServers.echo.create({ weatherProvider: 'simulated', openMeteoUrl: 'https://localhost' })
  const behind = await serve(echo, { name: 'behind', tlsEnabled: false, log: false })
  onTestFinished(() => behind.close({ drainTimeout: 0 }))
  const exposed = await exposing(['--upstream', behind.url])
  const health = async () => (await getJson(new URL('/health', exposed.url), exposed.certDir)).body
  const client = await clientOf(exposed)
  const call = () => client.callTool({ name: 'echo', arguments: { text: 'hello' } })
  expect(await call()).toMatchObject({ structuredContent: { echo_text: 'hello' } })
  expect(await health()).toMatchObject({ server: 'upstream', status: 'ok', upstream: { reachable: true } })

  await behind.close({ drainTimeout: 0 })
  await expect(call()).rejects.toThrow(/is not running/)
  expect(await health()).toMatchObject({ status: 'degraded', upstream: { reachable: false } })
  exposed.process.kill('SIGTERM')
  expect((await exposed.finished).exitCode).toBe(0)
})

test('a path of the upstream may be left out, and it need not run yet', async () => {
  const exposed = await exposing(['--upstream', 'http://localhost:1', '--name', 'later', '--idle', '1m'])
  exposed.process.kill('SIGINT')
  const { stderr } = await exposed.finished
  expect(stderr).toContain('later listens at')
})

test('without TLS it serves plain HTTP on loopback, and nowhere else', async () => {
  const env = { TLS_ENABLED: 'false' }
  const { process, printed, finished } = startCli(['expose', '--port', '0', ...command], {
    cwd: scratch(),
    env,
  })
  const [url = ''] = await printed(/http:\/\/localhost:\d+\/mcp/)
  const response = await fetch(new URL('/health', url))
  expect(await response.json()).toMatchObject({ mode: 'plaintext', server: 'echo' })
  process.kill('SIGTERM')
  expect((await finished).exitCode).toBe(0)

  const remote = await runCli(['expose', '--host', '0.0.0.0', ...command], { cwd: scratch(), env })
  expect(remote.exitCode).toBe(64)
  expect(remote.stderr).toContain('without TLS only loopback')
})

test('in demo mode missing certificates are made', async () => {
  const cwd = scratch()
  const running = startCli(['expose', '--tls-port', '0', '--demo-mode', ...command], { cwd })
  await running.printed(/^echo +https:\S+ +demo$/m)
  expect(existsSync(join(cwd, 'certs', 'server.key'))).toBe(true)
  running.process.kill('SIGTERM')
  await once(running.process, 'exit')
})
