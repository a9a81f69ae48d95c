import { describe, expect, test } from 'vitest'
import { envelope, rpc } from '../../support/agents.js'
import { codeOf, limited, ruleOf } from '../../support/limited.js'
import { openRawSession, openStream } from '../../support/raw-session.js'
import { tier } from '../../support/tier.js'
import { ask, httpText, mcpHeaders, openWire } from '../../support/wire.js'

const callOf = (name: string, id: number) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: {} },
})

describe('calls at the same time:', () => {
  const times = tier(25, 1000)

  test('as many as the rule says; one that ends makes room', async () => {
    const { url, agents, call, ran } = await limited([ruleOf('one', { concurrent: 2 })])
    const hold = async () => {
      const wire = await openWire(url, agents.one)
      const body = JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: { name: 'wait', arguments: {} },
      })
      wire.socket.write(httpText('/mcp', { ...mcpHeaders, 'mcp-protocol-version': '2025-11-25' }, body))
      return wire
    }
    const held = await Promise.all([hold(), hold()])
    await expect.poll(() => ran).toEqual(['wait', 'wait'])
    const answer = await call()
    expect(answer.error?.data).toMatchObject({ code: 'RATE_LIMITED', retry_after_ms: 1000 })
    expect(codeOf(await call('two'))).toBe('NOT_AUTHORIZED')
    held[0]?.socket.destroy()
    await expect.poll(async () => codeOf(await call())).toBe('ok')
    expect(codeOf(await call())).toBe('ok')
  })

  interface Case {
    readonly url: string
    readonly agent: string
    readonly ran: readonly string[]
  }
  const post = ({ url, agent }: Case, headers: Record<string, string>, params: object, id: unknown = 1) =>
    ask(url, agent, {
      headers: { ...mcpHeaders, 'mcp-protocol-version': '2025-11-25', ...headers },
      body: JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params }),
    })
  const gone = async (of: Case, era: 'modern' | 'legacy', sessions?: { readonly id: string }) => {
    const before = of.ran.filter((what) => what === 'wait').length
    const wire = await openWire(of.url, of.agent)
    const isModern = era === 'modern'
    wire.socket.write(
      httpText(
        '/mcp',
        {
          ...mcpHeaders,
          'mcp-protocol-version': isModern ? '2026-07-28' : '2025-11-25',
          ...(isModern && { 'mcp-method': 'tools/call', 'mcp-name': 'wait' }),
          ...(sessions && { 'mcp-session-id': sessions.id }),
        },
        JSON.stringify({
          jsonrpc: '2.0',
          id: 1,
          method: 'tools/call',
          params: {
            name: 'wait',
            arguments: {},
            ...(isModern && { _meta: envelope }),
          },
        }),
      ),
    )
    await expect.poll(() => of.ran.filter((what) => what === 'wait').length, { interval: 2 }).toBe(before + 1)
    wire.socket.destroy()
    await wire.closed
  }

  /** Ways in which calls end. */
  const ends: readonly (readonly [how: string, end: (of: Case) => Promise<unknown>])[] = [
    [
      'are answered (2026-07-28)',
      ({ url, agent }) => rpc(url, agent, 'tools/call', { name: 'read', arguments: {} }),
    ],
    ['are answered (2025-11-25)', (of) => post(of, {}, { name: 'read', arguments: {} })],
    [
      'have wrong arguments (2026-07-28)',
      ({ url, agent }) => rpc(url, agent, 'tools/call', { name: 'read', arguments: { book: 7 } }),
    ],
    ['have wrong arguments (2025-11-25)', (of) => post(of, {}, { name: 'read', arguments: { book: 7 } })],
    ['have arguments that are none', (of) => post(of, {}, { name: 'read', arguments: 'none' })],
    ['name a tool that there is not', (of) => post(of, {}, { name: 'nothing', arguments: {} })],
    [
      'take no answer that there is',
      (of) => post(of, { accept: 'text/html' }, { name: 'read', arguments: {} }),
    ],
    [
      'are of a revision that there is not',
      (of) => post(of, { 'mcp-protocol-version': '1999-01-01' }, { name: 'read' }),
    ],
    [
      'disagree with their headers',
      ({ url, agent }) => rpc(url, agent, 'tools/call', { name: 'read' }, { headers: { 'mcp-name': 'who' } }),
    ],
    [
      'have no envelope',
      (of) =>
        post(of, { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call' }, { name: 'read' }),
    ],
    [
      'name a session that there is not',
      (of) => post(of, { 'mcp-session-id': 'none' }, { name: 'read', arguments: {} }),
    ],
    [
      'have another media type',
      (of) => post(of, { 'content-type': 'text/plain' }, { name: 'read', arguments: {} }),
    ],
    ['lose their client (2026-07-28)', (of) => gone(of, 'modern')],
    ['lose their client (2025-11-25)', (of) => gone(of, 'legacy')],
  ]

  test.each(ends)('there is room again after many that %s', async (_how, end) => {
    const { url, agents, ran, call } = await limited([
      ruleOf('one', { concurrent: 1 }, { tools: ['read', 'who', 'wait', 'nothing'] }),
    ])
    const of = { url, agent: agents.one, ran }
    for (let turn = 0; turn < times; turn++) {
      await end(of)
      if (turn < 2) await expect.poll(async () => codeOf(await call())).toBe('ok')
    }
    await expect.poll(async () => codeOf(await call())).toBe('ok')
  })

  const inSession: readonly (readonly [how: string, end: (of: Case, id: number) => Promise<unknown>])[] = [
    [
      'are answered',
      async ({ url, agent }) => {
        const session = await openRawSession(url, agent)
        await session.post(callOf('read', 1))
        await session.delete()
      },
    ],
    [
      'are in a session that there is not',
      (of, id) => post(of, { 'mcp-session-id': 'none' }, { name: 'read' }, id),
    ],
    ['are in none', (of, id) => post(of, {}, { name: 'read' }, id)],
    [
      'are cancelled',
      async ({ url, agent, ran }) => {
        const session = await openRawSession(url, agent)
        const before = ran.length
        const own = { 'mcp-session-id': session.id, 'mcp-protocol-version': '2025-11-25' }
        const stream = await openStream(url, agent, own, JSON.stringify(callOf('wait', 1)))
        await expect.poll(() => ran.length, { interval: 2 }).toBe(before + 1)
        await session.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } })
        await expect.poll(() => ran.length, { interval: 2 }).toBe(before + 2)
        stream.destroy()
        await session.delete()
      },
    ],
    [
      'are in a session that ends',
      async ({ url, agent, ran }) => {
        const session = await openRawSession(url, agent)
        const before = ran.length
        const own = { 'mcp-session-id': session.id, 'mcp-protocol-version': '2025-11-25' }
        const stream = await openStream(url, agent, own, JSON.stringify(callOf('wait', 1)))
        await expect.poll(() => ran.length, { interval: 2 }).toBe(before + 1)
        await session.delete()
        await stream.closed
      },
    ],
    [
      'come twice under one id',
      async ({ url, agent, ran }) => {
        const session = await openRawSession(url, agent)
        const before = ran.length
        const own = { 'mcp-session-id': session.id, 'mcp-protocol-version': '2025-11-25' }
        const stream = await openStream(url, agent, own, JSON.stringify(callOf('wait', 1)))
        await expect.poll(() => ran.length, { interval: 2 }).toBe(before + 1)
        await session.post(callOf('wait', 1))
        await session.delete()
        await stream.closed
      },
    ],
  ]

  test.each(inSession)('with sessions, there is room again after many that %s', async (_how, end) => {
    const { url, agents, ran } = await limited([ruleOf('one', { concurrent: 1 })], { sessions: true })
    const of = { url, agent: agents.one, ran }
    const read = async () => {
      const session = await openRawSession(url, agents.one)
      const { body } = await session.post(callOf('read', 1))
      await session.delete()
      return body.includes('"result"')
    }
    for (let turn = 0; turn < tier(10, 500); turn++) {
      await end(of, turn)
      if (turn < 2) await expect.poll(read).toBe(true)
    }
    await expect.poll(read).toBe(true)
  })

  test('a call of a session has its place while it runs, also when its stream is broken', async () => {
    const { url, agents, ran } = await limited([ruleOf('one', { concurrent: 1 })], { sessions: true })
    const session = await openRawSession(url, agents.one)
    const own = { 'mcp-session-id': session.id, 'mcp-protocol-version': '2025-11-25' }
    const stream = await openStream(url, agents.one, own, JSON.stringify(callOf('wait', 1)))
    await expect.poll(() => ran).toEqual(['wait'])
    stream.destroy()
    await stream.closed
    expect((await session.post(callOf('read', 2))).body).toContain('RATE_LIMITED')
    await session.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } })
    await expect.poll(async () => (await session.post(callOf('read', 2))).body).toContain('"result"')
  })
})
