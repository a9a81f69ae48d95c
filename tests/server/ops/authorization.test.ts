import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { connect } from '../../../src/client/index.js'
import type { ServeOptions } from '../../../src/server/index.js'
import { AuthorizationWatch } from '../../../src/server/ops/authorization.js'
import { type Health, readiness } from '../../../src/server/ops/health.js'
import { ServerMetrics } from '../../../src/server/ops/metrics.js'
import { endedCall, openRecord } from '../../support/audited.js'
import { FailingDisk } from '../../support/failing-disk.js'
import { freePort } from '../../support/free-port.js'
import { scrape, value } from '../../support/scraped.js'
import { scratch } from '../../support/scratch.js'
import { ask } from '../../support/wire.js'
import { makeWorld, serveTest, type World } from '../../support/world.js'

const own = 'cn:mcp-client'
const policy = {
  rules: [
    { name: 'all may ask who they are', allow: ['anyone'], tools: ['who'] },
    { name: 'once an hour', allow: [own], tools: ['echo'], limit: { calls: 1, per: '1h' } },
  ],
}

/** Serves with these, and calls tools: `who` is allowed, `count` is not, `echo` once. */
async function serveAndCall(world: World, options: Partial<ServeOptions>) {
  const healthPort = await freePort()
  const served = await serveTest({ tls: world.tls, healthPort, ...options })
  await using client = await connect({ serverUrl: served.server.url, tls: world.tls, log: false })
  const call = (name: string, args: object = {}) =>
    client.callTool({ name, arguments: { ...args } }).catch(() => undefined)
  await call('who')
  await call('count')
  await call('count')
  await call('echo', { text: 'once' })
  await call('echo', { text: 'twice' })
  return { ...served, metrics: () => scrape(healthPort) }
}

