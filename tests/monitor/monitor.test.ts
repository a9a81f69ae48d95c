import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { exitCodeOfLevel } from '../../src/cli/exit-codes.js'
import { connect } from '../../src/client/index.js'
import { Monitor } from '../../src/monitor/monitor.js'
import type { MonitorEvent } from '../../src/monitor/snapshot.js'
import { bareServer } from '../support/bare-peers.js'
import { forge, forgeCa, writeSet } from '../support/forge.js'
import { freePort } from '../support/free-port.js'
import { makeWorld, serveTest, type World } from '../support/world.js'

function monitorOf(world: World, ports: readonly number[]) {
  return new Monitor({
    servers: ports.map((port) => ({
      name: `at ${port}`,
      url: new URL(`https://localhost:${port}/mcp`),
      tls: world.tls,
      timeoutMs: 5000,
    })),
    paths: [world.certDir],
    checking: { withinDays: 30 },
    intervalMs: 100,
  })
}

/** Lets it run until the test ends, and waits for the first look at everything; gives a way to wait for an event. */
async function running(monitor: Monitor) {
  const stop = new AbortController()
  const seen: MonitorEvent[] = []
  monitor.subscribe((events) => seen.push(...events))
  const ended = monitor.run(stop.signal)
  onTestFinished(async () => {
    stop.abort()
    await ended
  })
  await expect.poll(() => monitor.snapshot().certificates).not.toEqual([])
  return {
    sees: (text: RegExp) =>
      expect.poll(() => seen.map(({ name, text }) => `${name} ${text}`).join('\n')).toMatch(text),
  }
}

test('one look at everything: all well is 0, what ends soon 1, what is down 2', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls })
  const { port } = served.server
  const well = await monitorOf(world, [port]).lookOnce()
  expect(well).toMatchObject({
    level: 'ok',
    servers: [
      {
        state: 'up',
        problem: null,
        tls: { version: 'TLSv1.3' },
        identity: { id: 'dns:localhost', verified: true },
        health: { status: 'ok', mode: 'strict' },
        refused: {},
      },
    ],
  })
  expect(exitCodeOfLevel(well.level)).toBe(0)

  const soon = new Date(Date.now() + 86_400_000)
  const client = await forge({ issuer: world.ca, usage: 'client', notAfter: soon })
  await writeSet(world.certDir, { client })
  expect(exitCodeOfLevel((await monitorOf(world, [port]).lookOnce()).level)).toBe(1)
  await served.server.close({ drainTimeout: 0 })
  const down = await monitorOf(world, [port]).lookOnce()
  expect(down.servers[0]).toMatchObject({ state: 'unreachable', problem: { code: 'CONNECTION_FAILED' } })
  expect(exitCodeOfLevel(down.level)).toBe(2)
})

test('a server that could not take up new files is degraded, and says why', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls })
  const { key } = await forge({ issuer: world.ca, usage: 'server' })
  await using elsewhere = await makeWorld({ ca: world.ca, client: world.client })
  await writeSet(world.certDir, { server: { ...world.server, key } })
  await expect(served.server.reload()).rejects.toMatchObject({ code: 'RELOAD_FAILED' })
  const { servers, level } = await monitorOf(elsewhere, [served.server.port]).lookOnce()
  expect(level).toBe('warning')
  expect(servers[0]).toMatchObject({
    state: 'degraded',
    problem: {
      code: 'DEGRADED',
      message: expect.stringContaining('could not take up new files'),
      hint: expect.stringContaining('`mcp-mtls cert-check`'),
    },
  })
})

test('policy and record of a server are seen, and that its record cannot be written', async () => {
  await using world = await makeWorld()
  let isFull = false
  const auditLog = () => {
    if (isFull) throw new Error('the store is full')
  }
  const policy = { mode: 'report', rules: [{ allow: ['anyone'], tools: ['*'] }] }
  await using served = await serveTest({ tls: world.tls, policy, auditLog })
  const look = async () => (await monitorOf(world, [served.server.port]).lookOnce()).servers[0]
  const both = { policy: { rules: 1, mode: 'report', ok: true }, audit: { ok: true, lost: 0 } }
  expect(await look()).toMatchObject({ state: 'up', problem: null, health: both })
  isFull = true
  await using client = await connect({ serverUrl: served.server.url, tls: world.tls, log: false })
  await client.callTool({ name: 'who', arguments: {} })
  await expect.poll(() => served.server.health().status).toBe('degraded')
  expect(await look()).toMatchObject({
    state: 'degraded',
    problem: {
      code: 'DEGRADED',
      message: expect.stringContaining('the store is full'),
      hint: 'Look at its log, and at the disk of its record of calls: room, permissions.',
    },
    health: { audit: { ok: false } },
  })
})

test('a certificate that we refuse is in the list with the reason', async () => {
  await using world = await makeWorld()
  const other = await forgeCa({ commonName: 'Other CA' })
  await using impostor = await bareServer(await forge({ issuer: other, usage: 'server' }))
  const { servers, certificates } = await monitorOf(world, [impostor.port]).lookOnce()
  expect(servers[0]).toMatchObject({ state: 'untrusted', level: 'critical' })
  expect(certificates.find(({ issuer }) => issuer === 'CN=Other CA')).toMatchObject({
    level: 'critical',
    places: [`https://localhost:${impostor.port}`],
    problems: [{ code: 'SERVER_CERT_INVALID' }],
  })
})

test('it tells of a server that is lost, of a certificate that is replaced, and of its own missing key', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls })
  await using other = await serveTest({ tls: world.tls })
  const { sees } = await running(monitorOf(world, [served.server.port, other.server.port]))
  const renewed = await forge({ issuer: world.ca, usage: 'server', commonName: 'renewed' })
  await writeSet(world.certDir, { server: renewed })
  await Promise.all([served.server.reload(), other.server.reload()])
  await sees(/CN=renewed new server at/)
  await sees(/shows another certificate/)
  await served.server.close({ drainTimeout: 0 })
  await sees(/cannot be reached/)
  const stranger = await forge({ issuer: await forgeCa({ commonName: 'Other CA' }), usage: 'client' })
  await writeSet(world.certDir, { client: stranger })
  await sees(new RegExp(`at ${other.server.port} refuses us: .*`))
})

test('however often it looks, it remembers 60 latencies and 500 events', async () => {
  await using world = await makeWorld()
  const monitor = monitorOf(world, [await freePort()])
  // Ten certificates that are broken by turns.
  const { cert } = world.client
  for (let turn = 0; turn < 62; turn++) {
    for (let file = 0; file < 10; file++)
      await writeFile(join(world.certDir, `${file}.crt`), turn % 2 ? cert : `broken ${turn}`)
    await monitor.lookOnce()
  }
  expect(monitor.events).toHaveLength(500)
  expect(monitor.events.at(-1)?.id).toBeGreaterThan(500)
  expect(monitor.snapshot().servers[0]?.latencies_ms).toHaveLength(60)
})
