import { EventEmitter } from 'node:events'
import { chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { McpServer as McpServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { McpServer } from '@modelcontextprotocol/server'
import type { Logger } from 'pino'
import { describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import type { Audit, CallEnd } from '../../../src/audit/index.js'
import { callIn } from '../../../src/auth/call.js'
import type { Identity } from '../../../src/auth/identity.js'
import { nobody, readPolicy, requirePolicy, subjectNamed } from '../../../src/auth/policy/policy.js'
import { Authorizer } from '../../../src/server/authorization/authorizer.js'
import { LivePolicy } from '../../../src/server/authorization/live-policy.js'
import { type ServeOptions, serve } from '../../../src/server/index.js'
import type { Inbound } from '../../../src/server/mcp/exchange.js'
import { envelope, idOf, libraryServer, linesOf, namesIn, rpc, withAgents } from '../../support/agents.js'
import {
  type Grants,
  type PolicyFile,
  policyFile,
  policyText,
  writers,
} from '../../support/changing-policy.js'
import { messagesIn, openRawSession, openStream, type Stream } from '../../support/raw-session.js'
import { scratch } from '../../support/scratch.js'

const before: Grants = { one: { tools: ['read', 'wait'] }, two: { tools: ['write'] } }
const after: Grants = { one: { tools: ['who'] }, two: { tools: ['read', 'write'] } }

async function library(
  grants: Grants,
  { write = policyFile, ...options }: Partial<ServeOptions> & { write?: (first: string) => PolicyFile } = {},
) {
  const { world, agents } = await withAgents('one', 'two')
  const ran: string[] = []
  const file = write(policyText(grants))
  const server = await serve(() => subscribable(libraryServer(ran)), {
    name: `library-${crypto.randomUUID()}`,
    tlsPort: 0,
    tls: world.tls,
    log: false,
    policy: file.path,
    watch: { pollMs: 3_600_000 }, // what is not told is not seen
    ...options,
  })
  onTestFinished(() => server.close({ drainTimeout: 0 }))
  const { url } = server
  const tools = async () =>
    Promise.all(
      [agents.one, agents.two].map(async (agent) => namesIn(await rpc(url, agent, 'tools/list'), 'tools')),
    )
  const call = (agent: 'one' | 'two', name: string) => rpc(url, agents[agent], 'tools/call', { name })
  return { server, url, agents, ran, file, tools, call }
}

/** The SDK leaves it to servers what a subscription does. */
function subscribable(server: McpServer): McpServer {
  for (const method of ['resources/subscribe', 'resources/unsubscribe'] as const)
    server.server.setRequestHandler(method, () => ({}))
  return server
}

/** What the agents of `before` and `after` see and may do. */
const seen = {
  before: [['read', 'wait'], ['write']],
  after: [['who'], ['read', 'write']],
}

describe('a change of the policy file is taken up', () => {
  test.each(Object.entries(writers))('when it is %s', async (_how, write) => {
    const { file, tools, call } = await library(before, { write })
    for (let turn = 0; turn < 2; turn++) {
      expect(await tools()).toEqual(seen.before)
      expect((await call('two', 'read')).error?.data?.code).toBe('NOT_AUTHORIZED')
      expect((await call('one', 'read')).result).toBeDefined()
      file.write(policyText(after))
      await expect.poll(tools).toEqual(seen.after)
      expect((await call('two', 'read')).result).toBeDefined()
      expect((await call('one', 'read')).error?.data?.code).toBe('NOT_AUTHORIZED')
      file.write(policyText(before))
      await expect.poll(tools).toEqual(seen.before)
    }
  })

  test('while something else in its directory is written all the time', async () => {
    const { file, tools } = await library(before)
    const noise = setInterval(
      () => writeFileSync(join(dirname(file.path), 'audit.jsonl'), 'line\n', { flag: 'a' }),
      5,
    )
    onTestFinished(() => clearInterval(noise))
    file.write(policyText(after))
    await expect.poll(tools).toEqual(seen.after)
    file.write(policyText(before))
    await expect.poll(tools).toEqual(seen.before)
  })

  test.each(Object.entries(writers))('and the last of many counts, when it is %s', async (_how, write) => {
    const { file, tools } = await library(before, { write })
    for (let turn = 0; turn < 30; turn++) {
      file.write(policyText({ one: { tools: [`tool-${turn}`] } }))
      if (turn % 3 === 0) await new Promise(setImmediate)
    }
    file.write(policyText(after))
    await expect.poll(tools).toEqual(seen.after)
  })

  test('when its whole directory is replaced', async () => {
    const { file, tools } = await library(before)
    const directory = dirname(file.path)
    renameSync(directory, `${directory}.old`)
    onTestFinished(() => rmSync(`${directory}.old`, { recursive: true }))
    mkdirSync(directory)
    writeFileSync(file.path, policyText(after), { mode: 0o600 })
    await expect.poll(tools).toEqual(seen.after)
  })

  test('when it comes while the server starts', async () => {
    const { world, agents } = await withAgents('one')
    const file = policyFile(policyText(before))
    let made = 0
    const server = await serve(
      () => {
        if (made++ === 0) file.write(policyText(after))
        return libraryServer()
      },
      {
        name: `starting-${crypto.randomUUID()}`,
        tlsPort: 0,
        tls: world.tls,
        log: false,
        policy: file.path,
        watch: { pollMs: 3_600_000 },
      },
    )
    onTestFinished(() => server.close({ drainTimeout: 0 }))
    await expect
      .poll(async () => namesIn(await rpc(server.url, agents.one, 'tools/list'), 'tools'))
      .toEqual(seen.after[0])
  })

  test('at once by reload(), which says whether it was another; and not at all where nobody watches', async () => {
    const { server, file, tools } = await library(before, { watch: false })
    expect(await server.reload()).toBe(false)
    file.write(policyText(after))
    expect(await tools()).toEqual(seen.before)
    expect(await server.reload()).toBe(true)
    expect(await tools()).toEqual(seen.after)
    expect(await server.reload()).toBe(false)
  })
})

/** A server with tools that answer at once, or run until they are aborted; `ran` tells of what happens in them. */
function slowServer(ran: string[]): McpServer {
  const server = new McpServer({ name: 'slow', version: '1.0.0' })
  for (const name of ['first', 'second'])
    server.registerTool(name, { inputSchema: z.object({ wait: z.boolean() }) }, ({ wait }, { mcpReq }) => {
      const text = (value: string) => ({ content: [{ type: 'text' as const, text: value }] })
      if (!wait) return text('at once')
      ran.push(name)
      return new Promise((resolve) =>
        mcpReq.signal.addEventListener('abort', () => {
          ran.push(`${name} aborted`)
          resolve(text('the secret answer'))
        }),
      )
    })
  return server
}

const both: Grants = { one: { tools: ['first', 'second'] }, two: { tools: ['first', 'second'] } }

async function slow(options: Partial<ServeOptions> & { era?: 'modern' | 'legacy' } = {}) {
  const { era = 'modern', ...others } = options
  const { world, agents } = await withAgents('one', 'two')
  const ran: string[] = []
  let made = 0
  const file = policyFile(policyText(both))
  const factory = () => {
    made++
    return slowServer(ran)
  }
  const server = await serve(factory, {
    name: `slow-${crypto.randomUUID()}`,
    tlsPort: 0,
    tls: world.tls,
    log: false,
    policy: file.path,
    watch: { pollMs: 3_600_000 },
    ...others,
  })
  onTestFinished(() => server.close({ drainTimeout: 0 }))
  const call = (agent: 'one' | 'two', name: string, wait = true) =>
    rpc(server.url, agents[agent], 'tools/call', { name, arguments: { wait } }, { era })
  return { server, url: server.url, agents, ran, file, call, made: () => made }
}

function gate() {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open, opened }
}

/** That it has not come to an end by now. */
async function isOpen(promise: Promise<unknown>): Promise<boolean> {
  const open = Symbol('open')
  return (await Promise.race([promise, new Promise((resolve) => setImmediate(() => resolve(open)))])) === open
}

describe.each(['modern', 'legacy'] as const)('a call that runs, of the %s revision,', (era) => {
  test.each([
    ['a server of its own', true],
    ['a server that answers many', false],
  ])('ends when it may not go on, and no other does: %s', async (_kind, perRequest) => {
    const { call, file, ran, made } = await slow({ era, perRequest })
    for (let turn = 0; turn < 6; turn++)
      for (const name of ['first', 'second']) expect((await call('one', name, false)).result).toBeDefined()
    const madeBefore = made()
    const calls = { first: call('one', 'first'), second: call('one', 'second'), other: call('two', 'first') }
    await expect.poll(() => ran.toSorted()).toEqual(['first', 'first', 'second'])
    expect(made()).toBe(madeBefore + (perRequest ? 3 : 0))
    file.write(policyText({ ...both, one: { tools: ['second'] } }))
    const ended = await calls.first
    expect(ended).toMatchObject({
      status: 200,
      id: 1,
      error: { code: -32_011, data: { code: 'NOT_AUTHORIZED' } },
    })
    expect(ended.error?.data?.request_id).toMatch(/^[\da-f-]{36}$/)
    await expect.poll(() => ran.slice(3)).toEqual(['first aborted'])
    expect(await isOpen(calls.second)).toBe(true)
    expect(await isOpen(calls.other)).toBe(true)
    // Whatever is done for a change is done for the next one, too.
    file.write(policyText({ one: { tools: ['first'] }, two: { tools: ['second'] } }))
    for (const one of [calls.second, calls.other])
      expect((await one).error?.data?.code).toBe('NOT_AUTHORIZED')
    await expect
      .poll(() => ran.slice(3).toSorted())
      .toEqual(['first aborted', 'first aborted', 'second aborted'])
    expect((await call('one', 'first', false)).result).toBeDefined()
  })

  test('never begins when it was forbidden while its server was made', async () => {
    const { world, agents } = await withAgents('one')
    const ran: string[] = []
    const file = policyFile(policyText(both))
    const making = gate()
    const asked = gate()
    let made = 0
    const server = await serve(
      async () => {
        if (++made > 1) {
          asked.open()
          await making.opened
        }
        return slowServer(ran)
      },
      {
        name: `late-${crypto.randomUUID()}`,
        tlsPort: 0,
        tls: world.tls,
        log: false,
        policy: file.path,
        watch: false,
      },
    )
    onTestFinished(() => server.close({ drainTimeout: 0 }))
    const call = rpc(
      server.url,
      agents.one,
      'tools/call',
      { name: 'first', arguments: { wait: true } },
      { era },
    )
    const outcome = call.then(
      ({ error }) => error?.data?.code,
      () => 'its connection has ended',
    )
    await asked.opened
    file.write(policyText({ two: { tools: ['first'] } }))
    await server.reload()
    making.open()
    expect(['NOT_AUTHORIZED', 'its connection has ended']).toContain(await outcome)
    expect((await rpc(server.url, agents.one, 'tools/list', {}, { era })).status).toBe(200)
    expect(ran).toEqual([])
  })
})

test('a call that was only reported ends once its rules hold; one that runs goes on when they are tried out again', async () => {
  const auditLog = join(scratch(), 'audit.jsonl')
  const grants: Grants = { one: { tools: ['first'] }, two: { tools: ['first'] } }
  const { server, file, call, ran } = await slow({ auditLog })
  const take = async (mode: 'enforce' | 'report') => {
    file.write(policyText(grants, mode))
    await expect.poll(() => server.health().policy).toMatchObject({ mode, rules: 2 })
  }
  await take('report')
  const calls = [call('one', 'first'), call('one', 'second')] as const
  await expect.poll(() => ran.toSorted()).toEqual(['first', 'second'])
  await take('enforce')
  expect((await calls[1]).error?.data?.code).toBe('NOT_AUTHORIZED')
  await take('report')
  expect(await isOpen(calls[0])).toBe(true)
  expect(ran.slice(2)).toEqual(['second aborted'])
  file.write(policyText({ two: { tools: ['first'] } }))
  const { error } = await calls[0]
  await server.close()
  const lines = linesOf(auditLog).filter(({ event }) => event === 'call')
  expect(lines).toMatchObject([
    { tool: 'second', decision: 'denied', report: true, outcome: 'aborted', error: 'NOT_AUTHORIZED' },
    { tool: 'first', decision: 'allowed', outcome: 'aborted', error: 'NOT_AUTHORIZED' },
  ])
  expect(lines[1]?.request_id).toBe(error?.data?.request_id)
})

test.each([
  ['without sessions', false],
  ['with sessions', true],
])('a call ends in a server of SDK version 1, too: %s', async (_how, sessions) => {
  const { world, agents } = await withAgents('one')
  const ran: string[] = []
  const file = policyFile(policyText(both))
  const factory = () => {
    const server = new McpServerV1({ name: 'one', version: '1.0.0' })
    server.registerTool('first', {}, ({ signal }) => {
      ran.push('first')
      return new Promise((resolve) =>
        signal.addEventListener('abort', () => {
          ran.push('aborted')
          resolve({ content: [{ type: 'text', text: 'the secret answer' }] })
        }),
      )
    })
    return server
  }
  const server = await serve(factory, {
    name: `version-1-${crypto.randomUUID()}`,
    tlsPort: 0,
    tls: world.tls,
    log: false,
    policy: file.path,
    sessions,
  })
  onTestFinished(() => server.close({ drainTimeout: 0 }))
  const id = sessions ? (await openRawSession(server.url, agents.one)).id : undefined
  const stream = openStream(
    server.url,
    agents.one,
    { 'mcp-protocol-version': '2025-11-25', ...(id !== undefined && { 'mcp-session-id': id }) },
    JSON.stringify({ ...callOf('first', 1), params: { name: 'first', arguments: {} } }),
  )
  await expect.poll(() => ran).toEqual(['first'])
  file.write(policyText({ two: { tools: ['first'] } }))
  const ended = await stream
  await ended.closed
  expect(ended.events.map(({ message }) => message)).toMatchObject([
    { id: 1, error: { data: { code: 'NOT_AUTHORIZED' } } },
  ])
  await expect.poll(() => ran).toEqual(['first', 'aborted'])
})

test('of a batch, the call ends that may not go on, and the other is answered', async () => {
  const { url, agents, file, ran } = await slow()
  const batch = [callOf('first', 1), callOf('second', 2)]
  const stream = await openStream(
    url,
    agents.one,
    { 'mcp-protocol-version': '2025-03-26' },
    JSON.stringify(batch),
  )
  await expect.poll(() => ran.toSorted()).toEqual(['first', 'second'])
  file.write(policyText({ one: { tools: ['second'] } }))
  await expect
    .poll(() => stream.events.map(({ message }) => message))
    .toMatchObject([{ id: 1, error: { data: { code: 'NOT_AUTHORIZED' } } }])
  expect(await isOpen(stream.closed)).toBe(true)
  expect(ran.slice(2)).toEqual(['first aborted'])
})

const callOf = (name: string, id: number) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: { wait: true } },
})

