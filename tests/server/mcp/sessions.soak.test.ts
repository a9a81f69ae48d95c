import { fileURLToPath } from 'node:url'
import { Agent, fetch } from 'undici'
import { expect, test } from 'vitest'
import { connect } from '../../../src/client/index.js'
import { startNode } from '../../support/cli.js'
import { initialize } from '../../support/raw-session.js'
import { tier } from '../../support/tier.js'
import { clientTls, mcpHeaders, toolCall } from '../../support/wire.js'
import { makeWorld } from '../../support/world.js'

const program = fileURLToPath(new URL('./fixtures/counted-server.mjs', import.meta.url))
const root = fileURLToPath(new URL('../../..', import.meta.url))

test('sessions come and go, and the memory of the server stays as it was', async () => {
  await using world = await makeWorld()
  const { printed } = startNode(['--expose-gc', program, world.certDir], { cwd: root })
  const [url = ''] = await printed(/https:\S+\/mcp\b/)
  await using observer = await connect({ serverUrl: url, tls: world.tls, log: false })
  const dispatcher = new Agent({ connect: clientTls(world.certDir), connections: 16 })
  const send = (method: string, headers: Record<string, string>, body?: string) =>
    fetch(url, {
      method,
      headers: { ...mcpHeaders, ...headers },
      dispatcher,
      ...(body !== undefined && { body }),
    })
  const opening = JSON.stringify(initialize())
  // Half of them say that they end; the others are left, and go when there are too many.
  const visit = async (visitor: number) => {
    const opened = await send('POST', {}, opening)
    expect(await opened.text()).toContain('protocolVersion')
    const own = { 'mcp-session-id': opened.headers.get('mcp-session-id') ?? '' }
    const answer = await send('POST', own, toolCall('echo', { text: `visitor ${visitor}` }))
    expect(await answer.text()).toContain(`visitor ${visitor}`)
    if (visitor % 2 === 0) await (await send('DELETE', own)).text()
  }
  let next = 0
  const megabytesAfter = async (last: number) => {
    await Promise.all(
      Array.from({ length: 16 }, async () => {
        while (next < last) await visit(next++)
      }),
    )
    const { content } = await observer.callTool({ name: 'measure', arguments: {} })
    const { heap, rss } = JSON.parse((content as { text: string }[])[0]?.text ?? '')
    return { heap: heap / 2 ** 20, rss: rss / 2 ** 20 }
  }
  const all = tier(400, 10_000)
  const first = await megabytesAfter(all / 4)
  const middle = await megabytesAfter(all / 2)
  const last = await megabytesAfter(all)
  await dispatcher.close()
  console.log(`megabytes after a quarter, a half and all of ${all} sessions:`, first, middle, last)
  // A thousand sessions that stay would be some 40 MB.
  expect(last.heap - first.heap).toBeLessThan(8)
  expect(last.heap - middle.heap).toBeLessThan(8)
})
