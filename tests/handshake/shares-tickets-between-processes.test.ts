import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { callAsBareClient, tlsVersions } from '../support/bare-peers.js'
import { startCli } from '../support/cli.js'
import { type Forged, forge, forgeCrl } from '../support/forge.js'
import { scratch } from '../support/scratch.js'
import { makeWorld, serveTest, type World } from '../support/world.js'

const keysIn = ({ certDir }: World) => {
  mkdirSync(join(certDir, 'shared'), { recursive: true, mode: 0o700 })
  return join(certDir, 'shared', 'tickets')
}

/** A server in a process of its own, with the tickets of this file. */
async function server({ certDir }: World, ticketKeys: string, name = 'echo', ...others: string[]) {
  const args = [
    'serve',
    name,
    '--tls-port',
    '0',
    '--cert-dir',
    certDir,
    '--ticket-keys',
    ticketKeys,
    ...others,
  ]
  const running = startCli(args, { cwd: scratch() })
  const [, port] = await running.printed(/https:\/\/localhost:(\d+)\/mcp/)
  return { port: Number(port), ...running }
}

test.each(tlsVersions)(
  '%s: a ticket of one process is good in another of the same server',
  async (version) => {
    await using world = await makeWorld()
    const path = keysIn(world)
    const [one, other] = await Promise.all([server(world, path), server(world, path)])
    const shown = world.client
    const { session } = await callAsBareClient(one.port, { shown, version, path: '/health' })
    for (const { port } of [one, other]) {
      const again = await callAsBareClient(port, { shown, version, session, path: '/health' })
      expect([again.resumed, again.status]).toEqual([true, 200])
    }
    // Nor is a peer that showed nothing anybody in the other process.
    const nobody = await callAsBareClient(one.port, { version, path: '/health' })
    const elsewhere = await callAsBareClient(other.port, {
      version,
      session: nobody.session,
      path: '/health',
    })
    expect([nobody.status, elsewhere.status]).toEqual([403, 403])
  },
)

test('and after a restart', async () => {
  await using world = await makeWorld()
  const path = keysIn(world)
  const first = await server(world, path)
  const { session } = await callAsBareClient(first.port, { shown: world.client, path: '/health' })
  first.process.kill('SIGTERM')
  await first.finished
  const { port } = await server(world, path)
  const again = await callAsBareClient(port, { shown: world.client, session, path: '/health' })
  expect([again.resumed, again.status]).toEqual([true, 200])
})

test('it is worthless at a server of another name, in another mode, and with another secret', async () => {
  await using world = await makeWorld()
  const path = keysIn(world)
  const [one, ...others] = await Promise.all([
    server(world, path),
    server(world, path, 'datetime'),
    server(world, path, 'echo', '--demo-mode'),
    server(world, `${path}-of-others`),
  ])
  const shown = world.client
  const { session } = await callAsBareClient(one.port, { shown, path: '/health' })
  for (const { port } of others) {
    const elsewhere = await callAsBareClient(port, { shown, session, path: '/health' })
    expect([elsewhere.resumed, elsewhere.status]).toEqual([false, 200])
  }
})

test('after a revocation no process takes an earlier ticket, and the revoked client is refused in all', async () => {
  await using world = await makeWorld()
  const path = keysIn(world)
  const [one, other] = await Promise.all([server(world, path), server(world, path)])
  const call = (port: number, shown: Forged, session?: Buffer) =>
    callAsBareClient(port, { shown, session, path: '/health' })
  const lost = await forge({ issuer: world.ca, commonName: 'lost' })
  const ofGood = await call(one.port, world.client)
  const ofLost = await call(one.port, lost)
  expect((await call(other.port, lost, ofLost.session)).resumed).toBe(true)
  const list = await forgeCrl({ issuer: world.ca, revoked: [lost.serial] })
  writeFileSync(join(world.certDir, 'ca.crl'), list)
  await Promise.all([one, other].map(({ printed }) => printed(/reload-succeeded/)))
  for (const { port } of [one, other]) {
    const good = await call(port, world.client, ofGood.session)
    const revoked = await call(port, lost, ofLost.session)
    expect([good.resumed, good.status, revoked.resumed, revoked.status]).toEqual([false, 200, false, 403])
    expect(JSON.parse(revoked.body)).toMatchObject({ reason: 'CERT_REVOKED' })
  }
  // With the same trust they share again, and a session that begins after it is judged by it.
  const after = await call(one.port, world.client)
  const shared = await call(other.port, world.client, after.session)
  expect([shared.resumed, shared.status]).toEqual([true, 200])
  const refused = await call(one.port, lost)
  const again = await call(other.port, lost, refused.session)
  expect([refused.status, again.resumed, again.status]).toEqual([403, true, 403])
})

test('a secret that was replaced ends its tickets, and is no news of certificates', async () => {
  await using world = await makeWorld()
  const path = keysIn(world)
  const ticketKeys = path
  await using served = await serveTest({ tls: { certDir: world.certDir, ticketKeys } })
  const { port } = served.server
  const shown = world.client
  const { session } = await callAsBareClient(port, { shown })
  writeFileSync(path, `${new Date().toISOString()} ${'ab'.repeat(32)}\n`)
  expect(await served.server.reload()).toBe(false)
  const again = await callAsBareClient(port, { shown, session })
  expect([again.resumed, again.status]).toEqual([false, 200])
  expect((await callAsBareClient(port, { shown, session: again.session })).resumed).toBe(true)
  expect(served.server.health().last_reload).toBeNull()
})

test('a file that became bad is a reload that failed: the old secret stays', async () => {
  await using world = await makeWorld()
  const path = keysIn(world)
  await using served = await serveTest({ tls: { certDir: world.certDir, ticketKeys: path } })
  const { port } = served.server
  const { session } = await callAsBareClient(port, { shown: world.client })
  const good = readFileSync(path)
  writeFileSync(path, 'cut')
  await expect(served.server.reload()).rejects.toMatchObject({ code: 'RELOAD_FAILED' })
  expect((await callAsBareClient(port, { shown: world.client, session })).resumed).toBe(true)
  writeFileSync(path, good)
  await served.server.reload()
  expect(served.server.health().status).toBe('ok')
})
