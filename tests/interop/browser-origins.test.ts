import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { describeWith } from '../support/tools.js'
import { type Served, serveTest } from '../support/world.js'
import { chromium, executablePath, flags } from './chromium.js'
import { browserClient, pageServer } from './pages.js'

describeWith(
  'Chromium',
  executablePath !== '',
  'pages in Chromium that call an MCP server without TLS',
  () => {
    let app: Awaited<ReturnType<typeof pageServer>>
    let other: Awaited<ReturnType<typeof pageServer>>
    let served: Served
    let browser: Browser
    beforeAll(async () => {
      const script = await browserClient()
      app = await pageServer(script)
      other = await pageServer(script)
      served = await serveTest({ tlsEnabled: false, httpPort: 0, allowedOrigins: [app.origin] })
      browser = await chromium.launch({ executablePath, args: flags })
    }, 60_000)
    afterAll(async () => {
      await browser.close()
      await served[Symbol.asyncDispose]()
      for (const { server } of [app, other]) server.close()
    })

    /** What a page of this origin gets when it evaluates an expression. */
    async function inPage(origin: string, expression: string): Promise<unknown> {
      const page = await browser.newPage()
      await page.goto(origin)
      const value = await page.evaluate(expression)
      await page.close()
      return value
    }
    const call = (mode: string) =>
      `callTool(${JSON.stringify(served.server.url)}, ${JSON.stringify(mode)}, 'echo', { text: 'hello' })`

    test.each([
      ['legacy', '2025-11-25'],
      ['auto', '2026-07-28'],
    ])('the SDK in a page of an allowed origin calls a tool (%s)', async (mode, revision) => {
      expect(await inPage(app.origin, call(mode))).toEqual({ revision, text: 'hello' })
    })

    test.each(['legacy', 'auto'])('in a page of another origin it cannot (%s)', async (mode) => {
      const before = served.calls.length
      expect(await inPage(other.origin, call(mode))).toEqual({ error: expect.stringMatching(/fetch/i) })
      expect(served.calls).toHaveLength(before)
      expect(await served.event('request-refused')).toMatchObject({ reason: 'NOT_AUTHORIZED' })
    })

    test('a page of an allowed origin reads a refusal, another page nothing', async () => {
      const look = `fetch(${JSON.stringify(new URL('/other', served.server.url))}).then(
      async (answer) => [answer.status, (await answer.json()).error], (error) => error.name)`
      expect(await inPage(app.origin, look)).toEqual([404, 'not_found'])
      expect(await inPage(other.origin, look)).toBe('TypeError')
    })

    test('a page that sends what needs no preflight runs no tool', async () => {
      const before = served.calls.length
      const body = JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: { name: 'count', arguments: {} },
      })
      const send = `fetch(${JSON.stringify(served.server.url)}, { method: 'POST', mode: 'no-cors', body: ${JSON.stringify(body)} })
      .then(({ type }) => type)`
      expect(await inPage(other.origin, send)).toBe('opaque')
      expect(served.calls).toHaveLength(before)
    })

    test('a page of its own origin calls it', async () => {
      const { origin } = new URL(served.server.url)
      const send = `fetch('/mcp', { method: 'POST', body: ${JSON.stringify(
        JSON.stringify({
          jsonrpc: '2.0',
          id: 1,
          method: 'tools/call',
          params: { name: 'echo', arguments: { text: 'own' } },
        }),
      )}, headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' } })
      .then(async (answer) => [answer.status, await answer.text()])`
      expect(await inPage(`${origin}/health`, send)).toEqual([200, expect.stringContaining('own')])
    })
  },
)