describe('a call that runs in a session', () => {
  async function inSession() {
    const served = await slow({ sessions: true })
    const session = await openRawSession(served.url, served.agents.one)
    const own = { 'mcp-session-id': session.id, 'mcp-protocol-version': '2025-11-25' }
    const call = (name: string, id: number) =>
      openStream(served.url, served.agents.one, own, JSON.stringify(callOf(name, id)))
    return { ...served, session, call }
  }
  const forbidden = policyText({ ...both, one: { tools: ['second'] } })

  test('ends on its stream when it may not go on, and no other does', async () => {
    const { call, file, ran } = await inSession()
    const [first, second] = await Promise.all([call('first', 1), call('second', 2)])
    await expect.poll(() => ran.length).toBe(2)
    file.write(forbidden)
    await first.closed
    expect(first.events.at(-1)?.message).toMatchObject({ id: 1, error: { data: { code: 'NOT_AUTHORIZED' } } })
    await expect.poll(() => ran.slice(2)).toEqual(['first aborted'])
    expect(await isOpen(second.closed)).toBe(true)
    expect(second.text).not.toContain('error')
  })

  test.each([
    ['before the change', true],
    ['after it', false],
  ])('gives its client no answer when it comes back (Last-Event-ID): %s', async (_when, isBefore) => {
    const { call, file, ran, session } = await inSession()
    const first = await call('first', 1)
    await expect.poll(() => first.text).toMatch(/^id: .+$/m)
    const last = /^id: (.*)$/m.exec(first.text)?.[1] ?? ''
    await expect.poll(() => ran).toEqual(['first'])
    first.destroy()
    await first.closed
    const resume = () => session.listen({ 'last-event-id': last })
    const resumed = isBefore ? await resume() : undefined
    file.write(forbidden)
    await expect.poll(() => ran).toEqual(['first', 'first aborted'])
    const stream = resumed ?? (await resume())
    expect(stream.status).toBe(200)
    await expect
      .poll(() => stream.events.map(({ message }) => message))
      .toMatchObject([{ id: 1, error: { data: { code: 'NOT_AUTHORIZED' } } }])
    expect(stream.text).not.toContain('secret')
  })
})

