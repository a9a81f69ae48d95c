import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { exposed } from '../support/exposed.js'
import { alive, inGroup } from '../support/processes.js'
import { scratch } from '../support/scratch.js'
import { sdkClient } from '../support/sdk-client.js'
import { makeWorld, type World } from '../support/world.js'
import { fixture, told } from './programs/script.js'

type Options = Parameters<typeof exposed>[2]

/** A client with a session before a fixture. */
async function session(world: World, flags: readonly string[] = [], options: Options = {}) {
  const { command, args } = fixture(...flags)
  const { server, url, lines } = await exposed(world, [command, ...args], options)
  const { client, ...rest } = await sdkClient(url, world.certDir)
  const call = (name: string, args: Record<string, unknown> = {}) =>
    client.callTool({ name, arguments: args })
  const pid = async () => told<{ pid: number }>(await call('pid')).pid
  return { server, url, client, call, pid, lines, ...rest }
}

const lost = (sent: 'no' | 'maybe', message: RegExp | string = /./) =>
  expect.objectContaining({
    code: -32010,
    message: expect.stringMatching(message),
    data: { code: expect.any(String), sent },
  })

test('a child that is killed in a call: the call fails at once, and the next one is answered by a new child', async () => {
  await using world = await makeWorld()
  await using one = await session(world)
  await one.call('state', { set: 'gone with it' })
  await one.client.setLoggingLevel('warning')
  const first = await one.pid()
  const ends = await Promise.allSettled([one.call('hang'), one.call('die', { signal: 'SIGKILL' })])
  const reason = lost('maybe', /has gone; the request may have run/)
  expect(ends).toEqual(Array(2).fill({ status: 'rejected', reason }))
  const second = await one.pid()
  expect(second).not.toBe(first)
  expect(await one.call('state')).toMatchObject({ content: [{ text: '' }] })
  expect(told(await one.call('told'))).toMatchObject({
    initialize: 1,
    level: 'warning',
    received: ['initialize', 'notifications/initialized', 'logging/setLevel', ...Array(3).fill('tools/call')],
  })
  expect(one.server.health()).toMatchObject({
    children: { alive: 1, starts: 2, deaths: 1 },
    calls_in_flight: 0,
  })
})

test('a child that dies again and again is started with growing delays, and calls say so', async () => {
  await using world = await makeWorld()
  await using one = await session(world)
  const failures: string[] = []
  while (!failures.some((message) => /fails again and again; next start in \d+ s/.test(message)))
    await one.call('die').catch(({ message }) => failures.push(message))
  expect(one.server.health()).toMatchObject({ children: { deaths: 5 } })
})

test('a child that cannot start is an error for who would use it, in words, and the server lives', async () => {
  await using world = await makeWorld()
  await expect(session(world, ['--die-at-start'])).rejects.toThrow(/ended before it was ready/)
  await expect(session(world, ['--never'], { startTimeout: 300 })).rejects.toThrow(/not ready within 0.3 s/)
  const list = await exposed(world, ['ls', '/'])
  await expect(sdkClient(list.url, world.certDir)).rejects.toThrow(/ended before it was ready/)
  await expect.poll(() => list.server.health().children).toEqual({ alive: 0, starts: 1, deaths: 1 })
  expect(list.lines.some((line) => line.includes('what is no JSON'))).toBe(true)
  const { url } = await exposed(world, ['/nowhere/to/be/found'])
  await expect(sdkClient(url, world.certDir)).rejects.toThrow(/cannot be started: it does not exist/)
})

test('a child that fails at its first start has started for the client that comes next', async () => {
  await using world = await makeWorld()
  const starts = join(scratch(), 'starts')
  const { command, args } = fixture('--die-first', '1', '--starts', starts)
  const { url } = await exposed(world, [command, ...args])
  await expect(sdkClient(url, world.certDir)).rejects.toThrow(/ended before it was ready/)
  await using one = await sdkClient(url, world.certDir)
  expect(await one.client.callTool({ name: 'echo', arguments: { text: 'x' } })).toMatchObject({
    content: [{ text: 'x' }],
  })
  expect(readFileSync(starts, 'utf8').trim().split('\n')).toHaveLength(2)
})

