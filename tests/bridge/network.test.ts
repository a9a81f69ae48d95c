import { describe, expect, test } from 'vitest'
import { bridged } from '../support/bridged.js'
import { freePort } from '../support/free-port.js'
import { sessionServer } from '../support/session-server.js'
import { shakyNetwork } from '../support/shaky-network.js'
import { makeWorld } from '../support/world.js'

/** A server with sessions and a tool that does not answer, over a network that can be broken. */
async function far() {
  const world = await makeWorld()
  const port = await freePort()
  const hanging: (() => void)[] = []
  let begun = () => {}
  const server = await sessionServer(world, port, {
    lie: (_request, response, body) => {
      if (!body.includes('"hang"')) return false
      hanging.push(() => void response.destroy())
      begun()
      return true
    },
  })
  const network = await shakyNetwork(`https://localhost:${port}/mcp`)
  const client = bridged(network.url, world.certDir)
  return {
    server,
    network,
    client,
    /** A call that the server has, and does not answer. */
    async hang() {
      const hasBegun = new Promise<void>((resolve) => (begun = resolve))
      const answer = client.call('count', { text: 'hang' })
      await hasBegun
      return answer.then((message) => message.error)
    },
    async [Symbol.asyncDispose]() {
      await client.end()
      for (const end of hanging) end()
      await server[Symbol.asyncDispose]()
      await world[Symbol.asyncDispose]()
    },
  }
}

const works = { result: { content: [{ text: 'again' }] } }

describe('over a network that breaks', () => {
  test.each(['reset', 'corrupt', 'goAway'] as const)(
    '%s ends a call at once, which may have run; the session goes on',
    async (how) => {
      await using it = await far()
      await it.client.open()
      const call = it.hang()
      // Its answer is waited for by then.
      await expect.poll(() => it.server.seen.filter((line) => line === 'POST tools/call')).toHaveLength(1)
      await it.network[how]()
      expect(await call).toMatchObject({
        message: expect.stringMatching(/^[A-Z_]+: /),
        data: { sent: 'maybe' },
      })
      if (how === 'goAway') await it.network.comeBack()
      expect(await it.client.call('count', { text: 'again' })).toMatchObject(works)
      expect(it.server.opened()).toBe(1)
      expect(it.server.calls).toEqual(['again'])
    },
  )

  test('while it is away every call says why; what the server says by itself is heard again afterwards', async () => {
    await using it = await far()
    await it.client.open()
    await expect.poll(() => it.server.seen).toContain('GET')
    await it.network.goAway()
    for (const _ of [1, 2])
      expect(await it.client.call('count', { text: 'away' })).toMatchObject({
        error: {
          message: expect.stringContaining('CONNECTION_FAILED: nothing is listening'),
          data: { sent: 'no' },
        },
      })
    await it.network.comeBack()
    expect(await it.client.call('count', { text: 'again' })).toMatchObject(works)
    await expect
      .poll(() => it.server.seen.filter((line) => line === 'GET'), { timeout: 20_000 })
      .toHaveLength(2)
    await it.server.latest().server.sendLoggingMessage({ level: 'error', data: 'heard' })
    await expect.poll(it.client.methods).toContain('notifications/message')
    expect(it.server.opened()).toBe(1)
    expect(it.server.calls).toEqual(['again'])
  })

  test('where it swallows what is said, a call that its client gives up takes nothing from the next one', async () => {
    await using it = await far()
    await it.client.open()
    expect(await it.client.call('count', { text: 'first' })).toMatchObject({ result: {} })
    it.network.swallow()
    it.client.say({
      id: 'lost',
      method: 'tools/call',
      params: { name: 'count', arguments: { text: 'lost' } },
    })
    it.client.say({ method: 'notifications/cancelled', params: { requestId: 'lost' } })
    expect(await it.client.call('count', { text: 'again' })).toMatchObject(works)
    expect(it.server.opened()).toBe(1)
  })
})