test('an answer that waits for its client is not given out once it is forbidden', async () => {
  const finish = gate()
  const { world, agents } = await withAgents('one')
  const file = policyFile(policyText(both))
  const factory = () => {
    const server = slowServer([])
    server.registerTool('third', {}, async () => {
      await finish.opened
      return { content: [{ type: 'text', text: 'the secret answer' }] }
    })
    return server
  }
  const server = await serve(factory, {
    name: `waiting-${crypto.randomUUID()}`,
    tlsPort: 0,
    tls: world.tls,
    log: false,
    policy: file.path,
    sessions: true,
    watch: false,
  })
  onTestFinished(() => server.close({ drainTimeout: 0 }))
  const take = async (...tools: string[]) => {
    file.write(policyText({ one: { tools } }))
    expect(await server.reload()).toBe(true)
  }
  await take('first', 'third')
  const session = await openRawSession(server.url, agents.one)
  const own = { 'mcp-session-id': session.id, 'mcp-protocol-version': '2025-11-25' }
  const body = JSON.stringify({ ...callOf('third', 1), params: { name: 'third', arguments: {} } })
  const stream = await openStream(server.url, agents.one, own, body)
  await expect.poll(() => stream.text).toMatch(/^id: .+$/m)
  const last = /^id: (.*)$/m.exec(stream.text)?.[1] ?? ''
  stream.destroy()
  await stream.closed
  finish.open()
  const answers = async () => {
    const resumed = await session.listen({ 'last-event-id': last })
    await expect.poll(() => resumed.events.length).toBe(1)
    resumed.destroy()
    await resumed.closed
    return resumed.events.map(({ message }) => message)
  }
  expect(await answers()).toMatchObject([{ id: 1, result: { content: [{ text: 'the secret answer' }] } }])
  await take('first')
  expect(await answers()).toMatchObject([
    { id: 1, error: { code: -32_011, data: { code: 'NOT_AUTHORIZED' } } },
  ])
  await take('third')
  expect(await answers()).toMatchObject([{ id: 1, result: {} }])
})

