import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { getJson } from '../../support/call.js'
import { startNode } from '../../support/cli.js'
import { openRawSession } from '../../support/raw-session.js'
import { sdkClient } from '../../support/sdk-client.js'
import { makeWorld, type World } from '../../support/world.js'

// What breaks here ends a process, and vitest listens for rejections itself: so each server has a process of its own.

const program = fileURLToPath(new URL('./fixtures/late-server.mjs', import.meta.url))

async function start(world: World, sessions: boolean, sdk: 'v1' | 'v2') {
  const running = startNode([program, world.certDir, String(sessions), sdk], {
    cwd: fileURLToPath(new URL('../../..', import.meta.url)),
  })
  const [url = ''] = await running.printed(/https:\S+\/mcp\b/)
  return { ...running, url }
}

const ways = {
  v2: ['notify', 'log', 'send', 'sample', 'elicit', 'server', 'create', 'changed'],
  v1: ['notify', 'server', 'create', 'elicit', 'roots', 'changed'],
} as const

test.each([
  ['v2', false, 'legacy'],
  ['v2', false, 'auto'],
  ['v2', true, 'legacy'],
  ['v1', false, 'legacy'],
  ['v1', true, 'legacy'],
] as const)(
  'a server of SDK %s, sessions %s, called in mode %s: whatever it says after its answer, it lives, and says so once',
  async (sdk, sessions, mode) => {
    await using world = await makeWorld()
    const { url, printed, process } = await start(world, sessions, sdk)
    await using opened = await sdkClient(url, world.certDir, { versionNegotiation: { mode } })
    const spoken: string[] = []
    // A request that the revision does not know is thrown by `send` at once, as in time.
    const said = ways[sdk].filter((name) => name !== 'send' || mode === 'legacy')
    for (const name of said) {
      for (let twice = 0; twice < 2; twice++)
        expect((await opened.client.callTool({ name, arguments: {} })).content).toEqual([
          { type: 'text', text: 'answered' },
        ])
      spoken.push(name)
      await printed(new RegExp(`spoken: ${name}\\n[\\s\\S]*spoken: ${name}\\n`))
    }
    expect(process.exitCode).toBeNull()
    await getJson(new URL('/health', url), world.certDir)
    const lines = (await printed(/[\s\S]*/))[0].split('\n').filter((line) => line.includes('"said-too-late"'))
    const told = lines.map((line) => JSON.parse(line) as { tool?: string; identity?: string; level: number })
    for (const { level } of told) expect(level).toBe(40)
    // One server answers two calls at first, until it speaks: then nobody knows for whom.
    expect(told.filter(({ identity }) => identity !== 'cn:mcp-client').length).toBeLessThan(2)
    const tools = told.map(({ tool }) => tool).filter((tool) => tool !== undefined)
    expect(new Set(tools).size, 'one line for each tool').toBe(tools.length)
    // In a session that lives, what does not name its call is not late: it goes over the stream of the session.
    const late = sessions ? ['notify'] : said.filter((name) => name !== 'log' || mode === 'legacy')
    expect(tools).toEqual(expect.arrayContaining(late))
  },
)

test('a request that a tool made and forgot ends no process when its client goes away', async () => {
  await using world = await makeWorld()
  const { url, process } = await start(world, true, 'v2')
  const session = await openRawSession(url, world.certDir, { capabilities: { elicitation: {} } })
  const stream = await session.listen()
  await session.post({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'forget', arguments: {} },
  })
  stream.destroy()
  await session.delete()
  await getJson(new URL('/health', url), world.certDir)
  expect(process.exitCode).toBeNull()
})

test('what a tool throws by itself still ends the process, as in any program', async () => {
  await using world = await makeWorld()
  const { url, finished } = await start(world, false, 'v2')
  await using opened = await sdkClient(url, world.certDir)
  for (const name of ['sample', 'own']) await opened.client.callTool({ name, arguments: {} }).catch(() => {})
  const { exitCode, stderr } = await finished
  expect(exitCode).toBe(1)
  expect(stderr).toContain('of its own')
})
