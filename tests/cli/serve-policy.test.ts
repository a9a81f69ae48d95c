import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { verifyAudit } from '../../src/audit/index.js'
import { connect, type MtlsClient } from '../../src/client/index.js'
import { certificateDirectory } from '../support/certificates.js'
import { type Running, runCli, startCli } from '../support/cli.js'
import { scratch } from '../support/scratch.js'

const anyPort = { WEATHER_MCP_TLS_PORT: '0', DATETIME_MCP_TLS_PORT: '0', ECHO_MCP_TLS_PORT: '0' }

/** A directory with a policy for the client of certificateDirectory(), who is cn:forged. */
function placeWith(policy: string): { cwd: string; file: string } {
  const cwd = scratch()
  const file = join(cwd, 'policy.yaml')
  writeFileSync(file, policy, { mode: 0o644 })
  return { cwd, file }
}

const onlyEcho = 'rules:\n  - { allow: ["cn:forged"], tools: [echo] }\n'
const nobody = 'rules: []\n'

interface Serving extends Running {
  readonly client: MtlsClient
  /** Ends the server; what it printed. */
  stop(): Promise<{ exitCode: number | null; stdout: string; stderr: string }>
}

/** `serve echo`, or `expose` of a program, when it listens, and a client of it. */
async function serving(
  args: readonly string[],
  {
    cwd = scratch(),
    env = {},
    command = ['serve', 'echo'] as readonly string[],
    behind = [] as readonly string[],
  } = {},
): Promise<Serving> {
  const certDir = await certificateDirectory()
  const running = startCli([...command, '--tls-port', '0', '--cert-dir', certDir, ...args, ...behind], {
    cwd,
    env,
  })
  const [serverUrl] = await running.printed(/https:\/\/localhost:\d+\/mcp(?= {2}strict$)/m)
  const client = await connect({ serverUrl, tls: { certDir }, retryAttempts: 0, log: false })
  onTestFinished(() => client.close())
  return {
    ...running,
    client,
    stop: async () => {
      await client.close()
      running.process.kill('SIGTERM')
      return running.finished
    },
  }
}

async function toolsOf(client: MtlsClient): Promise<string[]> {
  return (await client.listTools()).tools.map(({ name }) => name).sort()
}

function linesOf(text: string): Record<string, unknown>[] {
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
}

test.each([
  ['--policy', (file: string) => ({ args: ['--policy', file] })],
  ['MCP_POLICY', (file: string) => ({ args: [], env: { MCP_POLICY: file } })],
  ['a path from here', () => ({ args: ['--policy', 'policy.yaml'] })],
])('a policy is taken from %s', async (_, given) => {
  const { cwd, file } = placeWith(onlyEcho)
  const { args, env } = { env: {}, ...given(file) }
  const { client, stop } = await serving(args, { cwd, env })
  expect(await toolsOf(client)).toEqual(['echo'])
  await client.callTool({ name: 'echo', arguments: { text: 'a' } })
  await expect(client.callTool({ name: 'whoami', arguments: {} })).rejects.toMatchObject({
    data: { code: 'NOT_AUTHORIZED' },
  })
  const { exitCode, stderr } = await stop()
  expect(exitCode).toBe(0)
  expect(stderr).not.toContain('.env')
})

test('a policy that a .env of the directory names is used, and announced', async () => {
  const { cwd } = placeWith(onlyEcho)
  writeFileSync(join(cwd, '.env'), 'MCP_POLICY=policy.yaml\n')
  const { client, stop } = await serving([], { cwd })
  expect(await toolsOf(client)).toEqual(['echo'])
  expect((await stop()).stderr).toContain(
    'warning: .env decides who may call what, or what is recorded: MCP_POLICY=policy.yaml\n',
  )
  const other = await runCli(['cert-list', '--cert-dir', cwd], { cwd })
  expect(other.stderr).not.toContain('MCP_POLICY')
})

test('--allow lets these identities use everything, and nobody else anything', async () => {
  const one = await serving(['--allow', 'dns:other.example', '--allow', 'cn:forged'])
  expect(await toolsOf(one.client)).toEqual(['echo', 'whoami'])
  await one.client.callTool({ name: 'whoami', arguments: {} })
  await one.stop()

  const other = await serving(['--allow', 'dns:other.example'])
  expect(await toolsOf(other.client)).toEqual([])
  await expect(other.client.callTool({ name: 'echo', arguments: { text: 'a' } })).rejects.toMatchObject({
    data: { code: 'NOT_AUTHORIZED' },
  })
  await other.stop()
})

test('--allow wins over the policy of the environment, and says so', async () => {
  const { cwd, file } = placeWith(nobody)
  const { client, stop } = await serving(['--allow', 'anyone'], { cwd, env: { MCP_POLICY: file } })
  expect(await toolsOf(client)).toEqual(['echo', 'whoami'])
  expect((await stop()).stderr).toContain('warning: --allow is used instead of the policy of MCP_POLICY\n')
})

