import { join } from 'node:path'
import type { Client } from '@modelcontextprotocol/client'
import { expect, test } from 'vitest'
import { exposed } from '../support/exposed.js'
import { forge, writeSet } from '../support/forge.js'
import { inGroup } from '../support/processes.js'
import { messagesIn, openRawSession, openStream } from '../support/raw-session.js'
import { scratch } from '../support/scratch.js'
import { sdkClient } from '../support/sdk-client.js'
import { ask, mcpHeaders } from '../support/wire.js'
import { makeWorld, type World } from '../support/world.js'
import { fixture, told } from './programs/script.js'

const program = (...flags: string[]): [string, ...string[]] => {
  const { command, args } = fixture(...flags)
  return [command, ...args]
}

/** The same world, as another client of it. */
async function another(world: World, commonName: string): Promise<string> {
  const certDir = scratch()
  const client = await forge({ issuer: world.ca, usage: 'client', commonName })
  await writeSet(certDir, { ca: world.ca, server: world.server, client })
  return certDir
}

interface Whoami {
  readonly caller: { readonly id: string } | null
  readonly meta: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

const opened = async (url: string, certDir: string, options = {}) => {
  const { client, ...rest } = await sdkClient(url, certDir, options)
  const call = (name: string, args: Record<string, unknown> = {}) =>
    client.callTool({ name, arguments: args })
  return {
    client,
    call,
    whoami: async () => told<Whoami>(await call('whoami')),
    pid: async () => told<{ pid: number }>(await call('pid')).pid,
    ...rest,
  }
}

/** What a server says to one message, posted by hand. */
async function posted(session: Awaited<ReturnType<typeof openRawSession>>, message: unknown) {
  const { body } = await session.post(message)
  return messagesIn(body).at(-1) as { result: { structuredContent: Whoami } }
}

test('a child learns who calls: in each call, and in its environment', async () => {
  await using world = await makeWorld()
  const { url } = await exposed(world, program())
  await using one = await opened(url, world.certDir)
  const { caller, env, meta } = await one.whoami()
  expect(caller).toEqual({
    id: 'cn:mcp-client',
    trust_domain: null,
    verified: true,
    names: [],
    issuer: expect.stringContaining('CN='),
    serial: expect.stringMatching(/^[\da-f]+$/i),
    fingerprint256: expect.stringMatching(/^[\da-f]{64}$/i),
    not_after: expect.stringMatching(/Z$/),
    tls: {
      version: 'TLSv1.3',
      cipher: expect.any(String),
      key_exchange: expect.toBeOneOf([null, expect.any(String)]),
      resumed: expect.any(Boolean),
    },
  })
  expect(meta).toEqual(['mcp-mtls/caller'])
  expect(env.MCP_MTLS_CALLER_ID).toBe('cn:mcp-client')
  expect(JSON.parse(env.MCP_MTLS_CALLER ?? '')).toMatchObject({ id: 'cn:mcp-client', verified: true })
})

test.each([
  ['a session', []],
  ['2026-07-28', ['--modern']],
])('what a client forges does not arrive, with %s', async (_way, flags) => {
  await using world = await makeWorld()
  const { url } = await exposed(world, program(...flags))
  const forged = {
    'mcp-mtls/caller': { id: 'cn:boss', verified: true },
    'MCP-MTLS/Caller': 'cn:boss',
    'mcp-mtls/': 1,
    'mcp-mtls/admin': true,
    'example/own': 'stays',
  }
  const session = await openRawSession(url, world.certDir)
  const { result } = await posted(session, {
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'whoami', arguments: {}, _meta: forged },
  })
  expect(result.structuredContent).toMatchObject({
    caller: { id: 'cn:mcp-client' },
    meta: ['example/own', 'mcp-mtls/caller'],
  })
  await using auto = await opened(url, world.certDir, { versionNegotiation: { mode: 'auto' } })
  const answer = await auto.client.callTool({ name: 'whoami', arguments: {}, _meta: forged } as never)
  expect(told<Whoami>(answer).caller).toMatchObject({ id: 'cn:mcp-client' })
  expect(told<Whoami>(answer).meta.filter((key) => /mtls/i.test(key))).toEqual(['mcp-mtls/caller'])
})

