import { once } from 'node:events'
import { McpServer, Server } from '@modelcontextprotocol/server'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type AnyServerFactory, type ServeOptions, serve } from '../../../src/server/index.js'
import { endIfUnread, type Unread } from '../../../src/server/mcp/write.js'
import { forge } from '../../support/forge.js'
import { openRawSession } from '../../support/raw-session.js'
import { gate } from '../../support/slow-server.js'
import { type Era, eras, toolCall } from '../../support/tool-call.js'
import { type Ask, ask, httpText, openWire } from '../../support/wire.js'
import { makeWorld, type World } from '../../support/world.js'

// What tools and clients do to a server that answers many requests, beside one for each.

let world: World
beforeAll(async () => {
  world = await makeWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

const text = (value: string) => ({ content: [{ type: 'text' as const, text: value }] })
/** Serves, and counts the servers that the factory makes. */
async function start(factory: AnyServerFactory, options: Partial<ServeOptions> = {}) {
  let made = 0
  const server = await serve(
    (context) => {
      made++
      return factory(context)
    },
    { name: `sharing-${crypto.randomUUID()}`, tlsPort: 0, tls: world.tls, log: false, ...options },
  )
  const send = async (name: string, era: Era) =>
    (await ask(server.url, world.certDir, toolCall(name, era))).body
  /** How many servers five calls take. */
  const serversFor = async (name: string, era: Era) => {
    const before = made
    for (let count = 0; count < 5; count++) await send(name, era)
    return made - before
  }
  return {
    url: server.url,
    connections: () => server.connections().length,
    send,
    serversFor,
    async warm(name: string, era: Era) {
      await serversFor(name, era)
      expect(await serversFor(name, era)).toBe(0)
    },
    [Symbol.asyncDispose]: () => server.close({ drainTimeout: 0 }),
  }
}

describe.each(eras)('%s', (era) => {
  test('a challenge for scopes is asked for once, and one that fails ends nothing', async () => {
    let asked = 0
    let isDown = false
    await using server = await start(() => {
      const mcp = new McpServer({ name: 'scoped', version: '1.0.0' })
      const scopeChallenge = async () => {
        asked++
        if (isDown) throw new Error('the policy service is down')
        return undefined
      }
      mcp.registerTool('scoped', { scopeChallenge }, () => text('done'))
      mcp.registerTool('free', {}, () => text('done'))
      return mcp
    })
    await server.warm('free', era)
    const before = asked
    expect(await server.serversFor('scoped', era)).toBe(5)
    expect(asked - before).toBeLessThanOrEqual(5)
    isDown = true
    await server.send('scoped', era)
    expect(await server.send('free', era)).toContain('done')
  })

  test('a client that says at once that it sends no more gets its answer', async () => {
    await using server = await start(() => {
      const mcp = new McpServer({ name: 'half', version: '1.0.0' })
      mcp.registerTool('quick', {}, () => text('quick'))
      return mcp
    })
    await server.warm('quick', era)
    const wire = await openWire(server.url, world.certDir)
    const { headers, body } = toolCall('quick', era)
    let said = ''
    wire.socket.on('data', (chunk) => {
      said += chunk
    })
    wire.socket.end(httpText('/mcp', headers, body))
    await once(wire.socket, 'close')
    expect(said).toContain('"text":"quick"')
  })

  class Closing extends McpServer {
    isOpen = true

    override async close() {
      this.isOpen = false
      await super.close()
    }
  }

  test('a server with a close of its own is open while it serves', async () => {
    await using server = await start(() => {
      const mcp = new Closing({ name: 'closing', version: '1.0.0' })
      mcp.registerTool('open', {}, () => text(mcp.isOpen ? 'is open' : 'was closed'))
      return mcp
    })
    await server.warm('open', era)
    expect(await server.send('open', era)).toContain('is open')
  })

  test('a call that asks about the client of a shared server gets no client that there is not', async () => {
    let isLoose = false
    await using server = await start(() => {
      const mcp = new McpServer({ name: 'asking', version: '1.0.0' })
      mcp.registerTool('ask', {}, () =>
        text(isLoose ? String(mcp.server.getClientVersion()?.name) : 'nothing'),
      )
      return mcp
    })
    await server.warm('ask', era)
    isLoose = true
    expect(await server.send('ask', era)).toContain(era === 'modern' ? '"code":-32603' : '"text":"undefined"')
    expect(await server.send('ask', era)).toContain(era === 'modern' ? '"text":"test"' : '"text":"undefined"')
  })

  test('a client that leaves while its tool asks it something changes nothing for others', async () => {
    const begun = gate()
    const left = gate()
    let isLoose = false
    await using server = await start(() => {
      const mcp = new McpServer({ name: 'helpful', version: '1.0.0' })
      mcp.registerTool('help', {}, async ({ mcpReq }) => {
        if (isLoose) {
          begun.open()
          await left.opened
        }
        const said = await mcpReq.requestSampling({ messages: [], maxTokens: 1 }).catch(() => 'alone')
        return text(String(said))
      })
      return mcp
    })
    await server.warm('help', era)
    isLoose = true
    const wire = await openWire(server.url, world.certDir)
    const { headers, body } = toolCall('help', era, { 'x.example/odd': 1 })
    wire.socket.write(httpText('/mcp', headers, body))
    await begun.opened
    isLoose = false
    wire.socket.destroy()
    await once(wire.socket, 'close')
    left.open()
    expect(await server.serversFor('help', era)).toBe(0)
  })

  test('a message that cannot be handed over harms no call that runs', async () => {
    class Picky extends Server {
      protected override buildContext(...given: Parameters<Server['buildContext' & keyof Server]>): never {
        const context = super.buildContext(...(given as unknown as [never, never])) as never as {
          http?: { req?: Request }
        }
        if (context.http?.req?.headers.get('x-note') === 'bad') throw new Error('no context for this one')
        return context as never
      }
    }
    const begun = gate()
    const finish = gate()
    let isLoose = false
    await using server = await start(() => {
      const low = new Picky({ name: 'picky', version: '1.0.0' }, { capabilities: { tools: {} } })
      low.setRequestHandler('tools/call', async ({ params: { name } }) => {
        if (isLoose && name === 'wait') {
          begun.open()
          await finish.opened
          throw new Error('an ordinary failure')
        }
        return text('done')
      })
      return low
    })
    for (const name of ['wait', 'go']) await server.warm(name, era)
    isLoose = true
    const waiting = server.send('wait', era)
    await begun.opened
    if (era === 'legacy') {
      const { headers, body } = toolCall('go', era)
      await ask(server.url, world.certDir, { headers: { ...headers, 'x-note': 'bad' }, body })
    }
    finish.open()
    expect(await waiting).toContain('an ordinary failure')
  })

  test('what one identity leaves unread is bounded, whoever makes the answers', async () => {
    const size = 8 * 1024 * 1024
    let isLoose = false
    await using server = await start(() => {
      const mcp = new McpServer({ name: 'large', version: '1.0.0' })
      mcp.registerTool('large', {}, () => text('x'.repeat(isLoose ? size : 1)))
      return mcp
    })
    await server.warm('large', era)
    isLoose = true
    const { headers, body } = toolCall('large', era)
    const sockets = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const { socket } = await openWire(server.url, world.certDir)
        socket.on('error', () => {}).pause()
        return socket
      }),
    )
    for (const socket of sockets) socket.write(httpText('/mcp', headers, body))
    await expect.poll(server.connections, { timeout: 30_000 }).toBeLessThan(12)
    for (const socket of sockets) socket.destroy()
  })
})