const uris = { public: 'file:///srv/public/a', private: 'file:///srv/private/a' }

describe('whoever listens for changes', () => {
  const all: Grants = { one: { tools: ['read'], resources: ['file:///srv/**'] } }
  const less: Grants = { one: { tools: ['read'], resources: ['file:///srv/public/*'] } }

  /** The methods of what has come, and what they are about. */
  const heard = ({ events }: Stream) =>
    events.map(
      ({ message }) => `${message.method} ${(message.params as { uri?: string } | undefined)?.uri ?? ''}`,
    )

  test('ends with a subscription that is forbidden, and not with another (2026-07-28)', async () => {
    const { server, agents, file } = await library(all)
    const listen = (notifications: object) =>
      openStream(
        server.url,
        agents.one,
        { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'subscriptions/listen' },
        JSON.stringify({
          jsonrpc: '2.0',
          id: 1,
          method: 'subscriptions/listen',
          params: { notifications, _meta: envelope },
        }),
      )
    const streams = await Promise.all([
      listen({ resourceSubscriptions: [uris.public] }),
      listen({ resourceSubscriptions: [uris.public, uris.private] }),
      listen({ toolsListChanged: true, resourcesListChanged: true }),
    ])
    const [kept, forbidden, lists] = streams
    for (const { status } of streams) expect(status).toBe(200)
    server.notify.resourceUpdated(uris.private)
    await expect.poll(() => heard(forbidden)).toContain(`notifications/resources/updated ${uris.private}`)
    file.write(policyText(less))
    await forbidden.closed
    await expect.poll(() => heard(lists)).toContain('notifications/tools/list_changed ')
    expect(heard(lists)).toContain('notifications/resources/list_changed ')
    for (const uri of [uris.private, uris.public]) server.notify.resourceUpdated(uri)
    await expect.poll(() => heard(kept)).toContain(`notifications/resources/updated ${uris.public}`)
    expect(await isOpen(kept.closed)).toBe(true)
    expect(await isOpen(lists.closed)).toBe(true)
    expect(kept.text).not.toContain(uris.private)
    expect((await listen({ resourceSubscriptions: [uris.private] })).text).not.toContain('acknowledged')
  })

  test('in a session hears no more of what is forbidden, goes on with the rest, and hears that lists have changed', async () => {
    const { server, agents, file } = await library(all, { sessions: true })
    const session = await openRawSession(server.url, agents.one)
    const stream = await session.listen()
    for (const [id, uri] of Object.entries(uris))
      expect(messagesIn((await session.post(subscribe(id, uri))).body)[0]).toHaveProperty('result')
    server.notify.resourceUpdated(uris.private)
    await expect.poll(() => heard(stream)).toEqual([`notifications/resources/updated ${uris.private}`])
    file.write(policyText(less))
    const lists = ['tools', 'resources'].map((kind) => `notifications/${kind}/list_changed `)
    await expect.poll(() => heard(stream)).toEqual(expect.arrayContaining(lists))
    const at = heard(stream).length
    for (const uri of [uris.private, uris.public]) server.notify.resourceUpdated(uri)
    await expect
      .poll(() => heard(stream).slice(at))
      .toEqual([`notifications/resources/updated ${uris.public}`])
    file.write(policyText(all))
    await expect.poll(() => heard(stream).slice(at + 1)).toEqual(expect.arrayContaining(lists))
    server.notify.resourceUpdated(uris.private)
    await expect.poll(() => heard(stream).at(-1)).toBe(`notifications/resources/updated ${uris.private}`)
  })

  test('in a session that has lost its stream is not told afterwards of what is forbidden by then', async () => {
    const { server, agents, file } = await library(all, { sessions: true })
    const session = await openRawSession(server.url, agents.one)
    const stream = await session.listen()
    for (const [id, uri] of Object.entries(uris)) await session.post(subscribe(id, uri))
    server.notify.resourceUpdated(uris.public)
    await expect.poll(() => stream.events.length).toBe(1)
    const last = stream.events[0]?.id ?? ''
    stream.destroy()
    await stream.closed
    for (const uri of [uris.private, uris.public]) server.notify.resourceUpdated(uri)
    file.write(policyText(less))
    await expect
      .poll(async () =>
        namesIn(await rpc(server.url, agents.one, 'resources/list', {}, { era: 'modern' }), 'resources'),
      )
      .toEqual([uris.public])
    const resumed = await session.listen({ 'last-event-id': last })
    await expect.poll(() => heard(resumed)).toContain(`notifications/resources/updated ${uris.public}`)
    server.notify.resourceUpdated(uris.public)
    await expect.poll(() => heard(resumed).filter((what) => what.includes(uris.public)).length).toBe(2)
    expect(resumed.text).not.toContain(uris.private)
  })

  test('is not told of what was held back until it opened its stream, and is forbidden by then', async () => {
    const { server, agents, file } = await library(all, { sessions: true })
    const session = await openRawSession(server.url, agents.one)
    for (const [id, uri] of Object.entries(uris)) await session.post(subscribe(id, uri))
    for (const uri of [uris.private, uris.public]) server.notify.resourceUpdated(uri)
    file.write(policyText(less))
    await expect
      .poll(async () =>
        namesIn(await rpc(server.url, agents.one, 'resources/list', {}, { era: 'modern' }), 'resources'),
      )
      .toEqual([uris.public])
    const stream = await session.listen()
    await expect.poll(() => heard(stream)).toContain(`notifications/resources/updated ${uris.public}`)
    expect(stream.text).not.toContain(uris.private)
  })
})

