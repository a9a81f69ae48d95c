import { connect as tcpConnect } from 'node:net'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { verifyAudit } from '../../../src/audit/index.js'
import { type ServeOptions, serve } from '../../../src/server/index.js'
import { idOf, type JsonRpcAnswer, libraryServer, linesOf, rpc, withAgents } from '../../support/agents.js'
import { openRawSession } from '../../support/raw-session.js'
import { scratch } from '../../support/scratch.js'
import { ask, httpText, mcpHeaders, openWire, toolCall } from '../../support/wire.js'

const policy = {
  rules: [
    {
      name: 'reads',
      allow: [idOf('reader')],
      tools: ['read', 'wait', 'missing'],
      prompts: ['greet'],
      resources: ['**', 'file:///**'],
    },
    { name: 'seldom', allow: [idOf('reader')], tools: ['who'], limit: { calls: 1, per: '1h' } },
  ],
}

async function recorded(options: Partial<ServeOptions> = {}) {
  const { world, agents } = await withAgents('reader')
  const auditLog = join(scratch(), 'calls.jsonl')
  const ran: string[] = []
  let isWaiting = () => {}
  const waiting = new Promise<void>((resolve) => {
    isWaiting = resolve
  })
  const server = await serve(() => libraryServer(ran, { waiting: isWaiting }), {
    name: 'library-mcp',
    tlsPort: 0,
    tls: world.tls,
    log: false,
    policy,
    auditLog,
    ...options,
  })
  onTestFinished(() => server.close({ drainTimeout: 0 }))
  const lines = async () => {
    await server.close()
    return linesOf(auditLog).filter(({ event }) => event !== 'opened' && event !== 'checkpoint')
  }
  return { server, url: server.url, reader: agents.reader, ran, waiting, auditLog, lines }
}

const requestIdOf = ({ error }: JsonRpcAnswer) => error?.data?.request_id

describe.each(['modern', 'legacy'] as const)('the record of a server, %s', (era) => {
  test('has one line for each call, with what was decided and how it ended', async () => {
    const { url, reader, auditLog, lines } = await recorded()
    const call = (method: string, params: Record<string, unknown>) =>
      rpc(url, reader, method, params, { era })
    await call('tools/call', { name: 'read', arguments: { book: 'x' } })
    const denied = await call('tools/call', { name: 'write', arguments: { book: 'x' } })
    await call('tools/call', { name: 'who' })
    const limited = await call('tools/call', { name: 'who' })
    await call('tools/call', { name: 'missing' })
    await call('prompts/get', { name: 'greet' })
    await call('resources/read', { uri: 'file:///srv/public/a' })
    await call('tools/list', {})
    if (era === 'legacy') await call('ping', {})
    const unknown = await call('x/y', {})
    expect(limited.error).toMatchObject({
      code: -32_012,
      data: { code: 'RATE_LIMITED', retry_after_ms: expect.any(Number) },
    })
    const common = { event: 'call', server: 'library-mcp', identity: idOf('reader'), address: '127.0.0.1' }
    const ok = { ...common, decision: 'allowed', outcome: 'ok', error: null }
    const found = await lines()
    expect(found).toMatchObject([
      { ...ok, method: 'tools/call', tool: 'read', target: null, rule: 'reads' },
      {
        ...common,
        tool: 'write',
        decision: 'denied',
        rule: null,
        outcome: 'denied',
        error: 'NOT_AUTHORIZED',
        request_id: requestIdOf(denied),
        bytes_out: expect.any(Number),
      },
      { ...ok, tool: 'who', rule: 'seldom' },
      {
        ...common,
        tool: 'who',
        decision: 'limited',
        rule: 'seldom',
        outcome: 'limited',
        error: 'RATE_LIMITED',
        request_id: requestIdOf(limited),
      },
      {
        ...common,
        tool: 'missing',
        decision: 'allowed',
        outcome: 'error',
        error: expect.stringMatching(/^-32\d{3}$/),
      },
      { ...ok, method: 'prompts/get', tool: null, target: 'greet' },
      { ...ok, method: 'resources/read', target: 'file:///srv/public/a' },
      { ...ok, method: 'tools/list', target: null, rule: null },
      {
        ...common,
        method: 'x/y',
        decision: 'denied',
        error: 'NOT_AUTHORIZED',
        request_id: requestIdOf(unknown),
      },
    ])
    const [first, second] = found
    expect(first?.arguments_hmac).toMatch(/^[\da-f]{64}$/)
    expect(second?.arguments_hmac).toBe(first?.arguments_hmac)
    expect(first?.protocol_version).toBe(era === 'modern' ? '2026-07-28' : '2025-11-25')
    for (const name of ['bytes_in', 'bytes_out', 'duration_ms']) expect(first?.[name]).toBeGreaterThan(0)
    expect(await verifyAudit({ files: [auditLog] })).toMatchObject({ ok: true, unproven_lines: 0 })
  })

  test('says that a call was aborted when its client has gone', async () => {
    const { url, reader, waiting, ran, lines } = await recorded()
    const controller = new AbortController()
    const calling = rpc(url, reader, 'tools/call', { name: 'wait' }, { era, signal: controller.signal })
    await waiting
    controller.abort()
    await expect(calling).rejects.toThrow()
    await vi.waitFor(() => expect(ran).toContain('aborted'), { timeout: 10_000 })
    expect(await lines()).toMatchObject([{ tool: 'wait', decision: 'allowed', outcome: 'aborted' }])
  })

  test('may be kept without a policy', async () => {
    const { url, reader, lines } = await recorded({ policy: undefined })
    await rpc(url, reader, 'tools/call', { name: 'write' }, { era })
    expect(await lines()).toMatchObject([{ tool: 'write', decision: 'allowed', rule: null, outcome: 'ok' }])
  })

  test('where it must not fail, a call that cannot be recorded does not run', async () => {
    const taken: Record<string, unknown>[] = []
    let isBroken = false
    const auditLog = (record: Readonly<Record<string, unknown>>) => {
      if (isBroken) throw new Error('full')
      taken.push(record)
    }
    const { url, reader, ran, server } = await recorded({ auditLog, audit: { onFailure: 'deny' } })
    const call = () => rpc(url, reader, 'tools/call', { name: 'read' }, { era })
    expect((await call()).result).toBeDefined()
    isBroken = true
    const failed = await call()
    expect(failed).toMatchObject({ status: 200, error: { code: -32_013, data: { code: 'AUDIT_FAILED' } } })
    expect(ran).toEqual(['read'])
    isBroken = false
    await vi.waitFor(async () => expect((await call()).result).toBeDefined(), {
      timeout: 20_000,
      interval: 200,
    })
    await server.close()
    const intents = taken.filter(({ event }) => event === 'intent').map(({ request_id }) => request_id)
    const allowed = taken.filter(({ decision, event }) => event === 'call' && decision === 'allowed')
    for (const { request_id } of allowed.filter(({ outcome }) => outcome === 'ok'))
      expect(intents).toContain(request_id)
  })
})

