import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { runCli, startCli, startNode } from '../support/cli.js'
import { scratch } from '../support/scratch.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const blocks = (language: string) =>
  [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(
    ([, code = '']) => code,
  )

describe('README', () => {
  test('its first commands are the two that do everything', () => {
    expect(blocks('sh')[0]).toBe('npm ci && npm run demo\nnpm ci && npm test\n')
  })

  test('its two lines work as written: a program is served, and a desktop client reaches it', async () => {
    const home = scratch()
    const [, lines = ''] = blocks('sh')
    const [expose = '', configure = ''] = lines.trim().split('\n')
    const program = join(root, 'node_modules/@modelcontextprotocol/server-filesystem/dist/index.js')
    const words = (line: string) => line.replace(/^mcp-mtls /, '').split(' ')
    expect((await runCli(['cert-gen'], { cwd: home })).exitCode).toBe(0)
    const served = expose
      .replace('expose --', 'expose --tls-port 0 --')
      .replace('npx -y @modelcontextprotocol/server-filesystem /srv/files', `node ${program} ${home}`)
    const running = startCli(words(served), { cwd: home })
    const [url = ''] = await running.printed(/https:\/\/localhost:\d+\/mcp/)
    const { stdout, stderr } = await runCli(words(configure.replace('https://localhost:8446/mcp', url)), {
      cwd: home,
      env: { HOME: home },
    })
    expect(stderr).not.toContain('error')
    expect(stdout).toMatch(/^✓ .* answers through "localhost-\d+", \d+ tools: read_file, /m)
  })

  test('the server and the client it shows work as written', async () => {
    const directory = scratch()
    mkdirSync(join(directory, 'node_modules'))
    symlinkSync(root, join(directory, 'node_modules/mcp-mtls'))
    symlinkSync(
      join(root, 'node_modules/@modelcontextprotocol'),
      join(directory, 'node_modules/@modelcontextprotocol'),
    )
    expect((await runCli(['cert-gen'], { cwd: directory })).exitCode).toBe(0)
    const [server = '', client = ''] = blocks('ts')
    writeFileSync(join(directory, 'server.mjs'), server.replace('tlsPort: 9443', 'tlsPort: 0'))
    const running = startNode([join(directory, 'server.mjs')], { cwd: directory })
    const [url = ''] = await running.printed(/https:\/\/localhost:\d+\/mcp/)
    writeFileSync(join(directory, 'client.mjs'), client.replace('https://localhost:9443/mcp', url))
    const { stdout } = await startNode([join(directory, 'client.mjs')], { cwd: directory }).finished
    expect(stdout).toContain('Hello cn:mcp-client')
    expect(stdout).toContain('dns:mcp-server')
  })

  test('its table has every command that can be typed', async () => {
    const { stdout } = await runCli(['--help'])
    const [, listed = ''] = stdout.split('Commands:\n')
    const commands = [...listed.matchAll(/^ {2}([a-z-]+)/gm)].map(([, name]) => name)
    const [, table = ''] = /^\| command \|.*\n\|-.*\n((?:\|.*\n)+)/m.exec(readme) ?? []
    const rows = [...table.matchAll(/^\| `([a-z-]+)/gm)].map(([, name]) => name)
    expect(commands.length).toBeGreaterThan(10)
    expect(rows.sort()).toEqual(commands.sort())
  })

  test('the demo prints what it shows, but for ports, days and the weather', async () => {
    const [shown = ''] = blocks('text')
    const { stdout } = await runCli(['demo'])
    expect(constant(stdout)).toEqual(constant(shown))
  })
})

/** What two runs have in common, line by line. */
function constant(output: string): string[] {
  return output
    .trim()
    .split('\n')
    .map((line) =>
      line
        .replace(/localhost:\d+/, 'localhost:PORT')
        .replace(/(It is ).*( in .*), .*( \(simulated)/, '$1…$2…$3')
        .replace(/\w+day, \d+ \w+ \d{4} at \d\d:\d\d/g, 'DAY')
        .replace(/\d{4}-\d\d-\d\d/, 'DATE')
        .replace(/X25519MLKEM768|X25519|unknown/, 'GROUP')
        .replace(/in \d+\.\d s/, 'in … s')
        .replace(/\s+/g, ' '),
    )
}
