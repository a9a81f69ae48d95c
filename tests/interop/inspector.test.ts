import { execFile, execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { bin } from '../support/cli.js'
import { exposed } from '../support/exposed.js'
import { scratch } from '../support/scratch.js'
import { describeWith } from '../support/tools.js'
import { makeWorld, serveTest } from '../support/world.js'

/** The Inspector and a Node that is new enough for it, from the package registry; empty where they cannot be had. */
function inspector(): string[] {
  const packages = ['-p', 'node@24', '-p', '@modelcontextprotocol/inspector@2.12.0']
  const where = 'node --print process.execPath && command -v mcp-inspector'
  try {
    return execFileSync('npx', ['--yes', '--fetch-retries=0', ...packages, '-c', where], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 120_000,
    })
      .trim()
      .split('\n')
  } catch {
    return []
  }
}

interface Program {
  readonly command: string
  readonly args: readonly string[]
}

const everything: Program = {
  command: process.execPath,
  args: [
    fileURLToPath(new URL('index.js', import.meta.resolve('@modelcontextprotocol/server-everything/dist/'))),
    'stdio',
  ],
}
const bridge = (url: string, certDir: string): Program => ({
  command: process.execPath,
  args: [bin, 'bridge', url, '--cert-dir', certDir],
})

const asked = [
  ['tools/list'],
  ['tools/call', '--tool-name', 'echo', '--tool-arg', 'message=hi'],
  ['tools/call', '--tool-name', 'get-sum', '--tool-arg', 'a=2', '--tool-arg', 'b=3'],
  ['resources/list'],
  ['resources/templates/list'],
  ['resources/read', '--uri', 'demo://resource/static/document/features.md'],
  ['prompts/list'],
  ['prompts/get', '--prompt-name', 'args-prompt', '--prompt-args', 'city=Oslo'],
]

/** What tools, or results, have in one revision alone. */
const ofOneRevision = new Set(['execution', '_meta', 'resultType', 'ttlMs', 'cacheScope'])

const [node = '', script = ''] = inspector()
describeWith('MCP Inspector', script !== '', 'the command line of MCP Inspector', () => {
  /** What it prints of the answer of a server that it starts. */
  async function inspect(
    { command, args }: Program,
    era: string,
    method: string,
    ...more: string[]
  ): Promise<unknown> {
    const config = join(scratch(), 'servers.json')
    writeFileSync(config, JSON.stringify({ mcpServers: { one: { command, args } } }))
    const asks = ['--cli', '--config', config, '--server', 'one', '--protocol-era', era, '--method', method]
    const env = { PATH: process.env.PATH, HOME: scratch(), MCP_INSPECTOR_SECRET_STORE: 'memory' }
    const { stdout } = await promisify(execFile)(node, [script, ...asks, ...more], { env })
    // By `auto` it speaks 2026-07-28 with a bridge, which has that where the server does not.
    return JSON.parse(stdout, (key, value) => (era === 'auto' && ofOneRevision.has(key) ? undefined : value))
  }

  test.each(['legacy', 'auto'])(
    'of a program behind `expose` it shows what it shows of it directly, with the era %s',
    async (era) => {
      await using world = await makeWorld()
      const { url } = await exposed(world, [everything.command, ...everything.args])
      for (const [method = '', ...more] of asked) {
        const direct = await inspect(everything, era, method, ...more)
        expect(JSON.stringify(direct).length).toBeGreaterThan(20)
        expect(await inspect(bridge(url, world.certDir), era, method, ...more)).toEqual(direct)
      }
    },
  )

  test.each(['legacy', 'auto', 'modern'])(
    'a server of ours is listed and called, with the era %s',
    async (era) => {
      await using world = await makeWorld()
      await using server = await serveTest({ tls: world.tls })
      const it = bridge(server.server.url, world.certDir)
      expect(await inspect(it, era, 'tools/list')).toMatchObject({
        tools: [{ name: 'echo' }, { name: 'who' }, { name: 'count' }],
      })
      expect(
        await inspect(it, era, 'tools/call', '--tool-name', 'echo', '--tool-arg', 'text=hi'),
      ).toMatchObject({
        content: [{ type: 'text', text: 'hi' }],
      })
      const { content } = (await inspect(it, era, 'tools/call', '--tool-name', 'who')) as {
        content: { text: string }[]
      }
      expect(JSON.parse(content[0]?.text ?? '')).toMatchObject({ id: 'cn:mcp-client', verified: true })
    },
  )
})