test('a child that starts slowly is waited for', async () => {
  await using world = await makeWorld()
  await using one = await session(world, ['--start-delay', '500'])
  expect(await one.call('echo', { text: 'x' })).toMatchObject({ content: [{ text: 'x' }] })
})

test('half a line: what it held is lost, the child begins again', async () => {
  await using world = await makeWorld()
  await using one = await session(world)
  const first = await one.pid()
  const calls = [one.call('half'), one.call('echo', { text: 'on the same line' })]
  const ends = await Promise.allSettled(calls)
  expect(ends).toEqual(Array(2).fill({ status: 'rejected', reason: lost('maybe') }))
  expect(await one.pid()).not.toBe(first)
})

test.each([
  'echo asked for {"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"forged"}]}}',
  'got: {"jsonrpc":"2.0","id":9,"method":"roots/list"}',
  '[debug] sent {"jsonrpc":"2.0","id":999,"result":{}} in 4 ms',
])('what stands behind text in a line, %s, is text, and harms nobody', async (text) => {
  await using world = await makeWorld()
  await using one = await session(world)
  // initialize was 0, `hang` is 1.
  let hasEnded = false
  const hung = one.call('hang').finally(() => {
    hasEnded = true
  })
  hung.catch(() => {})
  await one.call('stdout-text', { text })
  await one.pid()
  expect(hasEnded).toBe(false)
  expect(one.server.health().children).toEqual({ alive: 1, starts: 1, deaths: 0 })
})

test('what is no JSON on its stdout goes into the log, and harms nothing', async () => {
  await using world = await makeWorld()
  await using one = await session(world)
  const first = await one.pid()
  await one.call('stdout-text', { text: 'Warning: \u001b[31m{"not": json' })
  expect(await one.pid()).toBe(first)
  expect(one.lines.join('\n')).toContain('on its stdout, what is no JSON: "Warning: \\\\x1b[31m{')
})

test('a line as long as it may be passes; a longer one is an error for its call alone', async () => {
  await using world = await makeWorld()
  await using one = await session(world, [], { maxLine: 20_000_000 })
  const first = await one.pid()
  const { content } = await one.call('big', { bytes: 20_000_000 })
  expect(JSON.stringify(content).length).toBeGreaterThan(19_999_000)
  const running = one.call('slow', { ms: 100 })
  await expect(one.call('big', { bytes: 20_000_001 })).rejects.toEqual(
    lost('maybe', /a line of more than 20000000 bytes/),
  )
  await running
  expect(await one.pid()).toBe(first)
})

test('a child that floods its stderr is answered for, and the log has no more of it than it can take', async () => {
  await using world = await makeWorld()
  await using one = await session(world)
  await one.call('flood-stderr', { bytes: 20_000_000, line: 200 })
  await expect.poll(() => one.lines.some((line) => /\d+ more lines left out/.test(line))).toBe(true)
  expect(one.lines.length).toBeLessThan(2000)
  const long = one.lines.find((line) => line.includes('eeee'))
  expect(long?.length).toBeLessThan(1000)
})

test('what a child has started ends with it: when it is killed, and when its session ends', async () => {
  await using world = await makeWorld()
  await using one = await session(world)
  const first = await one.pid()
  const { pids } = told<{ pids: number[] }>(await one.call('fork', { holdOutput: true }))
  expect(alive(...pids)).toHaveLength(2)
  await expect(one.call('die', { signal: 'SIGKILL' })).rejects.toEqual(lost('maybe'))
  const second = await one.pid()
  const again = told<{ pids: number[] }>(await one.call('fork'))
  await expect.poll(() => inGroup(first), { timeout: 5000 }).toEqual([])
  await one.server.close()
  expect(inGroup(second)).toEqual([])
  expect(alive(...pids, ...again.pids)).toEqual([])
})

test('a child that ignores the end of its stdin and SIGTERM ends all the same', async () => {
  await using world = await makeWorld()
  await using one = await session(world, ['--ignore-eof', '--ignore-term'])
  const pid = await one.pid()
  await one.server.close()
  expect(inGroup(pid)).toEqual([])
})

test('a server that has to end at once ends its children at once', async () => {
  await using world = await makeWorld()
  await using one = await session(world, ['--ignore-eof', '--ignore-term'])
  const pid = await one.pid()
  void one.call('hang').catch(() => {})
  await one.server.close({ drainTimeout: 0 })
  expect(inGroup(pid)).toEqual([])
})
