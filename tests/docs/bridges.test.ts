import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { bridge } from '../../src/bridge/index.js'
import { readMcpServers } from '../../src/config/mcp-servers.js'
import { clientNames, desktopClient } from '../../src/desktop/clients.js'
import { certificateDirectory } from '../support/certificates.js'
import { runCli } from '../support/cli.js'
import { scratch } from '../support/scratch.js'

const page = readFileSync(new URL('../../docs/bridges.md', import.meta.url), 'utf8')

test('docs/bridges.md has a row for each client, and for nothing else', () => {
  const rows = [...page.matchAll(/^\| ([^|]+) \| `--client ([\w-]+)` \| (.+) \| (.+) \|$/gm)]
  expect(rows.map(([, title, name]) => [name, title])).toEqual(
    clientNames.map((name) => [name, desktopClient(name).title]),
  )
  for (const [, , name, files = '', project = ''] of rows) {
    const client = desktopClient(name as (typeof clientNames)[number])
    const last = (path = '') => path.split('/').at(-1) ?? ''
    expect(files).toContain(last(Object.values(client.files).flat()[0]))
    expect(project.startsWith(client.projectFiles ? `\`${client.projectFiles[0]}\`` : '–')).toBe(true)
    if (client.variable) expect(page).toContain(client.variable[0])
  }
})

test('what it shows is printed', async () => {
  const shown = JSON.parse(/```json\n([\s\S]+?)```/.exec(page)?.[1] ?? '')
  const { stdout } = await runCli(['client-config', 'https://mcp.example.org:8443/mcp'], { cwd: scratch() })
  const printed = JSON.parse(stdout)
  const words = ({ args }: { args: string[] }) => args.filter((word) => !word.startsWith('/'))
  expect(words(printed.mcpServers.mcp)).toEqual(words(shown.mcpServers.mcp))
  expect(Object.keys(printed.mcpServers.mcp)).toEqual(Object.keys(shown.mcpServers.mcp))
})

test('the file of several servers is read as it stands there', () => {
  const file = join(scratch(), 'servers.json')
  writeFileSync(file, page.split('## Several servers as one')[1]?.match(/```json\n([\s\S]+?)```/)?.[1] ?? '')
  const { servers, notices } = readMcpServers(file, { tls: true, demoMode: false, demoAllowRemote: false })
  expect({ names: Object.keys(servers), notices }).toEqual({ names: ['weather', 'time'], notices: [] })
})

test('the options that its program gives are those of bridge', () => {
  const api = readFileSync(new URL('../../docs/api/bridge.md', import.meta.url), 'utf8')
  const [, program = ''] = /```ts\n([\s\S]+?)```/.exec(page) ?? []
  const names = [...program.matchAll(/\b(\w+): /g)].map(([, name]) => name)
  expect(names).toEqual(['servers', 'serverUrl', 'tls', 'certDir', 'listen', 'port', 'onEvent'])
  for (const name of names) expect(api, name).toMatch(new RegExp(`readonly ${name}\\??:`))
})

test('what it says of --listen is so', async () => {
  const { stdout } = await runCli(['bridge', '--help'])
  for (const flag of ['--listen', '--origin']) {
    expect(page).toContain(`${flag} `)
    expect(stdout).toContain(flag)
  }
  const certDir = await certificateDirectory()
  await using running = await bridge({
    servers: { serverUrl: 'https://localhost:1/mcp', tls: { certDir } },
    listen: {},
  })
  const [, length] = /with a path of (\d+) random characters/.exec(page) ?? []
  expect(new URL(running.url ?? '').pathname).toHaveLength(1 + Number(length))
})