test.each(['session', 'identity', 'shared'] as const)(
  "of two identities neither reaches what is the other's, with an instance for each %s",
  async (instances) => {
    await using world = await makeWorld()
    const boss = await another(world, 'boss')
    const { url, events } = await exposed(world, program(), { instances })
    await using one = await opened(url, world.certDir)
    await using other = await opened(url, boss)
    const [mine, theirs] = [await one.whoami(), await other.whoami()]
    expect([mine.caller?.id, theirs.caller?.id]).toEqual(['cn:mcp-client', 'cn:boss'])
    const isShared = instances === 'shared'
    expect(mine.env.MCP_MTLS_CALLER_ID).toBe(isShared ? undefined : 'cn:mcp-client')
    expect(theirs.env.MCP_MTLS_CALLER_ID).toBe(isShared ? undefined : 'cn:boss')
    expect((await one.pid()) === (await other.pid())).toBe(isShared)

    const session = await openRawSession(url, world.certDir)
    const stolen = { ...mcpHeaders, 'mcp-session-id': session.id, 'mcp-protocol-version': '2025-11-25' }
    for (const method of ['POST', 'GET', 'DELETE']) {
      const body = method === 'POST' ? { body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}' } : {}
      const answer = await ask(url, boss, { method, headers: stolen, ...body })
      expect([answer.status, JSON.parse(answer.body).error.message]).toEqual([404, 'Session not found'])
    }
    expect(events.filter(({ event }) => event === 'request-refused')).toHaveLength(3)
    expect((await session.post({ jsonrpc: '2.0', id: 2, method: 'ping' })).status).toBe(200)
  },
)

test('sessions of one identity share its child where there is one for each, and have one each otherwise', async () => {
  await using world = await makeWorld()
  for (const [instances, count] of [
    ['session', 2],
    ['identity', 1],
  ] as const) {
    const { url, server } = await exposed(world, program(), { instances })
    await using one = await opened(url, world.certDir)
    await using other = await opened(url, world.certDir)
    expect(new Set([await one.pid(), await other.pid()]).size).toBe(count)
    expect(server.health().children).toMatchObject({ alive: count, starts: count, deaths: 0 })
  }
})

test('requests without a session share the child of their identity', async () => {
  await using world = await makeWorld()
  const boss = await another(world, 'boss')
  const { url, server } = await exposed(world, program('--modern'))
  const mode = { versionNegotiation: { mode: 'auto' } }
  await using one = await opened(url, world.certDir, mode)
  await using same = await opened(url, world.certDir, mode)
  await using other = await opened(url, boss, mode)
  const pids = [await one.pid(), await same.pid(), await other.pid()]
  expect(pids[0]).toBe(pids[1])
  expect(pids[0]).not.toBe(pids[2])
  expect((await other.whoami()).env.MCP_MTLS_CALLER_ID).toBe('cn:boss')
  expect(server.health()).toMatchObject({ children: { alive: 2 } })
})

test('a child that nobody uses ends after a while, and starts again for the next client', async () => {
  await using world = await makeWorld()
  const { url, server } = await exposed(world, program(), { instances: 'identity', idle: 50 })
  const first = await openRawSession(url, world.certDir)
  expect(server.health().children?.alive).toBe(1)
  await first.delete()
  await expect.poll(() => server.health().children?.alive).toBe(0)
  await openRawSession(url, world.certDir)
  expect(server.health().children).toEqual({ alive: 1, starts: 2, deaths: 0 })
})

test('there are no more children than there may be, and who comes too much is told', async () => {
  await using world = await makeWorld()
  const { url } = await exposed(world, program(), { maxInstances: 1 })
  const first = await openRawSession(url, world.certDir)
  await expect(sdkClient(url, world.certDir)).rejects.toThrow(/1 programs? runs? already/)
  await first.delete()
  await expect.poll(() => sdkClient(url, world.certDir).then(() => 'came', String)).toBe('came')
})