test('sizes are those of bodies and answers, however they come', async () => {
  const { url, reader, lines } = await recorded()
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'read', arguments: { book: 'x'.repeat(50_000) } },
  })
  const headers = { ...mcpHeaders, 'mcp-protocol-version': '2025-11-25' }
  const wire = await openWire(url, reader)
  const { 'content-type': type, accept } = mcpHeaders
  const head = `POST /mcp HTTP/1.1\r\nhost: localhost\r\ncontent-type: ${type}\r\naccept: ${accept}\r\nmcp-protocol-version: 2025-11-25\r\n`
  wire.socket.write(
    `${head}transfer-encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
  )
  wire.socket.write(httpText('/mcp', headers, toolCall('read')) + httpText('/mcp', headers, toolCall('read')))
  await wire.until(/("text":"read"[\s\S]*){3}/)
  wire.socket.end()
  const found = await lines()
  expect(found.map(({ bytes_in }) => bytes_in)).toEqual([
    body.length,
    toolCall('read').length,
    toolCall('read').length,
  ])
  const sizes = found.map(({ bytes_out }) => Number(bytes_out))
  expect(Math.max(...sizes)).toBeLessThan(1.5 * Math.min(...sizes))
})

test('refusals before anybody is known are summed up by address', async () => {
  const { url, lines } = await recorded()
  const { port } = new URL(url)
  for (let times = 0; times < 3; times++)
    await new Promise<void>((resolve) => {
      const socket = tcpConnect(Number(port), '127.0.0.1', () => socket.end('GET / HTTP/1.1\r\n\r\n'))
      socket.on('error', () => {}).once('close', () => resolve())
    })
  const refused = (await lines()).filter(({ event }) => event === 'refused')
  expect(refused.reduce((sum, { count }) => sum + Number(count), 0)).toBe(3)
  for (const line of refused)
    expect(line).toMatchObject({
      decision: 'refused',
      address: '127.0.0.1',
      server: 'library-mcp',
      error: expect.stringMatching(/^[A-Z_]+$/),
    })
})

test.each([true, false])(
  'a call that its caller gave up has its line at once, while the connection stays open (sessions %s)',
  async (sessions) => {
    const { url, reader, ran, waiting, auditLog } = await recorded({ sessions })
    const call = { jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name: 'wait', arguments: {} } }
    const cancel = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 7 } }
    if (sessions) {
      const session = await openRawSession(url, reader)
      session.post(call).catch(() => {})
      await waiting
      await session.post(cancel)
    } else ask(url, reader, { headers: mcpHeaders, body: JSON.stringify([cancel, call]) }).catch(() => {})
    const found = () => linesOf(auditLog).filter(({ tool }) => tool === 'wait')
    if (sessions) await expect.poll(found, { timeout: 10_000 }).toMatchObject([{ outcome: 'aborted' }])
    else {
      // What the server has not seen cannot be given up: the call runs, and belongs to its caller.
      await waiting
      expect(ran).toEqual(['wait'])
      expect(found()).toEqual([])
    }
  },
)

test('a call of a session that outlives its connection has its line when it ends', async () => {
  const { url, reader, waiting, ran, lines } = await recorded({ sessions: true })
  const session = await openRawSession(url, reader)
  const answer = session.post({
    jsonrpc: '2.0',
    id: 7,
    method: 'tools/call',
    params: { name: 'wait', arguments: {} },
  })
  answer.catch(() => {})
  await waiting
  await session.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 7 } })
  await vi.waitFor(() => expect(ran).toContain('aborted'), { timeout: 10_000 })
  expect((await lines()).filter(({ tool }) => tool === 'wait')).toMatchObject([
    { outcome: 'aborted', decision: 'allowed' },
  ])
})
