import { once } from 'node:events'
import { chmodSync, existsSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { getJson } from '../support/call.js'
import { certificateDirectory } from '../support/certificates.js'
import { runCli, startCli } from '../support/cli.js'
import { directoryWith, scratch } from '../support/scratch.js'

const anyPort = {
  WEATHER_MCP_TLS_PORT: '0',
  DATETIME_MCP_TLS_PORT: '0',
  ECHO_MCP_TLS_PORT: '0',
  WEATHER_MCP_PORT: '0',
  DATETIME_MCP_PORT: '0',
  ECHO_MCP_PORT: '0',
}

/** A port somebody else listens on while the test runs. */
async function takenPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

test.each(['SIGTERM', 'SIGINT'] as const)(
  'serve all serves three servers until %s and exits 0',
  async (signal) => {
    const certDir = await certificateDirectory()
    const { process, printed, finished } = startCli(['serve', 'all', '--cert-dir', certDir], {
      cwd: scratch(),
      env: anyPort,
    })
    const [table] = await printed(/^weather-mcp [\s\S]*^echo-mcp .*$/m)
    const urls = table.match(/https:\S+/g) ?? []
    expect(urls).toHaveLength(3)
    for (const [index, name] of ['weather-mcp', 'datetime-mcp', 'echo-mcp'].entries()) {
      const { status, body } = await getJson(new URL('/health', urls[index]), certDir)
      expect(status).toBe(200)
      expect(body).toMatchObject({ status: 'ok', server: name, mode: 'strict' })
    }
    process.kill(signal)
    expect((await finished).exitCode).toBe(0)
  },
)

test('--json says where the server listens; every line of the log is JSON', async () => {
  const certDir = await certificateDirectory()
  const args = ['serve', 'echo', '--tls-port', '0', '--cert-dir', certDir, '--json']
  const { process, printed, finished } = startCli(args, { cwd: scratch() })
  await printed(/^}\n/m)
  process.kill('SIGTERM')
  const { stdout, stderr } = await finished
  expect(JSON.parse(stdout)).toEqual({
    servers: [
      { name: 'echo-mcp', url: expect.stringMatching(/^https:\/\/localhost:\d+\/mcp$/), mode: 'strict' },
    ],
  })
  const lines = stderr
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(lines).toContainEqual(expect.objectContaining({ event: 'listening', name: 'echo-mcp' }))
})

test('security events go to the file of SECURITY_LOG too', async () => {
  const certDir = await certificateDirectory()
  const cwd = scratch()
  const args = ['serve', 'echo', '--tls-port', '0', '--cert-dir', certDir, '--security-log', 'security.log']
  const { process, printed, finished } = startCli(args, { cwd })
  const [url = ''] = await printed(/https:\S+\/mcp\b/)
  await getJson(new URL('/health', url), certDir)
  process.kill('SIGTERM')
  await finished
  expect(existsSync(join(cwd, 'security.log'))).toBe(true)
})

test('when one port is taken none of the servers stays up', async () => {
  const certDir = await certificateDirectory()
  const port = await takenPort()
  const args = ['serve', 'all', '--cert-dir', certDir, '--echo-mcp-tls-port', String(port), '--json']
  const { exitCode, stdout, stderr } = await runCli(args, { cwd: scratch(), env: anyPort })
  expect(exitCode).toBe(1)
  expect(JSON.parse(stdout).error.code).toBe('PORT_IN_USE')
  expect(stderr).toContain(String(port))
})

test('two servers with one port are a conflict before anything listens', async () => {
  const args = ['serve', 'all', '--weather-mcp-tls-port', '8444']
  const { exitCode, stdout, stderr } = await runCli(args, { cwd: scratch() })
  expect(exitCode).toBe(64)
  expect(stdout).toBe('')
  expect(stderr).toContain('error: PORT_CONFLICT: port 8444 is wanted by weather and by datetime')
})

test('missing certificates are named with the command that makes them', async () => {
  const certDir = directoryWith('ca.crt')
  const { exitCode, stderr } = await runCli(['serve', 'echo', '--tls-port', '0', '--cert-dir', certDir])
  expect(exitCode).toBe(1)
  expect(stderr).toContain('error: CERT_NOT_FOUND: ')
  expect(stderr).toContain(join(certDir, 'server.key'))
  expect(stderr).toContain('mcp-mtls cert-gen')
})

test('in demo mode missing certificates are made, and the server says it is a demo', async () => {
  const cwd = scratch()
  const { process, printed, finished } = startCli(['serve', 'echo', '--tls-port', '0'], {
    cwd,
    env: { TLS_DEMO_MODE: 'true' },
  })
  await printed(/^echo-mcp +https:\S+ +demo$/m)
  for (const name of ['server.crt', 'server.key', 'client.crt', 'client.key'])
    expect(existsSync(join(cwd, 'certs', name)), name).toBe(true)
  process.kill('SIGTERM')
  const { exitCode, stderr } = await finished
  expect(exitCode).toBe(0)
  expect(stderr).toContain('demo mode')
})

test('a demo whose certificates cannot be made does not start', async () => {
  const cwd = directoryWith('certs')
  const { exitCode, stderr } = await runCli(['serve', 'echo', '--tls-port', '0', '--demo-mode'], { cwd })
  expect(exitCode).not.toBe(0)
  expect(stderr).toContain('certificates for demo mode')
})

test('without TLS it serves plain HTTP on loopback, and nowhere else', async () => {
  const env = { TLS_ENABLED: 'false' }
  const { process, printed, finished } = startCli(['serve', 'echo', '--port', '0'], { cwd: scratch(), env })
  const [url = ''] = await printed(/http:\/\/localhost:\d+\/mcp/)
  const response = await fetch(new URL('/health', url))
  expect(await response.json()).toMatchObject({ mode: 'plaintext' })
  process.kill('SIGTERM')
  expect((await finished).exitCode).toBe(0)

  const remote = await runCli(['serve', 'echo', '--host', '0.0.0.0'], { cwd: scratch(), env })
  expect(remote.exitCode).toBe(64)
  expect(remote.stderr).toContain('without TLS only loopback')
})

test('a key that others may read is warned of at the start, in the words of cert-check', async () => {
  const certDir = await certificateDirectory()
  for (const mode of [0o640, 0o644]) {
    chmodSync(join(certDir, 'server.key'), mode)
    const serving = startCli(['serve', 'echo', '--tls-port', '0', '--cert-dir', certDir], { cwd: scratch() })
    await serving.printed(/^echo-mcp /m)
    serving.process.kill('SIGTERM')
    const { stderr } = await serving.finished
    const checked = await runCli(['cert-check', join(certDir, 'server.crt')])
    for (const said of [stderr, checked.stdout])
      expect(said.includes(`others may read ${certDir}/server.key (mode 0644)`)).toBe(mode === 0o644)
  }
})

test('a readable CA key beside a server that others can reach is warned of', async () => {
  const certDir = await certificateDirectory()
  writeFileSync(join(certDir, 'ca.key'), 'key')
  const args = ['serve', 'echo', '--tls-port', '0', '--cert-dir', certDir]
  const exposed = startCli([...args, '--host', '0.0.0.0'], { cwd: scratch() })
  await exposed.printed(/^echo-mcp /m)
  exposed.process.kill('SIGTERM')
  expect((await exposed.finished).stderr).toContain(`warning: this server listens on 0.0.0.0`)

  const local = startCli(args, { cwd: scratch() })
  await local.printed(/^echo-mcp /m)
  local.process.kill('SIGTERM')
  expect((await local.finished).stderr).not.toContain('warning')
})