const program = fileURLToPath(new URL('../expose/programs/echo.mjs', import.meta.url))

test('expose takes a policy, identities and a record too', async () => {
  const exposing = { command: ['expose'], behind: ['--', process.execPath, program] }
  const { cwd } = placeWith('rules:\n  - { allow: ["cn:forged"], tools: [whoami] }\n')
  const narrow = await serving(['--policy', 'policy.yaml', '--audit-log', 'audit.jsonl'], {
    cwd,
    ...exposing,
  })
  expect(await toolsOf(narrow.client)).toEqual(['whoami'])
  expect((await narrow.stop()).exitCode).toBe(0)
  expect(linesOf(readFileSync(join(cwd, 'audit.jsonl'), 'utf8'))).toContainEqual(
    expect.objectContaining({ method: 'tools/list', identity: 'cn:forged' }),
  )
  const open = await serving(['--allow', 'cn:forged'], exposing)
  expect((await toolsOf(open.client)).length).toBeGreaterThan(1)
  await open.stop()
})

const upstream = ['--upstream', 'http://127.0.0.1:1/mcp']
const commands = { 'serve echo': ['serve', 'echo'], expose: ['expose', ...upstream] }

test.each(Object.entries(commands))('%s takes --allow or --policy, not both', async (_, command) => {
  const { cwd, file } = placeWith(onlyEcho)
  const { exitCode, stderr } = await runCli([...command, '--policy', file, '--allow', 'cn:forged'], { cwd })
  expect(exitCode).toBe(64)
  expect(stderr).toContain("'--allow <id>' cannot be used with option '--policy <path>'")
})

test.each(Object.entries(commands))('%s names every --allow that is no identity', async (_, command) => {
  const allow = ['--allow', 'agent', '--allow', 'cn:fine', '--allow', 'cn:*', '--allow', '']
  const { exitCode, stderr } = await runCli([...command, ...allow], { cwd: scratch() })
  expect(exitCode).toBe(64)
  for (const part of [
    'error: CONFIG_INVALID: --allow: 3 problems',
    '"agent": "agent" does not say what kind of name it is',
    '"cn:*": a star is not allowed in cn:',
    '"": "" does not say',
    'hint: Write spiffe://…',
  ])
    expect(stderr).toContain(part)
})

test.each(Object.entries(commands))(
  '%s with a wrong policy says everything that is wrong and where, and does not start',
  async (_, command) => {
    const certDir = await certificateDirectory()
    const { cwd } = placeWith('rules:\n  - alow: [anyone]\n    tools: [echo, 5]\n')
    const args = [...command, '--tls-port', '0', '--cert-dir', certDir, '--policy', 'policy.yaml']
    const { exitCode, stdout, stderr } = await runCli(args, { cwd })
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' })
    expect(stderr).toContain(`error: POLICY_INVALID: ${join(cwd, 'policy.yaml')}: 3 problems`)
    expect(stderr).toContain('line 2, column 5: rules[0].alow: unknown key "alow"')
    expect(stderr).toContain('line 3, column 19: rules[0].tools[1]: ')
    expect(stderr).toContain('hint: ')
    expect(stderr).not.toContain('listening')
  },
)

test('a policy that is not there, is empty, or that others may write, does not start', async () => {
  const certDir = await certificateDirectory()
  const { cwd, file } = placeWith(onlyEcho)
  const starting = async (policy: string) => {
    const args = ['serve', 'echo', '--tls-port', '0', '--cert-dir', certDir, '--policy', policy, '--json']
    const { exitCode, stdout, stderr } = await runCli(args, { cwd })
    return { exitCode, stderr, code: JSON.parse(stdout).error.code }
  }
  const absent = await starting('absent.yaml')
  expect(absent).toMatchObject({ exitCode: 1, code: 'POLICY_INVALID' })
  expect(absent.stderr).toContain(join(cwd, 'absent.yaml'))
  chmodSync(file, 0o666)
  const writable = await starting('policy.yaml')
  expect(writable).toMatchObject({ exitCode: 1, code: 'POLICY_INVALID' })
  expect(writable.stderr).toContain('chmod go-w')
  chmodSync(file, 0o644)
  writeFileSync(file, '# nothing\n')
  expect(await starting('policy.yaml')).toMatchObject({ exitCode: 1, code: 'POLICY_INVALID' })
  expect(await runCli(['serve', 'echo', '--policy', ''], { cwd })).toMatchObject({ exitCode: 64 })
})

test('calls are recorded in the file of --audit-log, as the settings say', async () => {
  const cwd = scratch()
  const env = { AUDIT_ARGUMENTS: 'true', AUDIT_REDACT: 'text', AUDIT_CHECKPOINT: '1' }
  const { client, stop } = await serving(['--audit-log', 'audit.jsonl'], { cwd, env })
  await client.callTool({ name: 'echo', arguments: { text: 'a secret' } })
  expect((await stop()).exitCode).toBe(0)
  const record = readFileSync(join(cwd, 'audit.jsonl'), 'utf8')
  expect(linesOf(record)).toContainEqual(
    expect.objectContaining({ tool: 'echo', identity: 'cn:forged', arguments: { text: '[redacted]' } }),
  )
  expect(record).not.toContain('a secret')
  const { ok, checkpoints } = await verifyAudit({ files: [join(cwd, 'audit.jsonl')] })
  expect(ok).toBe(true)
  expect(checkpoints).toBeGreaterThan(1)
})