const subscribe = (id: string, uri: string) => ({
  jsonrpc: '2.0',
  id,
  method: 'resources/subscribe',
  params: { uri },
})

/** Ways in which a policy file can be wrong, and what the health of its server says then. */
const breaks: readonly (readonly [how: string, break_: (file: PolicyFile) => void, error: RegExp])[] = [
  ['no YAML', ({ write }) => write('rules: [{ allow: [anyone], tools: ["*"]'), /policy\.yaml: .*problem/],
  ['a key that nobody knows', ({ write }) => write('rules: [{ allow: [anyone], tool: ["*"] }]'), /problem/],
  ['empty', ({ write }) => write(''), /problem/],
  ['half of it', ({ write }) => write(policyText(after).slice(0, -40)), /problem/],
  ['removed', ({ path }) => rmSync(path), /policy\.yaml does not exist/],
  [
    'a directory',
    ({ path }) => {
      rmSync(path)
      mkdirSync(path)
    },
    /policy\.yaml is (a directory|no regular file|not a)/,
  ],
  [
    'writable by others',
    ({ path }) => {
      writeFileSync(`${path}.new`, policyText(after))
      chmodSync(`${path}.new`, 0o666)
      renameSync(`${path}.new`, path)
    },
    /policy\.yaml: others may change it/,
  ],
  [
    '2 MiB',
    ({ write }) => write(`# ${'x'.repeat(2 << 20)}\n${policyText(after)}`),
    /policy\.yaml .*(large|bytes)/,
  ],
  [
    'no UTF-8',
    ({ write }) => write(Buffer.concat([Buffer.of(0x23, 0xff, 0xfe, 0x0a), Buffer.from(policyText(after))])),
    /policy\.yaml is not text in UTF-8/,
  ],
]

