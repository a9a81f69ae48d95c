import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bridge, type RunningBridge } from '../../src/bridge/index.js'
import { fixture } from '../expose/programs/script.js'
import { exposed } from '../support/exposed.js'
import { describeWith } from '../support/tools.js'
import { makeWorld, type Served, serveTest, type World } from '../support/world.js'
import { chromium, executablePath, flags } from './chromium.js'
import { browserClient, pageServer } from './pages.js'

describeWith('Chromium', executablePath !== '', 'pages in Chromium that call a bridge', () => {
  let app: Awaited<ReturnType<typeof pageServer>>
  let other: Awaited<ReturnType<typeof pageServer>>
  let world: World
  let served: Served
  let running: RunningBridge
  let url: string
  let browser: Browser
  beforeAll(async () => {
    const script = await browserClient()
    app = await pageServer(script)
    other = await pageServer(script)
    world = await makeWorld()
    served = await serveTest({ tls: world.tls, sessions: true })
    running = await listening(served.server.url)
    url = running.url ?? ''
    browser = await chromium.launch({ executablePath, args: flags })
  }, 60_000)
  afterAll(async () => {
    await browser.close()
    await running.close()
    await served[Symbol.asyncDispose]()
    await world[Symbol.asyncDispose]()
    for (const { server } of [app, other]) server.close()
  })

  const listening = (serverUrl: string) =>
    bridge({
      servers: { serverUrl, tls: { certDir: world.certDir } },
      listen: { origin: app.origin },
      initializeWithin: '30s',
    })

  /** What a page of this origin gets when it evaluates an expression. */
  async function inPage(origin: string, expression: string): Promise<unknown> {
    const page = await browser.newPage()
    await page.goto(origin)
    const value = await page.evaluate(expression)
    await page.close()
    return value
  }
  const call = (mode: string, to = url) =>
    `callTool(${JSON.stringify(to)}, ${JSON.stringify(mode)}, 'echo', { text: 'hello' })`

  test.each([
    ['legacy', '2025-11-25'],
    ['auto', '2026-07-28'],
  ])('the SDK in a page of the one origin calls a tool (%s)', async (mode, revision) => {
    expect(await inPage(app.origin, call(mode))).toEqual({ revision, text: 'hello' })
  })

  test('it opens a session where the server has nothing else', async () => {
    const { url: remote } = await exposed(world, [fixture().command, ...fixture().args])
    await using older = await listening(remote)
    expect(await inPage(app.origin, call('auto', older.url))).toEqual({
      revision: '2025-11-25',
      text: 'hello',
    })
  })

  test.each(['legacy', 'auto'])(
    'in a page of another origin, which knows the URL, it cannot (%s)',
    async (mode) => {
      const before = served.calls.length
      expect(await inPage(other.origin, call(mode))).toEqual({ error: expect.stringMatching(/fetch/i) })
      expect(served.calls).toHaveLength(before)
    },
  )

  test('nothing that a page sends without asking first runs a tool', async () => {
    const before = served.calls.length
    const body = JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'echo', arguments: { text: 'lured' } },
    })
    const [to, what] = [JSON.stringify(url), JSON.stringify(body)]
    expect(
      await inPage(
        other.origin,
        `fetch(${to}, { method: 'POST', mode: 'no-cors', body: ${what} }).then(({ type }) => type)`,
      ),
    ).toBe('opaque')
    const events = (source: string, to: string) =>
      inPage(
        other.origin,
        `new Promise((resolve) => { const one = ${source}; one.onerror = () => resolve('refused'); one.onload = one.onopen = () => resolve('let in'); ${to} })`,
      )
    expect(await events(`new EventSource(${to})`, '')).toBe('refused')
    expect(await events('new Image()', `one.src = ${to}`)).toBe('refused')
    expect(served.calls).toHaveLength(before)
  })
})