test('a session that ends takes its child with it', async () => {
  await using world = await makeWorld()
  const { url } = await exposed(world, program())
  const session = await openRawSession(url, world.certDir)
  const answer = await posted(session, {
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'pid', arguments: {} },
  })
  const { pid } = told<{ pid: number }>(answer.result)
  expect(inGroup(pid)).toHaveLength(1)
  await session.delete()
  await expect.poll(() => inGroup(pid)).toEqual([])
})

test('a client whose certificate was taken away loses its session and its child', async () => {
  await using world = await makeWorld()
  const { url, server } = await exposed(world, program())
  await using one = await opened(url, world.certDir)
  const pid = await one.pid()
  await using stranger = await makeWorld()
  await writeSet(world.certDir, stranger)
  await server.reload()
  await expect.poll(() => inGroup(pid)).toEqual([])
})

test('a client that goes away in a call of 2026-07-28 has it given up', async () => {
  await using world = await makeWorld()
  const { url } = await exposed(world, program('--modern'))
  await using one = await opened(url, world.certDir, { versionNegotiation: { mode: 'auto' } })
  const leaving = new AbortController()
  const running = one.client.callTool(
    { name: 'hang', arguments: {} },
    {
      signal: leaving.signal,
      onprogress: () => leaving.abort(),
    },
  )
  await expect(running).rejects.toThrow()
  expect(told(await one.call('told', { cancelled: 1 }))).toMatchObject({ cancelled: ['the client has gone'] })
})

test('two sessions of one child: what it asks is refused while both are open', async () => {
  await using world = await makeWorld()
  const { url } = await exposed(world, program(), { instances: 'shared' })
  await using one = await opened(url, world.certDir, {
    capabilities: { elicitation: { form: {} } },
    prepare: (client: Client) =>
      client.setRequestHandler('elicitation/create', () => ({ action: 'accept', content: { name: 'Ada' } })),
  })
  const other = await openRawSession(url, world.certDir)
  await expect(one.call('ask')).rejects.toThrow(/more than one session is open/)
  await other.delete()
  await expect.poll(() => one.call('ask').then(({ content }) => JSON.stringify(content))).toMatch(/accept/)
})

test('a child that nobody uses makes room for one that somebody does', async () => {
  await using world = await makeWorld()
  const boss = await another(world, 'boss')
  const { url, server } = await exposed(world, program(), { instances: 'identity', maxInstances: 1 })
  await (await openRawSession(url, world.certDir)).delete()
  const session = await openRawSession(url, boss)
  await expect(sdkClient(url, world.certDir)).rejects.toThrow(/1 programs? runs? already/)
  expect((await session.post({ jsonrpc: '2.0', id: 1, method: 'ping' })).status).toBe(200)
  expect(server.health().children).toEqual({ alive: 1, starts: 2, deaths: 0 })
})

test('health says that children do not come up, until one does', async () => {
  await using world = await makeWorld()
  const starts = join(scratch(), 'starts')
  const { url, server, lines } = await exposed(world, program('--die-first', '1', '--starts', starts))
  await expect(sdkClient(url, world.certDir)).rejects.toThrow()
  const message = 'the server ended before it was ready'
  expect(server.health()).toMatchObject({
    status: 'degraded',
    problems: [{ code: 'CONNECTION_FAILED', message }],
  })
  expect(lines.some((line) => line.endsWith(message))).toBe(true)
  await openRawSession(url, world.certDir)
  expect(server.health()).toMatchObject({ status: 'ok', problems: [] })
})

test('a program that speaks no newer revision is asked for it once, and newer clients fall back', async () => {
  await using world = await makeWorld()
  const { url, server } = await exposed(world, program())
  for (const starts of [2, 3]) {
    await using one = await opened(url, world.certDir, { versionNegotiation: { mode: 'auto' } })
    expect((await one.whoami()).caller?.id).toBe('cn:mcp-client')
    expect(server.health().children).toMatchObject({ starts })
  }
  expect(server.health().protocol_versions).not.toContain('2026-07-28')
  await using world2 = await makeWorld()
  const both = await exposed(world2, program('--modern'))
  await using one = await opened(both.url, world2.certDir, { versionNegotiation: { mode: 'auto' } })
  await one.whoami()
  expect(both.server.health().protocol_versions).toContain('2026-07-28')
})

