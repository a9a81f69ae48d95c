import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runCli, startCli } from '../support/cli.js'
import { silentServer } from '../support/foreign-server.js'
import { freePort } from '../support/free-port.js'
import { patience } from '../support/patience.js'
import { scratch } from '../support/scratch.js'
import { makeWorld, serveTest } from '../support/world.js'

test('a server that is right: a tick for each step, exit code 0', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls })
  const { url, port } = served.server
  const cwd = scratch()
  const { exitCode, stdout, stderr } = await runCli(['test-tls', url, '--cert-dir', world.certDir], { cwd })
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  expect(stdout.split('\n')).toEqual([
    url,
    ...[
      'own certificate     CN=mcp-client, ',
      'name resolution     localhost is ',
      `tcp                 connected to 127.0.0.1:${port}`,
      'tls                 TLSv1.3, TLS_AES_256_GCM_SHA384',
      'server certificate  CN=mcp-server, issued by CN=Forged CA, 89 days left, for localhost, 127.0.0.1, ::1',
      'client certificate  asked for one of CN=Forged CA; ours is accepted',
      'resumption          the second connection was resumed',
      'mcp                 test-mcp 1.0.0, revision 2026-07-28',
      'tools               3: echo, who, count (may change things)',
      'tool call           echo: hello from mcp-mtls test-tls',
    ].map((line) => expect.stringContaining(`✓ ${line}`)),
    'mutual TLS works, both ways',
    '',
  ])
})

test('--server takes the URL from the settings, and --json says everything of each step', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls })
  const env = { TLS_CERT_DIR: world.certDir, WEATHER_MCP_TLS_PORT: String(served.server.port) }
  const { exitCode, stdout } = await runCli(['test-tls', '--server', 'weather', '--json'], {
    cwd: scratch(),
    env,
  })
  expect(exitCode).toBe(0)
  const { ok, url, steps, ...rest } = JSON.parse(stdout)
  expect({ ok, url, rest }).toEqual({ ok: true, url: served.server.url, rest: {} })
  expect(steps).toHaveLength(10)
  for (const step of steps)
    expect(step).toEqual({
      name: expect.any(String),
      ok: true,
      detail: expect.any(String),
      code: null,
      hint: null,
      duration_ms: expect.any(Number),
    })
})

test('a failure names code and hint and what could not run; exit code 1', async () => {
  await using world = await makeWorld()
  const url = `https://localhost:${await freePort()}/mcp`
  const options = { cwd: scratch() }
  const { exitCode, stdout } = await runCli(['test-tls', url, '--cert-dir', world.certDir], options)
  expect(exitCode).toBe(1)
  expect(stdout).toMatch(
    /^✗ tcp +nobody listens at localhost:\d+ \(ECONNREFUSED\), tried 127\.0\.0\.1 and ::1\n {4}CONNECTION_FAILED\n {4}hint: Start the server/m,
  )
  expect(stdout).toMatch(
    /^- not run: tls, server certificate, client certificate, resumption, mcp, tools, tool call\nfailed: tcp$/m,
  )
  const json = await runCli(['test-tls', url, '--cert-dir', world.certDir, '--json'], options)
  const { ok, steps } = JSON.parse(json.stdout)
  expect([json.exitCode, ok]).toEqual([1, false])
  expect(steps.slice(3)).toEqual(
    steps.slice(3).map(({ name }: { name: string }) => ({
      name,
      ok: false,
      detail: 'not run: tcp failed',
      code: 'NOT_RUN',
      hint: expect.any(String),
      duration_ms: expect.any(Number),
    })),
  )
})

test.each([
  [[]],
  [['https://localhost:8443/mcp', '--server', 'echo']],
  [['http://localhost:8081/mcp']],
  [['https://example.org/mcp', '--demo-mode']],
  [['https://localhost:8443/mcp', '--handshake-timeout', 'soon']],
])('%j is bad usage', async (args) => {
  const { exitCode, stdout, stderr } = await runCli(['test-tls', ...args], { cwd: scratch() })
  expect({ exitCode, stdout }).toEqual({ exitCode: 64, stdout: '' })
  expect(stderr).toMatch(/^error: CONFIG_INVALID: /)
})

test('Ctrl-C ends it at once', async () => {
  await using world = await makeWorld()
  await using server = await silentServer()
  const args = ['test-tls', server.url, '--cert-dir', world.certDir, '--handshake-timeout', '60s']
  const { process, printed, finished } = startCli(args, { cwd: scratch() })
  await printed(/^✓ tcp/m)
  process.kill('SIGINT')
  expect((await finished).exitCode).toBe(130)
})

test('--audit adds a line for each thing that must be refused; the key of the CA is asked for where it is named', async () => {
  const cwd = scratch()
  await runCli(['cert-gen', '--ca-dir', 'ca'], { cwd })
  await using served = await serveTest({
    tls: { certDir: join(cwd, 'certs') },
    limits: { handshakeTimeout: await patience() },
  })
  const args = ['test-tls', served.server.url, '--audit']
  const { exitCode, stdout } = await runCli([...args, '--ca-dir', 'ca'], { cwd })
  expect(exitCode).toBe(0)
  expect(stdout).toMatch(/^✓ refuses expired {12}HTTP 403 CERT_EXPIRED$/m)
  expect(stdout).toMatch(/\nmutual TLS works, both ways, and refuses what it must refuse\n$/)
  const without = await runCli([...args, '--json'], { cwd })
  expect(without.exitCode).toBe(0)
  const { steps } = JSON.parse(without.stdout)
  expect(steps).toHaveLength(21)
  expect(steps[15]).toMatchObject({
    name: 'refuses_expired',
    ok: true,
    detail: expect.stringContaining('--ca-dir'),
  })
  expect(await runCli([...args, '--ca-dir', 'nowhere'], { cwd })).toMatchObject({ exitCode: 1 })
})

test('variables for a proxy are told of as not used, and their values are not shown', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls })
  const proxy = `http://user:secret@localhost:${await freePort()}`
  const args = ['test-tls', served.server.url, '--cert-dir', world.certDir, '--json']
  const env = { HTTPS_PROXY: proxy, all_proxy: proxy, https_proxy: '', NO_PROXY: 'localhost' }
  const { exitCode, stdout, stderr } = await runCli(args, { cwd: scratch(), env })
  expect(stderr).toBe(
    'note: HTTPS_PROXY and all_proxy are set and not used: mcp-mtls connects to servers directly\n',
  )
  expect({ exitCode, ok: JSON.parse(stdout).ok }).toEqual({ exitCode: 0, ok: true })
  const one = await runCli(args, { cwd: scratch(), env: { ALL_PROXY: proxy } })
  expect(one.stderr).toBe('note: ALL_PROXY is set and not used: mcp-mtls connects to servers directly\n')
})