describe('a policy file that is wrong', () => {
  const mend = ({ path, write }: PolicyFile, text: string) => {
    rmSync(path, { recursive: true, force: true })
    write(text)
  }

  test.each(breaks)(
    'changes nothing, is told by /health, and is taken up once it is mended: %s',
    async (_how, break_, error) => {
      const { server, file, tools, call, ran } = await library(before)
      const running = call('one', 'wait')
      await expect.poll(() => ran).toEqual(['wait'])
      const { loaded_at } = server.health().policy ?? {}
      break_(file)
      await expect
        .poll(() => server.health().policy)
        .toMatchObject({ ok: false, mode: 'enforce', rules: 2, loaded_at })
      expect(server.health()).toMatchObject({
        status: 'degraded',
        policy: { error: expect.stringMatching(error) },
      })
      expect(await tools()).toEqual(seen.before)
      expect((await call('two', 'read')).error?.data?.code).toBe('NOT_AUTHORIZED')
      expect((await call('one', 'read')).result).toBeDefined()
      await expect(server.reload()).rejects.toMatchObject({
        code: 'RELOAD_FAILED',
        message: expect.stringMatching(error),
      })
      expect(await isOpen(running)).toBe(true)
      mend(file, policyText(before))
      await expect
        .poll(() => server.health())
        .toMatchObject({ status: 'ok', policy: { ok: true, error: null, loaded_at } })
      expect(await isOpen(running)).toBe(true)
      break_(file)
      await expect.poll(() => server.health().policy?.ok).toBe(false)
      mend(file, policyText(after))
      await expect.poll(tools).toEqual(seen.after)
      expect((await running).error?.data?.code).toBe('NOT_AUTHORIZED')
      expect(server.health()).toMatchObject({ status: 'ok', policy: { ok: true, error: null } })
    },
  )

  test('is told of once in the log, not at each look', async () => {
    const lines: string[] = []
    const say = ({ event }: { event: string }) => void lines.push(event)
    const logger = { info: say, warn: say, error: say } as unknown as Logger
    const file = policyFile(policyText(before))
    const policy = await LivePolicy.load(file.path, { name: 'told', logger, trustDomains: () => [] })
    const looks = 5
    for (const text of ['rules: [', '', 'rules: [']) {
      file.write(text)
      for (let look = 0; look < looks; look++) expect(await policy.reload()).toBe(false)
    }
    file.write(policyText(before))
    for (let look = 0; look < looks; look++) expect(await policy.reload()).toBe(false)
    file.write(policyText(after))
    for (let look = 0; look < looks; look++) expect(await policy.reload()).toBe(look === 0)
    expect(lines).toEqual([
      'policy-loaded',
      'policy-refused',
      'policy-refused',
      'policy-refused',
      'policy-loaded',
      'policy-loaded',
    ])
  })
})

