import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { connect } from '../../../src/client/index.js'
import { type CertificateHealth, type Health, readiness } from '../../../src/server/ops/health.js'
import { forge, forgeCa, forgeCrl, writeSet } from '../../support/forge.js'
import { freePort } from '../../support/free-port.js'
import { ask } from '../../support/wire.js'
import { makeWorld, serveTest } from '../../support/world.js'

const day = 86_400_000

const part = (role: CertificateHealth['role'], state: CertificateHealth['state']): CertificateHealth => ({
  ...{ role, state, subject: 'CN=x', serial: null, not_after: '', days_left: 1 },
})
const well: Health = {
  ...{ status: 'ok', server: 'x', version: '1', protocol_versions: [], mode: 'strict', uptime_seconds: 1 },
  ...{
    connections: 0,
    certificates: [part('server', 'ok'), part('crl', 'ok')],
    last_reload: null,
    problems: [],
  },
}

test('/health has exactly the fields of its contract', async () => {
  const ca = await forgeCa()
  await using world = await makeWorld({ ca, crl: await forgeCrl({ issuer: ca }) })
  await using served = await serveTest({ name: 'health-test', tls: world.tls })
  const { status, headers, body } = await ask(new URL('/health', served.server.url), world.certDir)
  expect(status, body).toBe(200)
  expect(headers).toMatchObject({ 'content-type': 'application/json', 'cache-control': 'no-store' })
  const certificate = (role: string) => ({
    role,
    subject: expect.stringMatching(/\w/),
    serial: role === 'crl' ? null : expect.stringMatching(/^[0-9a-f]+$/),
    not_after: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    days_left: expect.any(Number),
    state: expect.stringMatching(/^(ok|expiring)$/),
  })
  expect(JSON.parse(body)).toEqual({
    status: 'ok',
    server: 'health-test',
    version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    protocol_versions: expect.arrayContaining(['2025-03-26', '2025-11-25', '2026-07-28']),
    mode: 'strict',
    uptime_seconds: expect.any(Number),
    connections: 1,
    certificates: [certificate('server'), certificate('ca'), certificate('crl')],
    last_reload: null,
    problems: [],
  })
})

test.each([
  [31.5, 365, 'ok', 31],
  [29.5, 365, 'expiring', 29],
  [0.5, 365, 'expiring', 0],
  [29.5, 30, 'ok', 29],
  [3.5, 30, 'ok', 3],
  [2.5, 30, 'expiring', 2],
  [0.5, 1, 'ok', 0],
  [0.04, 1 / 24, 'ok', 0],
  [0.004, 1 / 24, 'expiring', 0],
])('a server certificate with %d of %d days left is %s', async (days, life, state, daysLeft) => {
  const notAfter = new Date(Date.now() + days * day)
  const notBefore = new Date(notAfter.getTime() - life * day)
  const ca = await forgeCa({ notBefore: new Date(0) })
  const server = await forge({ issuer: ca, usage: 'server', notBefore, notAfter })
  await using world = await makeWorld({ ca, server })
  await using served = await serveTest({ tls: world.tls })
  expect(served.server.health().certificates[0]).toMatchObject({ role: 'server', state, days_left: daysLeft })
})

test('a server whose own certificate expires goes on and calls itself degraded', async () => {
  const ca = await forgeCa()
  const notAfter = new Date(Date.now() + day)
  const server = await forge({ issuer: ca, usage: 'server', notAfter })
  await using world = await makeWorld({ ca, server })
  await using served = await serveTest({ tls: world.tls })
  expect(served.server.health().status).toBe('ok')
  onTestFinished(() => void vi.useRealTimers())
  vi.useFakeTimers({ toFake: ['Date'], now: notAfter.getTime() + 1000 })
  expect(served.server.health()).toMatchObject({
    status: 'degraded',
    problems: [
      {
        code: 'CERT_EXPIRED',
        message: expect.stringMatching(/^our certificate CN=.* has expired$/),
        since: new Date(Math.floor(notAfter.getTime() / 1000) * 1000).toISOString(),
      },
    ],
  })
  const tls = { rejectUnauthorized: false }
  const { status } = await ask(new URL('/health', served.server.url), world.certDir, { tls })
  expect(status).toBe(200)
  const refused = connect({ serverUrl: served.server.url, tls: world.tls, log: false })
  await expect(refused).rejects.toMatchObject({ code: 'CERT_EXPIRED' })
})

