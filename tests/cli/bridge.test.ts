import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { initialize, started } from '../support/bridge-process.js'
import { certificateDirectory } from '../support/certificates.js'
import { runCli } from '../support/cli.js'
import { foreignServer } from '../support/foreign-server.js'
import { freePort } from '../support/free-port.js'
import { descendantsOf } from '../support/processes.js'
import { scratch } from '../support/scratch.js'
import { makeWorld, serveTest } from '../support/world.js'

test.each([
  [[], /no server is named/],
  [['http://localhost:1/mcp'], /must start with https|https:\/\//],
  [['https://localhost:1/mcp', '--header', 'nothing'], /--header: expected NAME: VALUE/],
  [
    ['https://localhost:1/mcp', '--header', 'Mcp-Session-Id: x'],
    /Mcp-Session-Id: is set by the connection or by MCP itself/,
  ],
  [['https://localhost:1/mcp', '--initialize-within', 'soon'], /Allowed are durations/],
  [['https://localhost:1/mcp', '--log-file', 'absent/bridge.log'], /cannot be written/],
])('bridge %j ends before it reads anything, with words', async (args, words) => {
  const certDir = await certificateDirectory()
  const result = await runCli(['bridge', ...args, '--cert-dir', certDir], { cwd: scratch() })
  expect(result.stderr).toMatch(words)
  expect(result).toMatchObject({ exitCode: 64, stdout: '' })
})

test('missing certificates are named on stderr', async () => {
  const result = await runCli(['bridge', 'https://localhost:1/mcp'], { cwd: scratch() })
  expect(result).toMatchObject({ exitCode: 1, stdout: '', stderr: expect.stringMatching(/CERT_|certs/) })
})

describe('it ends with its client', () => {
  test('when stdin ends: the session too, and nothing is left', async () => {
    await using world = await makeWorld()
    await using server = await serveTest({ tls: world.tls, sessions: true })
    const { child, ended, say, lines, printed } = started(
      server.server.url,
      '--cert-dir',
      world.certDir,
      '--initialize-within',
      '30s',
    )
    say(initialize)
    await expect.poll(lines).toHaveLength(1)
    expect(lines()[0]).toMatchObject({ id: 0, result: { serverInfo: { name: 'test-mcp' } } })
    say({ jsonrpc: '2.0', method: 'notifications/initialized' })
    say({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'count', arguments: {} } })
    await expect.poll(lines).toHaveLength(2)
    expect(descendantsOf(child.pid ?? 0)).toEqual([])
    child.stdin.end()
    expect(await ended).toEqual([0, null])
    expect(printed.stderr).not.toMatch(/error/)
  })

  test('when stdin ends and the server does not answer the farewell', async () => {
    await using world = await makeWorld()
    const hang = () => {}
    await using server = await foreignServer(world.server, ({ method }, response, body) => {
      if (method !== 'POST') return hang()
      const { id } = JSON.parse(body)
      if (id === undefined) return void response.writeHead(202).end()
      const result = {
        protocolVersion: '2025-11-25',
        capabilities: {},
        serverInfo: { name: 'x', version: '1' },
      }
      response.writeHead(200, { 'content-type': 'application/json', 'mcp-session-id': 'one' })
      response.end(JSON.stringify({ jsonrpc: '2.0', id, result }))
    })
    const { child, ended, say, lines } = started(
      server.url,
      '--cert-dir',
      world.certDir,
      '--initialize-within',
      '30s',
    )
    say(initialize)
    await expect.poll(lines).toHaveLength(1)
    child.stdin.end()
    expect(await ended).toEqual([0, null])
    expect(server.requests).toContain('DELETE /mcp')
  })

  test.each(['SIGTERM', 'SIGINT'] as const)('by %s', async (signal) => {
    const certDir = await certificateDirectory()
    const { child, ended, say, lines } = started(
      `https://localhost:${await freePort()}`,
      '--cert-dir',
      certDir,
    )
    say(initialize)
    await expect.poll(lines).toHaveLength(1)
    child.kill(signal)
    expect(await ended).toEqual([0, null])
  })

  test('before it has said anything', async () => {
    const certDir = await certificateDirectory()
    const { child, ended, printed } = started(`https://localhost:${await freePort()}`, '--cert-dir', certDir)
    child.stdin.end()
    expect(await ended).toEqual([0, null])
    expect(printed).toEqual({ stdout: '', stderr: '' })
  })
})

test('headers reach the server; what happens is written to the log file, which only its owner reads', async () => {
  await using world = await makeWorld()
  const teams: unknown[] = []
  await using server = await foreignServer(world.server, ({ headers }, response) => {
    teams.push(headers['x-team'])
    response.writeHead(503).end('later')
  })
  const log = join(scratch(), 'bridge.log')
  const flags = ['--cert-dir', world.certDir, '--header', 'X-Team: red', '--log-file', log]
  const { child, ended, say, lines, printed } = started(server.url, ...flags)
  say(initialize)
  await expect.poll(lines).toHaveLength(1)
  say({ jsonrpc: '2.0', id: 1, method: 'tools/list' })
  await expect.poll(lines).toHaveLength(2)
  expect(lines()[1]).toMatchObject({ id: 1, error: { message: expect.stringContaining('HTTP 503: later') } })
  child.stdin.end()
  await ended
  expect(new Set(teams)).toEqual(new Set(['red']))
  expect(printed.stderr).toBe('')
  const [line = ''] = readFileSync(log, 'utf8').split('\n')
  expect(JSON.parse(line)).toMatchObject({ event: 'lost', message: expect.stringContaining('HTTP 503') })
  expect(statSync(log).mode & 0o777).toBe(0o600)
})

test('what is no MCP on stdin is refused, and the rest goes on', async () => {
  const certDir = await certificateDirectory()
  const { child, say, lines } = started(`https://localhost:${await freePort()}`, '--cert-dir', certDir)
  child.stdin.write('hello\n\n{"jsonrpc":"2.0"}\n')
  say(initialize)
  await expect.poll(lines).toHaveLength(3)
  expect(lines()).toMatchObject([
    { id: null, error: { code: -32700 } },
    { id: null, error: { code: -32600 } },
    { id: 0, result: { capabilities: { tools: { listChanged: true } } } },
  ])
})
