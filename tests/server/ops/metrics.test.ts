import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { connect } from '../../../src/client/index.js'
import type { Health } from '../../../src/server/ops/health.js'
import { ServerMetrics } from '../../../src/server/ops/metrics.js'
import { callAsBareClient } from '../../support/bare-peers.js'
import { forge, forgeCa } from '../../support/forge.js'
import { freePort } from '../../support/free-port.js'
import { scrape, value } from '../../support/scraped.js'
import { ask, toolCall } from '../../support/wire.js'
import { makeWorld, serveTest } from '../../support/world.js'

describe('the metrics of a server', () => {
  test('count handshakes, refusals and calls', async () => {
    await using world = await makeWorld()
    const healthPort = await freePort()
    await using served = await serveTest({ tls: world.tls, healthPort })
    await using client = await connect({ serverUrl: served.server.url, tls: world.tls, log: false })
    await client.callTool({ name: 'echo', arguments: { text: 'x' } })
    await client.callTool({ name: 'echo', arguments: { text: 'x' } })
    await client.callTool({ name: 'no-such-tool', arguments: {} }).catch(() => undefined)
    await callAsBareClient(served.server.port, {})
    const text = await scrape(healthPort)
    expect(value(text, 'handshakes_total', { result: 'accepted', version: 'TLSv1.3' })).toBe(1)
    expect(value(text, 'handshakes_total', { result: 'refused', reason: 'CLIENT_CERT_REQUIRED' })).toBe(1)
    expect(value(text, 'tool_calls_total', { tool: 'echo', outcome: 'ok' })).toBe(2)
    expect(value(text, 'tool_calls_total', { tool: 'other' })).toBe(1)
    expect(value(text, 'tool_call_duration_seconds_count', { tool: 'echo' })).toBe(2)
    expect(value(text, 'connections')).toBe(1)
    expect(value(text, 'up')).toBe(1)
    expect(value(text, 'certificate_expiry_timestamp_seconds', { role: 'server' })).toBeGreaterThan(
      Date.now() / 1000,
    )
  })

  test('names of tools that there are not are no labels, whatever form the answer has', async () => {
    await using world = await makeWorld()
    const healthPort = await freePort()
    await using served = await serveTest({ tls: world.tls, healthPort })
    const { url } = served.server
    for (const name of ['no-such-tool', 'x'.repeat(100_000), '\u001b[2J'])
      await ask(url, world.certDir, { body: toolCall(name) })
    await ask(url, world.certDir, { body: toolCall('echo', { text: 'x' }) })
    const text = await scrape(healthPort)
    const others = text.match(/^mcp_mtls_tool_calls_total\{.*tool="other".*\} \d+$/gm) ?? []
    expect(others.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)).toBe(3)
    expect(value(text, 'tool_calls_total', { tool: 'echo', outcome: 'ok' })).toBe(1)
    expect([...new Set(text.match(/tool="[^"]*"/g))].sort()).toEqual(['tool="echo"', 'tool="other"'])
  })

  test('without a certificate nothing identifies a peer; with one, the peers that end first are there', async () => {
    await using world = await makeWorld()
    const healthPort = await freePort()
    await using served = await serveTest({ tls: world.tls, healthPort })
    const shown = world.client
    await callAsBareClient(served.server.port, { shown })
    const connected = await served.event('connection-accepted')
    const fingerprint = connected.connection.peerCertificate?.fingerprint256 ?? 'none'
    for (const path of ['/metrics', '/health', '/livez', '/readyz']) {
      const open = await (await fetch(`http://127.0.0.1:${healthPort}${path}`)).text()
      expect(open).not.toContain(fingerprint)
      expect(open).not.toContain('mcp-client')
      expect(open).not.toContain('PRIVATE')
    }
    const { body } = await callAsBareClient(served.server.port, { shown, path: '/metrics' })
    expect(
      value(body, 'peer_certificate_expiry_timestamp_seconds', { fingerprint256: fingerprint }),
    ).toBeGreaterThan(0)
  })

  test.each([
    ['fresh', 0.99, 0],
    ['in its last tenth', 0.09, 1],
  ])('a certificate of an hour that is %s, ours and a peer’s', async (_how, left, near) => {
    const hour = 3_600_000
    const ca = await forgeCa()
    const [begins, ends] = [Date.now() - (1 - left) * hour, Date.now() + left * hour]
    const hourly = (usage: 'server' | 'client') =>
      forge({
        issuer: ca,
        usage,
        commonName: 'hourly',
        notBefore: new Date(begins),
        notAfter: new Date(ends),
      })
    await using world = await makeWorld({ ca, server: await hourly('server') })
    await using served = await serveTest({ tls: world.tls })
    // The older one of the same peer no longer counts.
    await callAsBareClient(served.server.port, { shown: await hourly('client') })
    const newer = await forge({
      issuer: ca,
      usage: 'client',
      commonName: 'hourly',
      notBefore: new Date(Date.now() - hour),
      notAfter: new Date(ends + hour),
    })
    const { body } = await callAsBareClient(served.server.port, {
      shown: await hourly('client'),
      path: '/metrics',
    })
    expect(value(body, 'certificate_expiring', { role: 'server' })).toBe(near)
    expect(value(body, 'peer_certificate_expiring')).toBe(near)
    const after = await callAsBareClient(served.server.port, { shown: newer, path: '/metrics' })
    expect(after.body.match(/^mcp_mtls_peer_certificate_expiring\{.*\} \d$/gm)).toEqual([
      expect.stringMatching(/ 0$/),
    ])
  })

  test('strangers who come with different names add no series', async () => {
    await using world = await makeWorld()
    const healthPort = await freePort()
    await using served = await serveTest({ tls: world.tls, healthPort })
    const other = await forgeCa({ commonName: 'Other CA' })
    const visit = async (stranger: number) => {
      const shown = await forge({ issuer: other, commonName: `stranger-${stranger}` })
      expect((await callAsBareClient(served.server.port, { shown, version: 'TLSv1.3' })).status).toBe(403)
    }
    const series = async () => (await scrape(healthPort)).split('\n').length
    await visit(0)
    const before = await series()
    for (let stranger = 1; stranger <= 100; stranger++) await visit(stranger)
    expect(await series()).toBe(before)
    expect(value(await scrape(healthPort), 'handshakes_total', { reason: 'CLIENT_CERT_REJECTED' })).toBe(101)
  })

  test('a storm of strangers with different names adds no series', async () => {
    const health = { connections: 0, status: 'ok', mode: 'strict', certificates: [], last_reload: null }
    const metrics = new ServerMetrics(
      'test',
      () => health as unknown as Health,
      () => ({ turnedAway: 0, acceptFailures: 0, logLinesDropped: 0, lateMessages: 0, sessions: undefined }),
    )
    const refused = (name: string) =>
      metrics.onSecurityEvent({
        event: 'connection-refused',
        time: new Date(),
        side: 'server',
        name: 'test',
        mode: 'strict',
        peerAddress: `${name}:1`,
        reason: 'CLIENT_CERT_REJECTED',
        message: name,
        connection: { tlsVersion: 'TLSv1.3' } as never,
      })
    const series = async () => (await metrics.text('peers')).split('\n').length
    refused('first')
    const before = await series()
    for (let stranger = 0; stranger < 10_000; stranger++) refused(`stranger ${stranger}`)
    expect(await series()).toBe(before)
  })
})

describe('the probes of a server', () => {
  test('it lives, and is ready while its certificates are valid and it does not drain', async () => {
    await using world = await makeWorld()
    const healthPort = await freePort()
    await using served = await serveTest({ tls: world.tls, healthPort })
    const get = (path: string) => fetch(`http://127.0.0.1:${healthPort}${path}`)
    expect((await get('/livez')).status).toBe(200)
    const ready = await get('/readyz')
    expect(ready.status).toBe(200)
    expect(await ready.json()).toEqual({
      status: 'ok',
      checks: { certificates: true, crl: true, last_reload: true, accepting: true },
    })
    expect((await get('/mcp')).status).toBe(404)
    expect(served.server.health().status).toBe('ok')
  })

  test('it is not ready once its certificate has expired, and lives on', async () => {
    const ca = await forgeCa()
    const notAfter = new Date(Date.now() + 86_400_000)
    const server = await forge({ issuer: ca, usage: 'server', notAfter })
    await using world = await makeWorld({ ca, server })
    const healthPort = await freePort()
    await using _served = await serveTest({ tls: world.tls, healthPort })
    const status = async (path: string) => (await fetch(`http://127.0.0.1:${healthPort}${path}`)).status
    expect(await status('/readyz')).toBe(200)
    onTestFinished(() => void vi.useRealTimers())
    vi.useFakeTimers({ toFake: ['Date'], now: notAfter.getTime() + 1000 })
    expect(await status('/readyz')).toBe(503)
    expect(await status('/livez')).toBe(200)
  })
})
