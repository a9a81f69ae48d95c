import { expect, test } from 'vitest'
import { initialize, started } from '../support/bridge-process.js'
import { tier } from '../support/tier.js'
import { makeWorld, serveTest } from '../support/world.js'

test('it starts and stops again and again, and the server keeps nothing of it', async () => {
  await using world = await makeWorld()
  await using server = await serveTest({ tls: world.tls, sessions: { max: 2 } })
  for (let round = 0; round < tier(4, 200); round++) {
    const { child, ended, say, lines } = started(
      server.server.url,
      '--cert-dir',
      world.certDir,
      '--initialize-within',
      '30s',
    )
    say(initialize)
    await expect.poll(lines).toHaveLength(1)
    // A session that is left behind would take the place of a later one.
    expect(lines()[0]).toMatchObject({ result: { serverInfo: { name: 'test-mcp' } } })
    child.stdin.end()
    expect(await ended).toEqual([0, null])
  }
})
