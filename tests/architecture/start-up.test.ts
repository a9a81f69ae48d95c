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
  zod: /\/node_modules\/zod\//,
  'reading certificates': /\/node_modules\/@peculiar\/asn1-/,
  'making certificates': /\/node_modules\/@peculiar\/x509\//,
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
  expect(loaded.some((url) => url.endsWith('/dist/cli/program.js'))).toBe(true)
  return Object.keys(heavy).filter((name) => loaded.some((url) => heavy[name]?.test(url)))
}

const commands = readdirSync(join(root, 'src/cli/commands'))

test.each([['--help'], ['--version'], ...commands.map((name) => [name, '--help'])])(
  '%s %s loads nothing heavy',
  async (...args) => {
    expect(await heavyIn(args)).toEqual([])
  },
)

const reading = ['zod', 'reading certificates']

test('commands for certificates load what reads certificates, and what makes them only to make one', async () => {
  const cwd = scratch()
  expect(await heavyIn(['cert-gen'], cwd)).toEqual([...reading, 'making certificates'])
  expect(await heavyIn(['cert-check'], cwd)).toEqual(reading)
  expect(await heavyIn(['cert-list'], cwd)).toEqual(reading)
  expect(await heavyIn(['cert-renew'], cwd)).toEqual(reading)
  expect(await heavyIn(['cert-revoke', 'certs/client.crt'], cwd)).toEqual(reading)
})

test('monitor loads a client for servers and the status page for a browser, not for certificates alone', async () => {
  const cwd = scratch()
  await makeCertificateSet({ certDir: join(cwd, 'certs') })
  expect(await heavyIn(['monitor', '--once', '--no-servers'], cwd)).toEqual(reading)
})
