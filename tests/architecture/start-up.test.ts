import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeCertificateSet } from '../../src/pki/index.js'
import { startCli } from '../support/cli.js'
import { scratch } from '../support/scratch.js'
import { loadedBy } from './loaded.js'
import { root } from './sources.js'

/** What takes long to load: a command that does not use one of them does not wait for it. */
const heavy: Readonly<Record<string, RegExp>> = {
  'reading settings and certificates': /\/dist\/bundle\/certificates-/,
  'making certificates': /\/dist\/bundle\/making-/,
  'what the bundle holds already': /\/node_modules\/(zod|commander)\/|\/dist\/(?!bundle\/)/,
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
  expect(loaded.some((url) => /\/dist\/bundle\/base-/.test(url))).toBe(true)
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