test.each<[string, Partial<Health>, Partial<Record<string, boolean>>, ready: boolean]>([
  ['all is well', {}, {}, true],
  [
    'an expired certificate',
    { certificates: [part('server', 'expired'), part('crl', 'ok')] },
    { certificates: false },
    false,
  ],
  ['an expired CA', { certificates: [part('ca', 'expired')] }, { certificates: false }, false],
  [
    'an expired CA beside a newer one, which it is no longer needed for',
    { certificates: [part('ca', 'expired'), part('ca', 'ok'), part('server', 'ok')] },
    {},
    true,
  ],
  [
    'an expired list',
    { certificates: [part('server', 'ok'), part('crl', 'expired')] },
    { crl: false },
    false,
  ],
  ['what ends soon', { certificates: [part('server', 'expiring'), part('crl', 'expiring')] }, {}, true],
  ['draining', { status: 'draining' }, { accepting: false }, false],
  // Every replica reads the same files: taken out of service for them, all would go at once.
  ['a failed reload', { last_reload: { at: '', ok: false, error: 'x' } }, { last_reload: false }, true],
  ['a reload', { last_reload: { at: '', ok: true, error: null } }, {}, true],
])('/readyz says of %s what it was judged by', (_what, health, failing, ready) => {
  const checks = { certificates: true, crl: true, last_reload: true, accepting: true, ...failing }
  expect(readiness({ ...well, ...health })).toEqual({ ready, checks })
})

test('an expired root beside a renewed one is shown, and does not degrade the server', async () => {
  await using world = await makeWorld()
  const ended = await forgeCa({
    commonName: 'Old',
    notBefore: new Date(Date.now() - 2 * day),
    notAfter: new Date(Date.now() - day),
  })
  appendFileSync(join(world.certDir, 'ca.crt'), ended.cert)
  await using served = await serveTest({ tls: world.tls })
  const { status, certificates } = served.server.health()
  expect(status).toBe('ok')
  expect(certificates.map(({ role, state }) => `${role} ${state}`)).toContain('ca expired')
})

test('an old list beside the new one of its CA does not count any more', async () => {
  await using world = await makeWorld()
  const ended = { thisUpdate: new Date(Date.now() - 2 * day), nextUpdate: new Date(Date.now() - day) }
  const crl = (await forgeCrl({ issuer: world.ca, ...ended })) + (await forgeCrl({ issuer: world.ca }))
  await writeSet(world.certDir, { crl })
  await using served = await serveTest({ tls: world.tls })
  const { status, certificates } = served.server.health()
  expect(status).toBe('ok')
  expect(certificates.filter(({ role }) => role === 'crl').map(({ state }) => state)).toEqual(['ok'])
})

test('HEAD asks for the status alone', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls })
  const answer = await ask(new URL('/health', served.server.url), world.certDir, { method: 'HEAD' })
  expect(answer).toMatchObject({ status: 200, body: '' })
})

test('the health port answers without a certificate, has no MCP, and names no peer', async () => {
  await using world = await makeWorld()
  const healthPort = await freePort()
  await using served = await serveTest({ tls: world.tls, healthPort })
  await using client = await connect({ serverUrl: served.server.url, tls: world.tls, log: false })
  await client.callTool({ name: 'echo', arguments: { text: 'hello' } })
  const at = `http://127.0.0.1:${healthPort}`
  const { status, body } = await ask(`${at}/health`, undefined)
  expect(status).toBe(200)
  expect(JSON.parse(body)).toMatchObject({ status: 'ok', mode: 'strict', connections: 1 })
  expect(body).not.toMatch(/mcp-client|127\.0\.0\.1/)
  expect((await ask(`${at}/mcp`, undefined, { body: '{}' })).status).toBe(404)
  expect((await ask(`${at}/health`, undefined, { method: 'POST' })).status).toBe(405)
  const headers = { host: 'evil.example' }
  expect((await ask(`${at}/health`, undefined, { headers })).status).toBe(403)
})