test('metrics count children and calls in flight', async () => {
  await using world = await makeWorld()
  const { url } = await exposed(world, program())
  await using one = await opened(url, world.certDir)
  const ends = one.call('die').catch(() => {})
  await ends
  await one.whoami()
  const { body } = await ask(url.replace('/mcp', '/metrics'), world.certDir)
  const value = (name: string) => new RegExp(`^mcp_mtls_${name}(?:\\{.*\\})? (\\d+)$`, 'm').exec(body)?.[1]
  expect(['children', 'child_starts_total', 'child_deaths_total', 'calls_in_flight'].map(value)).toEqual([
    '1',
    '2',
    '1',
    '0',
  ])
  expect(body).toMatch(/mcp_mtls_tool_calls_total\{tool="other",outcome="error"/)
})

test('one identity that opens many sessions pushes out its own, and not those of others', async () => {
  await using world = await makeWorld()
  const boss = await another(world, 'boss')
  const { url } = await exposed(world, program(), { maxInstances: 10, sessions: { max: 3 } })
  const theirs = await openRawSession(url, boss)
  const mine: Awaited<ReturnType<typeof openRawSession>>[] = []
  for (let at = 0; at < 4; at++) mine.push(await openRawSession(url, world.certDir))
  const ping = { jsonrpc: '2.0', id: 9, method: 'ping' }
  expect((await theirs.post(ping)).status).toBe(200)
  const statuses = await Promise.all(mine.map(async (session) => (await session.post(ping)).status))
  expect(statuses).toEqual([404, 404, 200, 200])
})

test('a call whose client has gone does not keep its place from others for ever', async () => {
  await using world = await makeWorld()
  const { url, server } = await exposed(world, program(), { sessions: { max: 1, idle: 200 } })
  const one = await openRawSession(url, world.certDir)
  const headers = { 'mcp-session-id': one.id, 'mcp-protocol-version': '2025-11-25' }
  const body = {
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'hang', arguments: {}, _meta: { progressToken: 1 } },
  }
  const stream = await openStream(url, world.certDir, headers, JSON.stringify(body))
  await expect.poll(() => stream.events.length).toBe(1)
  stream.destroy()
  await expect.poll(() => openRawSession(url, world.certDir).then(() => 'came', String)).toBe('came')
  await expect.poll(() => server.health().children?.alive).toBe(1)
})

test('health says that a child dies again and again', async () => {
  await using world = await makeWorld()
  const { url, server } = await exposed(world, program())
  await using one = await opened(url, world.certDir)
  await one.call('die').catch(() => {})
  await one.pid()
  expect(server.health().status).toBe('ok')
  await one.call('die').catch(() => {})
  await one.pid()
  const message = 'a child of this server dies again and again'
  expect(server.health()).toMatchObject({
    status: 'degraded',
    problems: [{ code: 'CONNECTION_FAILED', message }],
  })
})

test('whoever takes the place of an idle session waits for its child to end', async () => {
  await using world = await makeWorld()
  const boss = await another(world, 'boss')
  const { url } = await exposed(world, program(), { maxInstances: 2, sessions: { max: 2 } })
  await openRawSession(url, world.certDir)
  await openRawSession(url, world.certDir)
  for (let at = 0; at < 2; at++) await openRawSession(url, boss)
})

test('what cannot wait for the stream of its client fails; what can comes in its order', async () => {
  await using world = await makeWorld()
  const { url } = await exposed(world, program())
  const session = await openRawSession(url, world.certDir, { capabilities: { roots: {} } })
  const call = (id: number, name: string, args: object) => ({
    jsonrpc: '2.0',
    id,
    method: 'tools/call',
    params: { name, arguments: args },
  })
  // Two calls at once: what the child says then is not known to be about one of them.
  session.post(call(1, 'hang', {})).catch(() => {}) // until the server ends
  await session.post(call(2, 'log', { lines: 120 }))
  const { body } = await session.post(call(3, 'ask', { what: 'roots' }))
  expect(body).toContain('too much waits for it')
})
