import { Agent, fetch } from 'undici'
import { expect, test } from 'vitest'
import { startNode } from '../support/cli.js'
import { counted } from '../support/counted.js'
import { openRawSession } from '../support/raw-session.js'
import { tier } from '../support/tier.js'
import { type Era, toolCall } from '../support/tool-call.js'
import { clientTls } from '../support/wire.js'
import { makeWorld } from '../support/world.js'
import { fixture, programPath } from './programs/script.js'

const calls = tier(1000, 10_000)
const atOnce = 8

async function upstream(): Promise<object> {
  const [, url = ''] = await startNode([programPath('stateful.mjs')]).printed(/listens at (\S+)/)
  return { upstream: url }
}

const kinds: readonly [name: string, era: Era, exposed: () => object | Promise<object>][] = [
  ['a program, with sessions', 'legacy', () => fixture()],
  ['a program, in 2026-07-28', 'modern', () => fixture('--modern')],
  ['a server over plain HTTP', 'legacy', upstream],
]

test.each(kinds)(
  '%s is called, and the memory of who exposes it stays as it was',
  async (name, era, exposed) => {
    await using world = await makeWorld()
    const { url, counts } = await counted(world, await exposed())
    const dispatcher = new Agent({ connect: clientTls(world.certDir), connections: atOnce })
    const send = (headers: Record<string, string>, tool: string, id: number, signal?: AbortSignal) => {
      const { headers: own, body } = toolCall(tool, era, { progressToken: 1 }, { id })
      return fetch(url, {
        method: 'POST',
        headers: { ...own, ...headers },
        body,
        dispatcher,
        ...(signal && { signal }),
      })
    }
    const client = async () => {
      if (era === 'modern') return {}
      const { id } = await openRawSession(url, world.certDir)
      return { 'mcp-session-id': id }
    }
    const clients = await Promise.all(Array.from({ length: atOnce }, client))
    // One in ten goes in the call.
    const call = async (headers: Record<string, string>, number: number) => {
      if (number % 10 > 0) {
        const answer = await send(headers, 'echo', number)
        return expect(await answer.text()).toContain('"result"')
      }
      const gone = new AbortController()
      const stream = await send(headers, era === 'modern' ? 'hang' : 'progress', number, gone.signal)
      const body = stream.text()
      gone.abort()
      await expect(body).rejects.toThrow()
    }
    let next = 0
    const megabytesAfter = async (last: number) => {
      await Promise.all(
        clients.map(async (headers) => {
          while (next < last) await call(headers, next++)
        }),
      )
      await expect.poll(async () => (await counts()).callsInFlight).toBe(0)
      const { heap, rss } = await counts()
      return { heap: heap / 2 ** 20, rss: rss / 2 ** 20 }
    }
    const first = await megabytesAfter(calls / 4)
    const middle = await megabytesAfter(calls / 2)
    const last = await megabytesAfter(calls)
    await dispatcher.close()
    console.log(`${name}: megabytes after a quarter, a half and all of ${calls} calls:`, first, middle, last)
    // What a session keeps for a client that comes back grows to its bound; a kilobyte of each call would be 7 MB.
    expect(last.heap - first.heap).toBeLessThan(4)
    expect(last.heap - middle.heap).toBeLessThan(4)
  },
)
