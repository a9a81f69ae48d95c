import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { runCli, startCli } from '../support/cli.js'
import { scratch } from '../support/scratch.js'
import { makeWorld, serveTest } from '../support/world.js'

/** What a run costs in time, not what it finds out. */
const short = ['--quick', '--duration', '1s', '--concurrency', '1,2']
/** Measuring has begun when something was said about it. */
const started = /starting|connections/
const parameters = { transport: expect.any(String), concurrency: expect.any(Number) }
const times = { p50_ms: expect.any(Number), p90_ms: expect.any(Number), p99_ms: expect.any(Number) }

/** Command lines of the processes that still use this directory. */
const processesOf = (directory: string) => commandLines().filter((line) => line.includes(directory))

function commandLines(): string[] {
  if (process.platform !== 'linux')
    return execFileSync('ps', ['-A', '-o', 'args'], { encoding: 'utf8' }).split('\n')
  const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return processes.flatMap((id) => {
    try {
      return [readFileSync(`/proc/${id}/cmdline`, 'utf8').replaceAll('\0', ' ')]
    } catch {
      return [] // it ended while we looked
    }
  })
}

describe('perf-test', () => {
  test('measures servers of its own and leaves nothing behind', async () => {
    const directory = scratch()
    const env = { TMPDIR: directory, TLS_DEMO_MODE: 'true', TLS_ENABLED: 'false' }
    const { stdout, stderr, exitCode } = await runCli(['perf-test', ...short, '--json'], { env })
    expect(exitCode, stderr).toBe(0)
    const result = JSON.parse(stdout)
    expect(result.environment).toMatchObject({
      node: process.versions.node,
      servers: 'own',
      call: 'the tool echo',
      tls: { version: 'TLSv1.3' },
    })
    expect(result.handshake).toMatchObject({ full: times, resumed: times, plain: times })
    const measured = { ...parameters, ...times, calls_per_second: expect.any(Number) }
    expect(result.calls).toHaveLength(4)
    for (const figures of result.calls)
      expect(figures).toMatchObject({ ...measured, server_cpu_us: expect.any(Number) })
    expect(result.memory_per_connection_bytes).toBeTypeOf('number')
    expect(result.ratios.calls).toHaveLength(2)
    expect(result.expected).toHaveLength(4)
    expect(stderr).toBe('starting\nconnections\ncalls\nmemory of idle connections\n')
    expect(readdirSync(directory)).toEqual([])
    expect(processesOf(directory)).toEqual([])
  })

  test('measures a server that is given, over both, and shows what it cannot know as unknown', async () => {
    await using world = await makeWorld()
    await using plain = await serveTest({ tlsEnabled: false, httpPort: 0 })
    await using secured = await serveTest({ tls: world.tls })
    const urls = ['--http-url', plain.server.url, '--mtls-url', secured.server.url]
    const certificates = ['--cert-dir', world.certDir]
    const run = await runCli(['perf-test', ...short, ...urls, ...certificates, '--json'])
    expect(run.exitCode, run.stderr).toBe(0)
    const result = JSON.parse(run.stdout)
    expect(result.environment.servers).toEqual({ http: plain.server.url, mtls: secured.server.url })
    expect(result.calls).toHaveLength(4)
    expect(result.calls[0].server_cpu_us).toBeNull()
    expect(result.memory_per_connection_bytes).toBeNull()
    // What a busy machine makes of a second's figures is not judged here.
    const judged = expect.stringMatching(/^(met|not met|inconclusive)$/)
    expect(result.expected.map(({ verdict }: { verdict: unknown }) => verdict)).toEqual([
      judged,
      judged,
      'not measured',
      'not measured',
    ])
    expect(secured.calls.length).toBeGreaterThan(10)
  })

  test('measures mTLS alone where nothing is given to compare with', async () => {
    await using world = await makeWorld()
    await using secured = await serveTest({ tls: world.tls })
    const given = ['--mtls-url', secured.server.url, '--cert-dir', world.certDir]
    const { stdout, exitCode } = await runCli(['perf-test', ...short, ...given])
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/mTLS, full handshake +\d/)
    expect(stdout).toMatch(/a request gets slower by +– +expected under 5 ms +not measured/)
    expect(stdout).not.toContain('Memory of an idle connection')
  })

  test('interrupted, it ends its servers and takes away its certificates and its report', async () => {
    const directory = scratch()
    const cwd = scratch()
    const run = startCli(['perf-test', '--report', 'cost.html'], { env: { TMPDIR: directory }, cwd })
    await run.printed(/connections/)
    expect(processesOf(directory)).toHaveLength(3) // two servers, and the one that takes their keys away
    run.process.kill('SIGINT')
    const { exitCode, stdout } = await run.finished
    expect({ exitCode, stdout }).toEqual({ exitCode: 130, stdout: '' })
    await expect.poll(() => processesOf(directory)).toEqual([])
    expect([...readdirSync(directory), ...readdirSync(cwd)]).toEqual([])
  })

  test('its servers end with it, however it ends', async () => {
    const directory = scratch()
    const run = startCli(['perf-test'], { env: { TMPDIR: directory } })
    await run.printed(/connections/)
    run.process.kill('SIGKILL')
    await run.finished
    await expect.poll(() => processesOf(directory)).toEqual([])
  })

  test('a report that is there is kept, and a path nobody can write is told, before anything is measured', async () => {
    const cwd = scratch()
    writeFileSync(join(cwd, 'old.html'), 'old')
    mkdirSync(join(cwd, 'folder'))
    for (const [path, what] of [
      ['old.html', 'is there already'],
      ['folder', 'is a directory'],
      ['nowhere/cost.html', 'cannot be written (ENOENT)'],
    ] as const) {
      const { exitCode, stderr } = await runCli(['perf-test', ...short, '--report', path], { cwd })
      expect(exitCode).toBe(64)
      expect(stderr).toContain(`CONFIG_INVALID: --report: ${join(cwd, path)} ${what}`)
      expect(stderr).not.toMatch(started)
    }
    expect(readFileSync(join(cwd, 'old.html'), 'utf8')).toBe('old')
  })

  test.each([
    [['--concurrency', '0'], 'whole numbers from 1 to 256'],
    [['--concurrency', '1,x'], 'whole numbers from 1 to 256'],
    [['--duration', 'soon'], 'durations from 500ms to 60m'],
    [['--mtls-url', 'http://localhost:1/mcp'], 'https:// URLs'],
    [['--http-url', 'http://localhost:1/mcp'], '--http-url needs --mtls-url'],
    [['--mtls-url', 'https://localhost:1/mcp', '--demo-mode'], 'measures strict mode'],
  ])('%j is bad usage', async (flags, message) => {
    const { exitCode, stderr } = await runCli(['perf-test', ...flags])
    expect(exitCode).toBe(64)
    expect(stderr).toContain(message)
  })

  test('a server that refuses our certificate is a failure with its reason', async () => {
    await using world = await makeWorld()
    await using other = await makeWorld()
    await using secured = await serveTest({ tls: world.tls })
    const strange = [
      '--client-cert',
      `${other.certDir}/client.crt`,
      '--client-key',
      `${other.certDir}/client.key`,
    ]
    const given = ['--mtls-url', secured.server.url, '--cert-dir', world.certDir, ...strange]
    const { exitCode, stdout } = await runCli(['perf-test', ...short, ...given, '--json'])
    expect(exitCode).toBe(1)
    expect(JSON.parse(stdout).error.code).toBe('CLIENT_CERT_REJECTED')
  })

  test('two URLs of different servers are not compared', async () => {
    await using world = await makeWorld()
    await using secured = await serveTest({ tls: world.tls })
    const weather = startCli(['serve', 'weather', '--tls-enabled=false', '--port', '0'])
    const [url] = await weather.printed(/http:\/\/localhost:\d+\/mcp/)
    const given = ['--http-url', url, '--mtls-url', secured.server.url, '--cert-dir', world.certDir]
    const { exitCode, stderr } = await runCli(['perf-test', ...short, ...given])
    expect(exitCode).toBe(64)
    expect(stderr).toContain('are not the same server')
  })
})
