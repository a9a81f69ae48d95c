import { fileURLToPath } from 'node:url'
import { Agent, request } from 'undici'
import { expect, test } from 'vitest'
import { startNode } from '../../support/cli.js'
import { initialize } from '../../support/raw-session.js'
import { tier } from '../../support/tier.js'
import { clientTls, mcpHeaders, toolCall } from '../../support/wire.js'
import { makeWorld } from '../../support/world.js'

const program = fileURLToPath(new URL('./fixtures/counted-upstream.mjs', import.meta.url))
const root = fileURLToPath(new URL('../../..', import.meta.url))

test('clients come, call, listen, go in a call, and nothing is left of them', async () => {
  await using world = await makeWorld()
  const { printed } = startNode(['--expose-gc', program, world.certDir], { cwd: root })
  const [url = ''] = await printed(/https:\S+\/mcp\b/)
  const dispatcher = new Agent({ connect: clientTls(world.certDir), connections: 32 })
  const send = (method: 'GET' | 'POST' | 'DELETE', headers: Record<string, string> = {}, body?: string) =>
    request(url, { method, headers: { ...mcpHeaders, ...headers }, dispatcher, ...(body && { body }) })
  const opening = JSON.stringify(initialize())
  const visit = async (visitor: number) => {
    const opened = await send('POST', {}, opening)
    expect(await opened.body.text()).toContain('protocolVersion')
    const own = { 'mcp-session-id': String(opened.headers['mcp-session-id']) }
    const news = await send('GET', own)
    const one = await send('POST', own, toolCall('echo', { text: `visitor ${visitor}` }))
    expect(await one.body.text()).toContain(`visitor ${visitor}`)
    const other = await send('POST', own, toolCall('stream', { text: `stream ${visitor}` }))
    expect(await other.body.text()).toContain(`stream ${visitor}`)
    const given = await send('POST', own, toolCall('stream', { text: 'hang' }))
    for (const { body } of [given, news]) body.on('error', () => {}).destroy()
    // The others are left, and go when there are too many.
    if (visitor % 2 === 0) await (await send('DELETE', own)).body.dump()
  }
  const measure = async () => {
    const { body } = await send('POST', {}, toolCall('measure'))
    const { result } = (await body.json()) as { result: { content: [{ text: string }] } }
    const { heap, ...counts } = JSON.parse(result.content[0].text)
    return { megabytes: heap / 2 ** 20, ...counts }
  }
  let next = 0
  const after = async (last: number) => {
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        while (next < last) await visit(next++)
      }),
    )
    await expect.poll(async () => (await measure()).handles).toBeLessThan(100)
    return measure()
  }
  const all = tier(200, 4000)
  const first = await after(all / 4)
  const middle = await after(all / 2)
  const last = await after(all)
  await dispatcher.close()
  console.log(`after a quarter, a half and all of ${all} visitors:`, first, middle, last)
  expect(last.sessions).toBeLessThanOrEqual(51)
  expect(last.megabytes - first.megabytes).toBeLessThan(8)
  expect(last.megabytes - middle.megabytes).toBeLessThan(8)
})
