import { once } from 'node:events'
import { McpServer } from '@modelcontextprotocol/server'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { serve } from '../../../src/server/index.js'
import { gate } from '../../support/slow-server.js'
import { type Era, eras, toolCall } from '../../support/tool-call.js'
import { ask, httpText, openWire } from '../../support/wire.js'
import { makeWorld, type World } from '../../support/world.js'

let world: World
beforeAll(async () => {
  world = await makeWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

const text = (value: string) => ({ content: [{ type: 'text' as const, text: value }] })
const large = 10 * 1024 * 1024

/** A server whose tools are good until they are let loose, by when one server answers many requests. */
async function start(era: Era, way: 'server' | 'transport' = 'server') {
  let isLoose = false
  let made = 0
  const begun = gate()
  const aborted = gate()
  const finish = gate()
  const server = await serve(
    () => {
      made++
      const mcp = new McpServer({ name: 'faults', version: '1.0.0' })
      mcp.registerTool('good', {}, () => text('good'))
      mcp.registerTool('large', {}, () => text('x'.repeat(isLoose ? large : 1)))
      mcp.registerTool('never', {}, () => {
        if (!isLoose) return text('once')
        begun.open()
        return new Promise<never>(() => {})
      })
      mcp.registerTool('closes', {}, async () => {
        if (isLoose) await (way === 'server' ? mcp : mcp.server.transport)?.close()
        return text('closed')
      })
      mcp.registerTool('waits', {}, async () => {
        if (!isLoose) return text('at once')
        begun.open()
        await finish.opened
        return text('waited')
      })
      mcp.registerTool('floods', { inputSchema: z.object({}) }, async (_input, { mcpReq }) => {
        if (!isLoose) return text('dry')
        mcpReq.signal.addEventListener('abort', () => aborted.open())
        for (let progress = 1; !mcpReq.signal.aborted; progress++) {
          const message = 'x'.repeat(100_000)
          await mcpReq.notify({
            method: 'notifications/progress',
            params: { progressToken: 1, progress, message },
          })
          await new Promise((resolve) => setImmediate(resolve))
        }
        return text('done')
      })
      return mcp
    },
    {
      name: `faults-${crypto.randomUUID()}`,
      tlsPort: 0,
      tls: world.tls,
      log: false,
      limits: { idleTimeout: 1000 },
    },
  )
  const send = async (name: string) => (await ask(server.url, world.certDir, toolCall(name, era))).body
  for (const name of ['good', 'large', 'never', 'closes', 'waits', 'floods'])
    for (let count = 0; count < 4; count++) await send(name)
  const before = made
  for (const name of ['good', 'large', 'never', 'closes', 'waits', 'floods']) await send(name)
  expect(made, 'one server has answered all').toBe(before)
  isLoose = true
  /** A connection that sends this call and reads nothing. */
  const deaf = async (name: string) => {
    const wire = await openWire(server.url, world.certDir)
    wire.socket.pause()
    const { headers, body } = toolCall(name, era)
    wire.socket.write(httpText('/mcp', headers, body))
    return wire.socket
  }
  return {
    server,
    send,
    deaf,
    begun,
    aborted,
    finish,
    [Symbol.asyncDispose]: () => server.close({ drainTimeout: 0 }),
  }
}

describe.each(eras)('%s: one server answers many, and', (era) => {
  test('an answer of 10 MB arrives whole', async () => {
    await using faults = await start(era)
    expect((await faults.send('large')).length).toBeGreaterThan(large)
    expect(await faults.send('good')).toContain('good')
  })

  test.each(['large', 'floods'])('a client that does not read what %s says ends alone', async (name) => {
    await using faults = await start(era)
    const socket = await faults.deaf(name)
    const closed = once(socket, 'close')
    if (name === 'floods') await faults.aborted.opened
    expect(await faults.send('good')).toContain('good')
    socket.on('error', () => {})
    // What had left before can be read, and no more than that.
    await expect.poll(() => faults.server.connections().length, { timeout: 10_000 }).toBeLessThan(2)
    socket.resume()
    await closed
    expect(socket.bytesRead).toBeLessThan(large + 6 * 1024 * 1024)
  })

  test('a tool that never comes to an end holds up no other, and not the end', async () => {
    const faults = await start(era)
    const never = faults.send('never').catch(String)
    await faults.begun.opened
    expect(await faults.send('good')).toContain('good')
    await faults[Symbol.asyncDispose]()
    expect(await never).toMatch(/Error/)
  })

  test.each(['server', 'transport'] as const)(
    'a tool that closes its %s ends no call of others',
    async (way) => {
      await using faults = await start(era, way)
      const waiting = faults.send('waits')
      await faults.begun.opened
      expect(await faults.send('closes')).toContain('closed')
      expect(await faults.send('good')).toContain('good')
      faults.finish.open()
      expect(await waiting).toContain('waited')
    },
  )
})