test('a call whose intent is written while the policy changes is judged by the new one', async () => {
  const read = async (grants: Grants) => requirePolicy(await readPolicy(policyText(grants)), 'policy')
  const [first, second] = await Promise.all([read(before), read(after)])
  let policy = first
  const written = gate()
  const ended: CallEnd[] = []
  const audit = {
    onFailure: 'deny',
    intent: () => written.opened,
    record: (end: CallEnd) => void ended.push(end),
  } as unknown as Audit
  const named = subjectNamed([idOf('one')])
  const subject = 'value' in named ? named.value : nobody
  const authorizer = new Authorizer({
    server: 'library',
    policy: () => policy,
    audit,
    subjectOf: () => subject,
    onDecision: () => {},
  })
  const inboundOf = (name: string) => {
    const body = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name } }
    const caller = { id: idOf('one') } as unknown as Identity
    return {
      request: { headers: {}, socket: { bytesWritten: 0 } },
      response: new EventEmitter(),
      body,
      calls: callIn(body, { caller, server: 'library', protocolVersion: '2025-11-25' }),
    } as unknown as Inbound
  }
  const forbidden = authorizer.admit(inboundOf('read'))
  policy = second
  authorizer.rejudge()
  written.open()
  const answer = await forbidden
  expect(answer).toBeInstanceOf(Response)
  expect(await (answer as Response).json()).toMatchObject({
    id: 1,
    error: { data: { code: 'NOT_AUTHORIZED' } },
  })
  expect(ended).toMatchObject([{ decision: 'denied', outcome: 'denied' }])
  expect(await authorizer.admit(inboundOf('who'))).not.toBeInstanceOf(Response)
})
