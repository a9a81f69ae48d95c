import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { McpServer } from '@modelcontextprotocol/server'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { initialize } from '../support/bridge-process.js'
import type { Message } from '../support/compare/clients.js'
import { tier } from '../support/tier.js'
import { type Era, eras, toolCall } from '../support/tool-call.js'
import { makeWorld, serveTest } from '../support/world.js'

const calls = tier(1000, 10_000)
const atOnce = 8
const program = fileURLToPath(new URL('fixtures/counted.mjs', import.meta.url))

interface Held {
  readonly heap: number
  readonly rss: number
  readonly resources: readonly string[]
}

/** A server whose tools answer, fail, tell of progress first, or never answer. */
function served() {
  const server = new McpServer({ name: 'far', version: '1' })
  const inputSchema = z.object({})
  const done = { content: [{ type: 'text' as const, text: 'x'.repeat(500) }] }
  server.registerTool('echo', { inputSchema }, () => done)
  server.registerTool('fail', { inputSchema }, () => Promise.reject(new Error('it fails')))
  server.registerTool('hang', { inputSchema }, () => new Promise<never>(() => {}))
  server.registerTool('progress', { inputSchema }, async (_input, { mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken ?? 0
    await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress: 1 } })
    return done
  })
  return server
}

async function started(servers: object, era: Era) {
  const child = spawn(process.execPath, ['--expose-gc', program, JSON.stringify(servers)], {
    stdio: ['pipe', 'pipe', 'inherit', 'ipc'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [input, output] = [child.stdin, child.stdout]
  if (!input || !output) throw new Error('it has no stdin and stdout')
  const waiting = new Map<unknown, (answer: Message) => void>()
  createInterface({ input: output }).on('line', (line) => {
    const message: Message = JSON.parse(line)
    waiting.get(message.id)?.(message)
    waiting.delete(message.id)
  })
  const say = (message: object) => void input.write(`${JSON.stringify(message)}\n`)
  const ask = (message: { readonly id: unknown }) =>
    new Promise<Message>((resolve) => {
      waiting.set(message.id, resolve)
      say(message)
    })
  if (era === 'legacy') {
    await ask(initialize)
    say({ jsonrpc: '2.0', method: 'notifications/initialized' })
  }
  const held = async (): Promise<Held> => {
    child.send('held')
    return (await once(child, 'message'))[0]
  }
  const ended = once(child, 'exit')
  const end = () => {
    input.end()
    return ended
  }
  return { say, ask, held, end }
}

test.each(eras)('it passes on thousands of calls, and its memory stays as it was: %s', async (era) => {
  await using world = await makeWorld()
  await using server = await serveTest({ tls: world.tls, sessions: era === 'legacy' }, served)
  const bridge = await started([{ serverUrl: server.server.url, tls: world.tls }], era)
  const request = (name: string, id: number) =>
    JSON.parse(toolCall(name, era, { progressToken: id }, { id }).body)
  // One in ten is given up.
  const call = async (id: number) => {
    if (id % 10 === 0) {
      bridge.say(request('hang', id))
      return bridge.say({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id } })
    }
    const name = id % 10 === 1 ? 'fail' : id % 10 === 2 ? 'progress' : 'echo'
    const { result } = await bridge.ask(request(name, id))
    expect(result?.isError ?? false).toBe(name === 'fail')
  }
  let next = 1
  const megabytesAfter = async (last: number) => {
    const worker = async () => {
      while (next < last) await call(next++)
    }
    await Promise.all(Array.from({ length: atOnce }, worker))
    const { heap, rss } = await bridge.held()
    return { heap: heap / 2 ** 20, rss: rss / 2 ** 20 }
  }
  const first = await megabytesAfter(calls / 4)
  const middle = await megabytesAfter(calls / 2)
  const last = await megabytesAfter(calls)
  console.log(`${era}: megabytes after a quarter, a half and all of ${calls} calls:`, first, middle, last)
  // A kilobyte of each call would be 7 MB.
  expect(last.heap - first.heap).toBeLessThan(4)
  expect(last.heap - middle.heap).toBeLessThan(4)
  const { resources } = await bridge.held()
  expect(resources.filter((name) => name === 'TCPSocketWrap').length).toBeLessThan(2 * atOnce + 4)
  // Nothing ends it but that nothing is left.
  expect(await bridge.end()).toEqual([0, null])
})