describe.each(eras)('%s: a list', (era) => {
  const { headers } = toolCall('', era)
  const request: Ask = {
    headers: {
      ...headers,
      ...(era === 'modern' && { 'mcp-method': 'tools/list' }),
    },
    body: JSON.stringify({ ...JSON.parse(toolCall('', era).body), method: 'tools/list' }).replace(
      '"name":"","arguments":{},',
      '',
    ),
  }
  if (era === 'modern') delete (request.headers as Record<string, string>)['mcp-name']

  async function lists(factory: AnyServerFactory) {
    const server = await start(factory)
    return { ...server, list: async () => ask(server.url, world.certDir, request) }
  }

  test('converts the schemas of its tools once, and is what the SDK makes', async () => {
    let converted = 0
    const schema = z.object({ of: z.string() })
    const standard = schema['~standard'] as { jsonSchema?: { input: (options: never) => object } }
    const convert = standard.jsonSchema?.input
    if (standard.jsonSchema && convert)
      standard.jsonSchema.input = (options) => {
        converted++
        return convert(options) as object
      }
    const factory = () => {
      const mcp = new McpServer({ name: 'lists', version: '1.0.0' })
      mcp.registerTool('one', { inputSchema: schema }, () => text('one'))
      return mcp
    }
    await using server = await lists(factory)
    await using own = await start(factory, { perRequest: true })
    for (let count = 0; count < 5; count++) await server.list()
    const before = converted
    const { status, body } = await server.list()
    expect(converted).toBe(before)
    const expected = await ask(own.url, world.certDir, request)
    expect({ status, body }).toEqual({ status: expected.status, body: expected.body })
  })

  test.each([
    ['of a handler of its own', (mcp: McpServer) => mcp.server],
    [
      'of a low-level server',
      () => new Server({ name: 'low', version: '1.0.0' }, { capabilities: { tools: {} } }),
    ],
  ])('%s is asked for each time', async (_what, serverOf) => {
    let version = 0
    await using server = await lists(() => {
      const mcp = new McpServer({ name: 'lists', version: '1.0.0' })
      mcp.registerTool('one', {}, () => text('one'))
      const of = serverOf(mcp)
      of.setRequestHandler('tools/list', () => ({
        tools: [{ name: `version-${version}`, inputSchema: { type: 'object' as const } }],
      }))
      return of === mcp.server ? mcp : of
    })
    for (let count = 0; count < 6; count++) await server.list()
    version = 7
    expect((await server.list()).body).toContain('version-7')
  })

  test('is another one once a tool has changed', async () => {
    let change = () => {}
    await using server = await lists(() => {
      const mcp = new McpServer({ name: 'lists', version: '1.0.0' })
      const one = mcp.registerTool('one', {}, () => text('one'))
      change = () => one.update({ description: 'another' })
      return mcp
    })
    for (let count = 0; count < 6; count++) await server.list()
    change()
    expect((await server.list()).body).not.toContain('another')
  })
})

