import { expect, test } from 'vitest'
import { startNode } from '../support/cli.js'
import { counted } from '../support/counted.js'
import { alive, descendantsOf, inGroup } from '../support/processes.js'
import { messagesIn, openRawSession, openStream } from '../support/raw-session.js'
import { tier } from '../support/tier.js'
import { toolCall } from '../support/tool-call.js'
import { ask } from '../support/wire.js'
import { makeWorld, type World } from '../support/world.js'
import { fixture, programPath } from './programs/script.js'

const clients = tier(20, 200)
const atOnce = 8
/** Milliseconds: on a loaded machine a client takes long from one request to the next. */
const idle = 10_000

type Visit = (visitor: number) => Promise<void>

/** So many clients come, some of them at once. */
async function comeAndGo(visits: readonly Visit[]): Promise<void> {
  let next = 0
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (next < clients) {
        const visitor = next++
        await visits[visitor % visits.length]?.(visitor)
      }
    }),
  )
}

/** A client with a session. Its calls have tokens, and what takes long tells a first step. */
async function session(url: string, certDir: string) {
  const opened = await openRawSession(url, certDir)
  const request = (name: string, args?: object) => {
    const { headers, body } = toolCall(name, 'legacy', { progressToken: 1 }, { args })
    return { headers: { ...headers, 'mcp-session-id': opened.id }, body }
  }
  return {
    ...opened,
    /** The answer to a call, what was told before it among them. */
    call: async (name: string) => {
      const { status, body } = await ask(url, certDir, request(name))
      expect(status, body).toBe(200)
      return messagesIn(body).at(-1) as { readonly result: { readonly structuredContent: Facts } }
    },
    /** A call that has begun, over a connection of its own. */
    begin: async (name: string, args?: object) => {
      const { headers, body } = request(name, args)
      const stream = await openStream(url, certDir, headers, body)
      await expect
        .poll(() => stream.events.map(({ message }) => message.method))
        .toContain('notifications/progress')
      return stream
    },
  }
}

interface Facts {
  readonly pid: number
  readonly pids: readonly number[]
}

const ways = (url: string, { certDir }: World) => {
  const come = () => session(url, certDir)
  return {
    politely: async () => {
      const client = await come()
      expect(await client.call('echo')).toMatchObject({ result: { content: [{ text: '' }] } })
      expect((await client.delete()).status).toBe(200)
    },
    byBreaking: async () => {
      const client = await come()
      const stream = await client.listen()
      await client.call('echo')
      stream.destroy()
    },
    // Its call goes on to its end: with a session its client could come back for the answer.
    inACall: async () => {
      const stream = await (await come()).begin('slow', { ms: 1000, steps: 10 })
      stream.destroy()
    },
    come,
  }
}

test('clients of a program come and go, and no process and no handle is left', async () => {
  await using world = await makeWorld()
  const { url, pid, counts } = await counted(world, { ...fixture(), idle })
  const { held } = await counts()
  const { come, ...usual } = ways(url, world)
  const pids: number[] = []
  const killed = async () => {
    const client = await come()
    const { pid } = (await client.call('pid')).result.structuredContent
    const call = await client.begin('hang')
    process.kill(pid, 'SIGKILL')
    await expect.poll(() => call.events.at(-1)?.message).toMatchObject({ error: { code: -32010 } })
    const next = (await client.call('pid')).result.structuredContent.pid
    expect(next).not.toBe(pid)
    pids.push(pid, next)
    if (next % 2 === 0) await client.delete()
  }
  const forked = async () => {
    const client = await come()
    pids.push(...(await client.call('fork')).result.structuredContent.pids)
    pids.push((await client.call('pid')).result.structuredContent.pid)
    await client.delete()
  }
  await comeAndGo([...Object.values(usual), killed, forked])
  const { children } = await counts()
  expect(children?.starts).toBe(clients + clients / 5)
  expect(children?.deaths).toBe(clients / 5)
  await expect.poll(() => descendantsOf(pid)).toEqual([])
  // What children have started ignores the end of their stdin, and some of it SIGTERM.
  await expect.poll(() => alive(...pids)).toEqual([])
  expect(pids.flatMap((one) => inGroup(one))).toEqual([])
  await expect.poll(counts).toMatchObject({ held, callsInFlight: 0, children: { alive: 0 } })
})

test('clients without sessions come and go, and no process and no handle is left', async () => {
  await using world = await makeWorld()
  const { url, pid, counts } = await counted(world, { ...fixture('--modern'), idle })
  const { held } = await counts()
  const request = (name: string) => toolCall(name, 'modern', { progressToken: 1 })
  const politely = async () => {
    expect(await ask(url, world.certDir, request('echo'))).toMatchObject({ status: 200 })
  }
  const inACall = async () => {
    const { headers, body } = request('hang')
    const stream = await openStream(url, world.certDir, headers, body)
    await expect
      .poll(() => stream.events.map(({ message }) => message.method))
      .toContain('notifications/progress')
    stream.destroy()
  }
  const ofItsGroup = async () => {
    const { body } = await ask(url, world.certDir, request('pid'))
    return messagesIn(body).at(-1)?.result as { readonly structuredContent: Facts }
  }
  await comeAndGo([politely, inACall])
  const { structuredContent: first } = await ofItsGroup()
  process.kill(first.pid, 'SIGKILL')
  await expect.poll(async () => (await counts()).children?.deaths).toBe(1)
  await comeAndGo([inACall, politely])
  expect(await counts()).toMatchObject({ children: { alive: 1, starts: 2 } })
  const { structuredContent: last } = await ofItsGroup()
  await expect.poll(() => descendantsOf(pid)).toEqual([])
  expect([first, last].flatMap((one) => inGroup(one.pid))).toEqual([])
  await expect.poll(counts).toMatchObject({ held, callsInFlight: 0, children: { alive: 0 } })
})

test('clients of a server over plain HTTP come and go, and no handle is left', async () => {
  await using world = await makeWorld()
  const [, upstream = ''] = await startNode([programPath('stateful.mjs')]).printed(/listens at (\S+)/)
  const { url, counts } = await counted(world, { upstream, idle })
  const { held } = await counts()
  const { come: _, ...usual } = ways(url, world)
  await comeAndGo(Object.values(usual))
  await expect.poll(counts).toMatchObject({ held, callsInFlight: 0 })
})
