import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { exitCodes } from '../../src/cli/exit-codes.js'
import { readMcpServers } from '../../src/config/mcp-servers.js'
import { runCli } from '../support/cli.js'
import { scratch } from '../support/scratch.js'
import { makeWorld, serveTest } from '../support/world.js'

const page = readFileSync(new URL('../../docs/calling.md', import.meta.url), 'utf8')

test('the file that the page shows is read as the page says', () => {
  const [, example = ''] = /```jsonc\n([\s\S]*?)```/.exec(page) ?? []
  const path = join(scratch(), 'servers.json')
  writeFileSync(path, example)
  const rules = { tls: true, demoMode: false, demoAllowRemote: false }
  const around = { env: { TOKEN: 't', PASSPHRASE: 'p' }, home: '/home/me' }
  expect(readMcpServers(path, rules, around)).toEqual({
    servers: {
      weather: {
        url: 'https://localhost:8443/mcp',
        headers: { Authorization: 'Bearer t' },
        tls: {
          caCert: '/home/me/pki/ca.crt',
          clientCert: '/home/me/pki/client.crt',
          clientKey: '/home/me/pki/client.key',
          keyPassphrase: 'p',
        },
      },
    },
    leftOut: {},
    notices: [],
  })
})

test('the page has every exit code', () => {
  const codes = [...page.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => code)
  expect(codes).toEqual(Object.keys(exitCodes.call.meanings))
})

test('the flags that the page names are flags', async () => {
  const helps = await Promise.all(['call', 'resources'].map((name) => runCli([name, '--help'])))
  const help = helps.map(({ stdout }) => stdout).join('')
  const flags = [...page.matchAll(/`(--[a-z-]+)/g)].map(([, flag = '']) => flag)
  expect(flags.length).toBeGreaterThan(8)
  for (const flag of flags) expect(help).toContain(`${flag} `)
})

test('the commands that the page shows work', async () => {
  const typed = [...page.matchAll(/^\$ npx mcp-mtls (\w+ (?:https|--server).*)$/gm)].map(
    ([, line = '']) => line,
  )
  expect(typed).toHaveLength(3)
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls })
  const { url } = served.server
  for (const line of typed) {
    const words = line
      .replace(/https:\S+/, url)
      .replace(/getForecast.*/, 'echo text=Tokyo')
      .split(' ')
    const args = words.map((word) => word.replace(/^'(.*)'$/, '$1'))
    const { exitCode, stderr } = await runCli([...args, '--echo-url', url, '--cert-dir', world.certDir])
    expect({ line, exitCode, stderr }).toEqual({ line, exitCode: 0, stderr: '' })
  }
})
