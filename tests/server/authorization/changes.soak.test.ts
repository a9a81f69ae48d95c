import { EventEmitter, once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { connect, type MtlsClient } from '../../../src/client/index.js'
import { expose } from '../../../src/expose/expose.js'
import { type RunningServer, serve } from '../../../src/server/index.js'
import { type AgentWorld, libraryServer, rpc, withAgents } from '../../support/agents.js'
import { type Grants, policyFile, policyText, writers } from '../../support/changing-policy.js'
import { tier } from '../../support/tier.js'
import { answerJson, plainServer } from '../../support/upstream.js'

const callers = 16
const changes = tier(20, 200)
const program = fileURLToPath(new URL('../../expose/programs/echo.mjs', import.meta.url))

/** Versions that all let both agents call `echo` and `read`, and differ in the rest. */
const version = (turn: number): Grants => ({
  one: { tools: turn % 2 ? ['echo', 'read'] : ['*'] },
  two: { tools: ['echo', 'read', `tool-${turn}`] },
})

type Start = (
  world: AgentWorld<'one' | 'two'>['world'],
  policy: string,
) => Promise<{
  readonly server: RunningServer
  readonly name: string
  readonly args: Record<string, unknown>
}>

const base = ({ tls }: AgentWorld<never>['world'], policy: string) => ({
  name: `busy-${crypto.randomUUID()}`,
  tlsPort: 0,
  tls,
  log: false as const,
  policy,
})
const read = { name: 'read', args: {} }
const echo = { name: 'echo', args: { text: 'busy' } }
const starts: Readonly<Record<string, Start>> = {
  'without sessions': async (world, policy) => ({
    server: await serve(() => libraryServer(), base(world, policy)),
    ...read,
  }),
  'with a server for each request': async (world, policy) => ({
    server: await serve(() => libraryServer(), { ...base(world, policy), perRequest: true }),
    ...read,
  }),
  'in sessions': async (world, policy) => ({
    server: await serve(() => libraryServer(), { ...base(world, policy), sessions: true }),
    ...read,
  }),
  'behind a program': async (world, policy) => ({
    server: await expose({
      ...base(world, policy),
      command: process.execPath,
      args: [program],
      instances: 'identity',
    }),
    ...echo,
  }),
  'behind a URL': async (world, policy) => {
    const plain = await plainServer((request, response, body) => {
      const { id, method } = body === '' ? ({} as { id?: unknown; method?: string }) : JSON.parse(body)
      if (method !== 'initialize' && method !== 'tools/call') return answerJson(request, response, body)
      const result =
        method === 'initialize'
          ? {
              protocolVersion: '2025-11-25',
              capabilities: { tools: {} },
              serverInfo: { name: 'behind', version: '1.0.0' },
            }
          : { content: [{ type: 'text', text: 'echo' }] }
      response.writeHead(200, {
        'content-type': 'application/json',
        ...(method === 'initialize' && { 'mcp-session-id': crypto.randomUUID() }),
      })
      response.end(JSON.stringify({ jsonrpc: '2.0', id, result }))
    })
    return { server: await expose({ ...base(world, policy), upstream: plain.url }), ...echo }
  },
}

/** Calls without a pause until told to stop; what fails is kept. */
function keepBusy(clients: readonly MtlsClient[], name: string, args: Record<string, unknown>) {
  const failures: unknown[] = []
  const answered = new EventEmitter()
  let calls = 0
  let running = true
  const caller = async (client: MtlsClient) => {
    while (running) {
      await client.callTool({ name, arguments: args }).then(
        ({ isError }) => isError && failures.push('an error of the tool'),
        (error) => failures.push(error),
      )
      answered.emit('call', ++calls)
    }
  }
  const all = Array.from({ length: callers }, (_, index) =>
    caller(clients[index % clients.length] as MtlsClient),
  )
  return {
    more: async (wanted: number) => {
      for (const enough = calls + wanted; calls < enough; ) await once(answered, 'call')
    },
    stop: async () => {
      running = false
      await Promise.all(all)
      return { calls, failures }
    },
  }
}

/** Milliseconds until something holds. */
async function timeUntil(holds: () => boolean): Promise<number> {
  const begun = performance.now()
  await expect.poll(holds, { interval: 2 }).toBe(true)
  return performance.now() - begun
}

function print(what: string, times: readonly number[]): void {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (part: number) => sorted[Math.floor(part * (sorted.length - 1))]?.toFixed(0)
  console.log(`${what}: median ${at(0.5)} ms, longest ${at(1)} ms, of ${times.length}`)
}

describe(`${callers} busy callers lose no call while the policy changes ${changes} times`, () => {
  test.each([
    ['without sessions', 'auto'],
    ['without sessions', 'legacy'],
    ['with a server for each request', 'auto'],
    ['in sessions', 'legacy'],
    ['behind a program', 'legacy'],
    ['behind a URL', 'legacy'],
  ] as const)('%s (%s)', async (how, mode) => {
    const start = starts[how] as Start
    const { world, agents } = await withAgents('one', 'two')
    const file = policyFile(policyText(version(0)))
    const { server, name, args } = await start(world, file.path)
    onTestFinished(() => server.close({ drainTimeout: 0 }))
    const clients = await Promise.all(
      [agents.one, agents.two, agents.one, agents.two].map((certDir) =>
        connect({
          serverUrl: server.url,
          tls: { certDir },
          log: false,
          retryAttempts: 0,
          clientOptions: { versionNegotiation: { mode } },
        }),
      ),
    )
    const busy = keepBusy(clients, name, args)
    await busy.more(2 * callers)
    const times: number[] = []
    for (let turn = 1; turn <= changes; turn++) {
      const before = server.health().policy?.loaded_at
      file.write(policyText(version(turn)))
      times.push(await timeUntil(() => server.health().policy?.loaded_at !== before))
      await busy.more(callers)
    }
    const { calls, failures } = await busy.stop()
    expect(failures).toEqual([])
    expect(calls).toBeGreaterThan(changes * callers)
    expect(server.health().policy).toMatchObject({ ok: true, rules: 2 })
    print(`a change is taken up, ${how} (${mode}), by ${calls} calls beside it`, times)
    await Promise.all(clients.map((client) => client.close()))
  })
})

test('calls that are not allowed any more end, again and again', async () => {
  const { world, agents } = await withAgents('one', 'two')
  const allowed = policyText({ one: { tools: ['wait'] }, two: { tools: ['wait'] } })
  const file = writers['rewritten in place']?.(allowed)
  if (!file) throw new Error('no such way')
  const ran: string[] = []
  const server = await serve(() => libraryServer(ran), base(world, file.path))
  onTestFinished(() => server.close({ drainTimeout: 0 }))
  const count = (what: string) => ran.filter((one) => one === what).length
  let isOpen = true
  const staying = rpc(server.url, agents.two, 'tools/call', { name: 'wait' })
    .catch(() => {})
    .finally(() => {
      isOpen = false
    })
  const times: number[] = []
  const turns = tier(5, 100)
  for (let turn = 0; turn < turns; turn++) {
    const calls = Array.from({ length: callers }, () =>
      rpc(server.url, agents.one, 'tools/call', { name: 'wait' }),
    )
    await expect.poll(() => count('wait'), { interval: 2 }).toBe(1 + (turn + 1) * callers)
    const begun = performance.now()
    file.write(policyText({ two: { tools: ['wait'] } }))
    for (const { error } of await Promise.all(calls)) expect(error?.data?.code).toBe('NOT_AUTHORIZED')
    times.push(performance.now() - begun)
    await expect.poll(() => count('aborted')).toBe((turn + 1) * callers)
    const { loaded_at } = server.health().policy ?? {}
    file.write(allowed)
    await timeUntil(() => server.health().policy?.loaded_at !== loaded_at)
  }
  expect(isOpen).toBe(true)
  print(`${callers} calls that run have ended after a change`, times)
  await server.close({ drainTimeout: 0 })
  await staying
})