/** The names of the series that are about policies, decisions and records. */
function series(text: string): string[] {
  return [...text.matchAll(/^mcp_mtls_((?:decisions|policy|audit)_\w+)(?=\{)/gm)].map(([, name = '']) => name)
}

test('/health has policy and record, and metrics count what was decided and written', async () => {
  await using world = await makeWorld()
  const lines: unknown[] = []
  await using served = await serveAndCall(world, { policy, auditLog: (record) => void lines.push(record) })
  const { status, body } = await ask(new URL('/health', served.server.url), world.certDir)
  expect(status).toBe(200)
  const health = JSON.parse(body)
  expect(health).toMatchObject({ status: 'ok', problems: [] })
  expect(health.policy).toEqual({
    rules: 2,
    mode: 'enforce',
    loaded_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    ok: true,
    error: null,
  })
  expect(health.audit).toEqual({ ok: true, lost: 0 })

  await expect.poll(async () => value(await served.metrics(), 'audit_lines_waiting')).toBe(0)
  const text = await served.metrics()
  expect(value(text, 'decisions_total', { result: 'denied' })).toBe(2)
  expect(value(text, 'decisions_total', { result: 'limited' })).toBe(1)
  expect(value(text, 'decisions_total', { result: 'allowed' })).toBeGreaterThanOrEqual(2)
  expect(value(text, 'policy_rules')).toBe(2)
  expect(value(text, 'policy_enforced')).toBe(1)
  expect(value(text, 'policy_ok')).toBe(1)
  expect(value(text, 'policy_loaded_timestamp_seconds')).toBe(Date.parse(health.policy.loaded_at) / 1000)
  expect(value(text, 'audit_ok')).toBe(1)
  expect(value(text, 'audit_lines_total')).toBeGreaterThanOrEqual(5)
  expect(value(text, 'audit_lines_total')).toBeLessThanOrEqual(lines.length)
  expect(value(text, 'audit_lines_lost_total')).toBe(0)
  expect(value(text, 'audit_failures_total')).toBe(0)
  const page = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8')
  const explained = [...page.matchAll(/^\| (`mcp_mtls_.*?) \|/gm)].flatMap(([, names = '']) =>
    [...names.matchAll(/mcp_mtls_(\w+)/g)].map(([, name = '']) => name),
  )
  expect(explained).toEqual(expect.arrayContaining(series(text)))
  for (const name of explained) expect(text).toContain(`# TYPE mcp_mtls_${name} `)
  // Whom it is about is for the record: rules, callers and what they ask for are no labels.
  expect(text).not.toMatch(/once an hour|all may ask|mcp-client|"count"/)
})

test('what is tried out is counted as it would be, and metrics say that nothing is denied', async () => {
  await using world = await makeWorld()
  await using served = await serveAndCall(world, { policy: { mode: 'report', ...policy } })
  expect(served.calls).toEqual(['count', 'count', 'once', 'twice'])
  const text = await served.metrics()
  expect(value(text, 'decisions_total', { result: 'denied' })).toBe(2)
  expect(value(text, 'decisions_total', { result: 'limited' })).toBe(1)
  expect(value(text, 'policy_enforced')).toBe(0)
  expect(served.server.health().policy).toMatchObject({ mode: 'report', ok: true })
  expect(served.server.health()).not.toHaveProperty('audit')
  expect(series(text).filter((name) => name.startsWith('audit'))).toEqual([])
})

test('where there is neither, /health and metrics are silent about both', async () => {
  await using world = await makeWorld()
  await using served = await serveAndCall(world, {})
  expect(served.server.health()).not.toHaveProperty('policy')
  expect(served.server.health()).not.toHaveProperty('audit')
  expect(series(await served.metrics())).toEqual([])
})

test('a record alone: every call counts as allowed', async () => {
  await using world = await makeWorld()
  await using served = await serveAndCall(world, { auditLog: () => {} })
  expect(served.server.health()).not.toHaveProperty('policy')
  const text = await served.metrics()
  expect(value(text, 'decisions_total', { result: 'allowed' })).toBeGreaterThanOrEqual(5)
  expect(value(text, 'decisions_total', { result: 'denied' })).toBe(0)
  expect(series(text).filter((name) => name.startsWith('policy'))).toEqual([])
})

test('a server whose policy file is broken goes on with the policy before, and is degraded until it is right', async () => {
  await using world = await makeWorld()
  const file = join(scratch(), 'policy.yaml')
  const write = (text: string) => writeFileSync(file, text, { mode: 0o600 })
  write('rules: [{ allow: [anyone], tools: [who] }]')
  await using served = await serveAndCall(world, { policy: file, watch: false })
  const loadedAt = served.server.health().policy?.loaded_at

  const before = Date.now()
  write('rules: [{ allow: [anyone], tool: [who] }, { tools: [who] }]')
  await expect(served.server.reload()).rejects.toMatchObject({ code: 'RELOAD_FAILED' })
  const health = served.server.health()
  expect(health).toMatchObject({
    status: 'degraded',
    policy: { rules: 1, loaded_at: loadedAt, ok: false, error: expect.stringContaining('policy.yaml: ') },
    problems: [
      { code: 'POLICY_INVALID', message: `the policy of ${loadedAt} stays in use: ${health.policy?.error}` },
    ],
  })
  const since = Date.parse(health.problems[0]?.since ?? '')
  expect(since).toBeGreaterThanOrEqual(before)
  expect(since).toBeLessThanOrEqual(Date.now())
  expect(value(await served.metrics(), 'policy_ok')).toBe(0)
  // Every replica reads the same file: none is taken out of service for it.
  expect(readiness(health).ready).toBe(true)
  expect(served.server.health().problems).toEqual(health.problems)

  write('rules: [{ allow: [anyone], tools: [who] }, { allow: [anyone], tools: [count] }]')
  expect(await served.server.reload()).toBe(true)
  expect(served.server.health()).toMatchObject({
    status: 'ok',
    policy: { rules: 2, ok: true, error: null },
    problems: [],
  })
  expect(value(await served.metrics(), 'policy_ok')).toBe(1)
})

test('a server whose record cannot be written is degraded until it can', async () => {
  await using world = await makeWorld()
  let isFull = false
  const auditLog = () => {
    if (isFull) throw new Error('the store is full')
  }
  await using served = await serveAndCall(world, { auditLog })
  expect(served.server.health()).toMatchObject({ status: 'ok', audit: { ok: true, lost: 0 } })
  isFull = true
  await using client = await connect({ serverUrl: served.server.url, tls: world.tls, log: false })
  await client.callTool({ name: 'who', arguments: {} })
  await expect.poll(() => served.server.health().status).toBe('degraded')
  const health = served.server.health()
  expect(health).toMatchObject({
    audit: { ok: false, lost: 0 },
    problems: [
      {
        code: 'AUDIT_FAILED',
        message: expect.stringContaining('the store is full'),
        since: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      },
    ],
  })
  expect(readiness(health).ready).toBe(true)
  const text = await served.metrics()
  expect(value(text, 'audit_ok')).toBe(0)
  expect(value(text, 'audit_failures_total')).toBeGreaterThan(0)
  expect(value(text, 'audit_lines_waiting')).toBeGreaterThan(0)
  isFull = false
  await expect.poll(() => served.server.health()).toMatchObject({ status: 'ok', problems: [] })
})

test('lines that a full disk has cost are counted', async () => {
  const failing = new FailingDisk()
  const { audit } = await openRecord({}, failing.disk)
  audit.record(endedCall())
  await audit.drain()
  failing.fault = { code: 'ENOSPC', on: 'write' }
  for (let number = 0; number < 10; number++) audit.record(endedCall())
  await audit.close()
  const watch = new AuthorizationWatch()
  const authorization = () => watch.state({ audit: audit.health() }, new Date())
  const health = { connections: 0, status: 'ok', mode: 'strict', certificates: [], last_reload: null }
  const counts = {
    turnedAway: 0,
    acceptFailures: 0,
    logLinesDropped: 0,
    lateMessages: 0,
    sessions: undefined,
  }
  const metrics = new ServerMetrics(
    'test',
    () => health as unknown as Health,
    () => counts,
    { authorization },
  )
  const text = await metrics.text('own')
  expect(value(text, 'audit_lines_total')).toBe(1)
  expect(value(text, 'audit_lines_lost_total')).toBe(10)
  expect(authorization().problems).toMatchObject([
    { code: 'AUDIT_FAILED', message: expect.stringContaining('the disk is full') },
  ])
})