test.each(eras)('%s: callers whose tool keeps them on its server never act for each other', async (era) => {
  const worlds = await Promise.all(
    ['a', 'b', 'c', 'd'].map(async (commonName) =>
      makeWorld({ ca: world.ca, client: await forge({ issuer: world.ca, usage: 'client', commonName }) }),
    ),
  )
  for (const isConditional of [false, true]) {
    let isLoose = !isConditional
    await using server = await start(() => {
      const mcp = new McpServer({ name: 'keeps', version: '1.0.0' })
      mcp.registerTool('act', {}, async (context) => {
        if (!isLoose) return text('nobody')
        const own = mcp as unknown as { user?: string }
        own.user = context.http?.authInfo?.clientId ?? ''
        await new Promise((resolve) => setImmediate(resolve))
        return text(`for ${own.user}`)
      })
      return mcp
    })
    for (let count = 0; count < 4; count++) await server.send('act', era)
    isLoose = true
    for (let round = 0; round < 3; round++)
      for (const [{ body }, name] of await Promise.all(
        worlds.map(
          async ({ certDir }, index) =>
            [await ask(server.url, certDir, toolCall('act', era)), `cn:${'abcd'[index]}`] as const,
        ),
      ))
        expect(body).toMatch(new RegExp(`for ${name}"|"code":-32603`))
  }
  for (const one of worlds) await one[Symbol.asyncDispose]()
})

test.each(eras)('%s: a shared server is told of its end when the server closes', async (era) => {
  let [made, ended] = [0, 0]
  const factory = () => {
    made++
    const mcp = new McpServer({ name: 'ends', version: '1.0.0' })
    mcp.server.onclose = () => {
      ended++
    }
    mcp.registerTool('act', {}, () => text('done'))
    return mcp
  }
  const server = await serve(factory, {
    name: `ends-${crypto.randomUUID()}`,
    tlsPort: 0,
    tls: world.tls,
    log: false,
  })
  for (let count = 0; count < 5; count++) await ask(server.url, world.certDir, toolCall('act', era))
  await server.close()
  await expect.poll(() => ended).toBe(made - 1) // the first was a look at what the factory gives
})