test('serve all keeps one record, and takes one policy', async () => {
  const certDir = await certificateDirectory()
  const { cwd } = placeWith('rules:\n  - { allow: [anyone], servers: [echo-mcp], tools: ["*"] }\n')
  const args = [
    'serve',
    'all',
    '--cert-dir',
    certDir,
    '--policy',
    'policy.yaml',
    '--audit-log',
    'audit.jsonl',
  ]
  const { process, printed, finished } = startCli(args, { cwd, env: anyPort })
  const [table] = await printed(/^weather-mcp [\s\S]*^echo-mcp .*$/m)
  const urls = table.match(/https:\S+/g) ?? []
  for (const serverUrl of urls) {
    const client = await connect({ serverUrl, tls: { certDir }, retryAttempts: 0, log: false })
    expect(await toolsOf(client)).toHaveLength(serverUrl === urls[2] ? 2 : 0)
    await client.close()
  }
  process.kill('SIGTERM')
  expect((await finished).exitCode).toBe(0)
  const lines = linesOf(readFileSync(join(cwd, 'audit.jsonl'), 'utf8'))
  const servers = new Set(lines.filter(({ method }) => method === 'tools/list').map(({ server }) => server))
  expect([...servers].sort()).toEqual(['datetime-mcp', 'echo-mcp', 'weather-mcp'])
  expect((await verifyAudit({ files: [join(cwd, 'audit.jsonl')] })).ok).toBe(true)
})

test('with --audit-log - standard output is the record and nothing else', async () => {
  const { client, stop } = await serving(['--audit-log', '-'])
  await client.callTool({ name: 'echo', arguments: { text: 'a' } })
  const { stdout, stderr } = await stop()
  expect(linesOf(stdout)).toContainEqual(expect.objectContaining({ tool: 'echo', outcome: 'ok' }))
  expect(stderr).toMatch(/^echo-mcp +https:\S+ +strict$/m)
})

test('a record that cannot be written, or that another server writes, does not start', async () => {
  const certDir = await certificateDirectory()
  const { cwd } = placeWith(onlyEcho)
  const args = ['serve', 'echo', '--tls-port', '0', '--cert-dir', certDir, '--audit-log']
  const absent = await runCli([...args, 'absent/audit.jsonl'], { cwd })
  expect(absent.exitCode).toBe(1)
  expect(absent.stderr).toContain('error: AUDIT_FAILED: ')

  const first = startCli([...args, 'audit.jsonl'], { cwd })
  await first.printed(/^echo-mcp /m)
  const second = startCli([...args, 'audit.jsonl'], { cwd })
  const { exitCode, stderr } = await second.finished
  expect(exitCode).toBe(1)
  expect(stderr).toContain('error: AUDIT_FAILED: ')
  first.process.kill('SIGTERM')
  expect((await first.finished).exitCode).toBe(0)
})

test('calls that must be recorded, without a record, are bad usage; other settings of it only have no effect', async () => {
  const cwd = scratch()
  for (const command of Object.values(commands)) {
    const { exitCode, stderr } = await runCli([...command, '--audit-on-failure', 'deny'], { cwd })
    expect(exitCode).toBe(64)
    expect(stderr).toContain('error: CONFIG_INVALID: AUDIT_ON_FAILURE is deny, and calls are not recorded')
    expect(stderr).toContain('hint: Say where: --audit-log FILE, or AUDIT_LOG.')
  }
  const { stop } = await serving([], { env: { AUDIT_ARGUMENTS: 'true' } })
  expect((await stop()).stderr).toContain(
    'warning: without AUDIT_LOG nothing is recorded, and this has no effect: AUDIT_ARGUMENTS\n',
  )
})

test('wrong settings of the record are told together, before anything starts', async () => {
  const cwd = scratch()
  const env = { AUDIT_ON_FAILURE: 'stop', AUDIT_CHECKPOINT: 'often', AUDIT_MAX_BYTES: '1k' }
  const { exitCode, stderr } = await runCli(['serve', 'echo', '--audit-log', 'a.jsonl'], { cwd, env })
  expect(exitCode).toBe(64)
  expect(stderr).toContain('AUDIT_ON_FAILURE (--audit-on-failure): "stop": allowed are continue, deny')
  expect(stderr).toContain('AUDIT_CHECKPOINT (--audit-checkpoint): "often": allowed are a number of lines')
  expect(stderr).toContain('AUDIT_MAX_BYTES (--audit-max-bytes): "1k": allowed are sizes from 4096 bytes')
  expect(existsSync(join(cwd, 'a.jsonl'))).toBe(false)
})
