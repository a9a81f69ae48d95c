import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeCertificateSet } from '../../src/pki/index.js'
import { initialize, startedWith } from '../support/bridge-process.js'
import { startCli } from '../support/cli.js'
import { scratch } from '../support/scratch.js'
import { makeWorld, serveTest } from '../support/world.js'
import { loadedBy } from './loaded.js'
import { root } from './sources.js'

/** What takes long to load: a command that does not use one of them does not wait for it. */
const heavy: Readonly<Record<string, RegExp>> = {
  'reading settings and certificates': /\/dist\/(bundle\/certificates-|mcpb\/(config|bridge)-)/,
  'making certificates': /\/dist\/bundle\/making-/,
  'what the bundle holds already': /\/node_modules\/(zod|commander)\/|\/dist\/(?!bundle\/|mcpb\/)/,
  'the MCP SDK': /\/node_modules\/@modelcontextprotocol\//,
  undici: /\/node_modules\/undici\//,
  pino: /\/node_modules\/pino\//,
  'prom-client': /\/node_modules\/prom-client\//,
  uplot: /uplot/i,
}

/** Runs a command to its end; gives what of the heavy things it has loaded. */
async function heavyIn(args: readonly string[], cwd = scratch()): Promise<string[]> {
  const coverage = scratch()
  const { process, finished } = startCli(args, { cwd, env: { NODE_V8_COVERAGE: coverage } })
  expect(await finished).toMatchObject({ exitCode: 0, stderr: '' })
  const loaded = loadedBy(process.pid, coverage)
  expect(loaded.some((url) => /\/dist\/(bundle\/base|mcpb\/program)-/.test(url))).toBe(true)
  // Each file is looked for, read and linked by itself.
  expect(loaded.filter((url) => url.includes('/dist/')).length).toBeLessThanOrEqual(13)
  return Object.keys(heavy).filter((name) => loaded.some((url) => heavy[name]?.test(url)))
}

const commands = readdirSync(join(root, 'src/cli/commands'))

test.each([['--help'], ['--version'], ...commands.map((name) => [name, '--help'])])(
  '%s %s loads nothing heavy',
  async (...args) => {
    expect(await heavyIn(args)).toEqual([])
  },
)

const certificates = ['reading settings and certificates', 'making certificates']

test('commands for certificates load what reads and makes them, in a handful of files', async () => {
  const cwd = scratch()
  for (const args of [
    ['cert-gen'],
    ['cert-check'],
    ['cert-list'],
    ['cert-renew'],
    ['cert-revoke', 'certs/client.crt'],
  ])
    expect(await heavyIn(args, cwd)).toEqual(certificates)
})

test('monitor loads a client for servers and the status page for a browser, not for certificates alone', async () => {
  const cwd = scratch()
  await makeCertificateSet({ certDir: join(cwd, 'certs') })
  expect(await heavyIn(['monitor', '--once', '--no-servers'], cwd)).toEqual(certificates)
})

test('bridge gives its first answer from its own bundle, without what only some of its clients need', async () => {
  await using world = await makeWorld()
  await using server = await serveTest({ tls: world.tls, sessions: true })
  const coverage = scratch()
  const args = [server.server.url, '--cert-dir', world.certDir, '--initialize-within', '30s']
  const { child, ended, say, lines } = startedWith({ NODE_V8_COVERAGE: coverage }, ...args)
  say(initialize)
  await expect.poll(lines).toMatchObject([{ result: { serverInfo: { name: 'test-mcp' } } }])
  child.stdin.end()
  expect(await ended).toEqual([0, null])

  const loaded = loadedBy(child.pid, coverage)
  expect(loaded.filter((url) => url.includes('/node_modules/'))).toEqual([])
  expect(loaded.filter((url) => /\/dist\/(?!mcpb\/|bundle\/(mcp-mtls|first-))/.test(url))).toEqual([])
  // Several servers, --listen, translation between the eras.
  const rare = /\/(many|local-server|exchanges-on-session|session-on-exchanges)-/
  expect(loaded.filter((url) => rare.test(url))).toEqual([])
  expect(loaded.filter((url) => url.includes('/dist/')).length).toBeLessThanOrEqual(20)
  const sources = loaded
    .filter((url) => url.includes('/dist/'))
    .map((url) => readFileSync(new URL(url), 'utf8'))
  expect(sources.join('').length).toBeLessThan(1_000_000)
  expect(sources.filter((source) => /MockAgent|CookieStore|class WebSocket\b/.test(source))).toEqual([])
})