test('a frozen server is served, each request by its own', async () => {
  await using server = await start(() => {
    const mcp = new McpServer({ name: 'frozen', version: '1.0.0' })
    mcp.registerTool('act', {}, () => text('done'))
    return Object.freeze(mcp)
  })
  for (let count = 0; count < 4; count++) expect(await server.send('act', 'legacy')).toContain('done')
})

test('pipelined answers wait behind a slow one, however long that takes', async () => {
  const finish = gate()
  const begun = gate()
  let isLoose = false
  await using server = await start(
    () => {
      const mcp = new McpServer({ name: 'pipelined', version: '1.0.0' })
      mcp.registerTool('slow', {}, async () => {
        if (!isLoose) return text('quick')
        begun.open()
        await finish.opened
        return text('slow')
      })
      mcp.registerTool('fast', {}, () => text('fast'))
      return mcp
    },
    { limits: { idleTimeout: 100 } },
  )
  for (const name of ['slow', 'fast']) await server.warm(name, 'legacy')
  isLoose = true
  const wire = await openWire(server.url, world.certDir)
  let said = ''
  const all = new Promise<void>((resolve) => {
    wire.socket.on('data', (chunk) => {
      said += chunk
      if (said.match(/"text":/g)?.length === 3) resolve()
    })
  })
  for (const name of ['slow', 'fast', 'fast']) {
    const { headers, body } = toolCall(name, 'legacy')
    wire.socket.write(httpText('/mcp', headers, body))
  }
  await begun.opened
  const began = performance.now()
  await expect.poll(() => performance.now() - began).toBeGreaterThan(350) // some looks for what is not read
  finish.open()
  await all
  expect(said).toMatch(/"text":"slow"[\s\S]*"text":"fast"[\s\S]*"text":"fast"/)
  wire.socket.destroy()
})

test('a session that asks about its client has nothing to do with requests without one', async () => {
  await using server = await start(
    () => {
      const mcp = new McpServer({ name: 'both', version: '1.0.0' })
      mcp.server.oninitialized = () => void mcp.server.getClientVersion()
      mcp.registerTool('act', { inputSchema: z.object({}) }, () => text('done'))
      return mcp
    },
    { sessions: true },
  )
  await server.warm('act', 'modern')
  const session = await openRawSession(server.url, world.certDir)
  await session.post({ jsonrpc: '2.0', method: 'notifications/initialized' })
  expect(await server.serversFor('act', 'modern')).toBe(0)
  await session.delete()
})

test('a client counts as deaf only when something waited at both looks, and nothing has left', () => {
  const looks = (
    ...states: readonly {
      readonly waits: number
      readonly written: number
      readonly queued?: number
      readonly isBehind?: boolean
    }[]
  ) => {
    let isDestroyed = false
    let seen: Unread | undefined
    for (const { waits, written, queued = 0, isBehind } of states) {
      const socket = { bytesWritten: written, writableLength: waits, _handle: { writeQueueSize: queued } }
      const response = {
        socket: isBehind ? null : socket,
        writableLength: waits,
        destroy: () => {
          isDestroyed = true
        },
      }
      seen = endIfUnread(response as never, seen)
    }
    return isDestroyed
  }
  expect(looks({ waits: 10, written: 10 }, { waits: 10, written: 10 })).toBe(true)
  expect(looks({ waits: 10, written: 10 }, { waits: 20, written: 20 })).toBe(true)
  expect(looks({ waits: 0, written: 10 }, { waits: 10, written: 20 })).toBe(false)
  expect(looks({ waits: 10, written: 20 }, { waits: 10, written: 30 })).toBe(false)
  expect(looks({ waits: 10, written: 10, queued: 9 }, { waits: 10, written: 10, queued: 4 })).toBe(false)
  expect(looks({ waits: 10, written: 10, queued: 9 }, { waits: 10, written: 10, queued: 9 })).toBe(true)
  expect(looks({ waits: 10, written: 10, isBehind: true }, { waits: 10, written: 10 })).toBe(false)
})
