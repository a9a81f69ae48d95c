import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { connect } from '../../src/client/index.js'
import { forge, forgeCa, forgeCrl, writeSet } from '../support/forge.js'
import { openWire } from '../support/wire.js'
import { makeWorld, serveTest } from '../support/world.js'

const day = 86_400_000

describe('a server whose certificate files change', () => {
  test('takes up a new certificate by itself, and new connections see it', async () => {
    await using world = await makeWorld()
    const { certDir, ca } = world
    await using served = await serveTest({ tls: { certDir } })
    const server = await forge({ issuer: ca, usage: 'server', commonName: 'renewed' })
    await writeSet(certDir, { server })
    expect((await served.event('reload-succeeded')).certificate.serial).toBe(server.serial)
    await using client = await connect({ serverUrl: served.server.url, tls: { certDir }, log: false })
    expect(client.connection()?.peerCertificate?.serial).toBe(server.serial)
    expect(served.server.health().last_reload).toMatchObject({ ok: true, error: null })
  })

  test('reload() says whether there was something new', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: { certDir: world.certDir }, watch: false })
    expect(await served.server.reload()).toBe(false)
    await writeSet(world.certDir, { server: await forge({ issuer: world.ca, usage: 'server' }) })
    expect(await served.server.reload()).toBe(true)
    expect(await served.server.reload()).toBe(false)
  })

  const broken: [
    string,
    RegExp,
    (certDir: string, ca: Awaited<ReturnType<typeof forgeCa>>) => Promise<void>,
  ][] = [
    ['a missing key', /CERT_NOT_FOUND.*server\.key/, (dir) => rm(join(dir, 'server.key'))],
    [
      'the key of another certificate',
      /KEY_MISMATCH.*server\.key/,
      async (dir) => writeFile(join(dir, 'server.key'), (await forge()).key),
    ],
    [
      'a certificate that is cut off',
      /CERT_INVALID.*server\.crt/,
      async (dir, ca) =>
        writeFile(join(dir, 'server.crt'), (await forge({ issuer: ca, usage: 'server' })).cert.slice(0, 300)),
    ],
    [
      'a certificate that has expired',
      /CERT_EXPIRED.*server\.crt/,
      async (dir, ca) =>
        writeSet(dir, {
          server: await forge({ issuer: ca, usage: 'server', notAfter: new Date(Date.now() - day / 2) }),
        }),
    ],
    [
      'a key that cannot be read',
      /CERT_NOT_FOUND.*server\.key/,
      // Root may read every file; nobody reads a directory.
      async (dir) => {
        await rm(join(dir, 'server.key'))
        await mkdir(join(dir, 'server.key'))
      },
    ],
    [
      'an empty certificate file',
      /CERT_INVALID.*server\.crt/,
      (dir) => writeFile(join(dir, 'server.crt'), ''),
    ],
    ['an empty CA file', /CERT_INVALID.*ca\.crt/, (dir) => writeFile(join(dir, 'ca.crt'), '')],
    [
      'a CA that did not issue the certificate',
      /CERT_INVALID.*ca\.crt/,
      async (dir) => writeSet(dir, { ca: await forgeCa() }),
    ],
    [
      'a revocation list of another CA',
      /CERT_INVALID.*ca\.crl/,
      async (dir) => writeSet(dir, { crl: await forgeCrl({ issuer: await forgeCa(), revoked: [] }) }),
    ],
  ]
  for (const [what, message, damage] of broken) {
    test(`goes on with the old ones at ${what}, and says so`, async () => {
      await using world = await makeWorld()
      const { certDir, ca } = world
      await using client = await makeWorld({ ca })
      await using served = await serveTest({ tls: { certDir }, watch: false })
      await damage(certDir, ca)
      await expect(served.server.reload()).rejects.toMatchObject({ code: 'RELOAD_FAILED' })
      expect((await served.event('reload-failed')).message).toMatch(message)
      expect(served.server.health()).toMatchObject({
        status: 'degraded',
        last_reload: { ok: false, error: expect.stringMatching(message) },
        problems: [{ code: 'RELOAD_FAILED', message: expect.stringMatching(message) }],
      })
      const [{ since } = { since: '' }] = served.server.health().problems
      await expect(served.server.reload()).rejects.toMatchObject({ code: 'RELOAD_FAILED' })
      expect(served.server.health().problems).toMatchObject([{ since }]) // of the first failure
      await using connected = await connect({
        serverUrl: served.server.url,
        tls: { certDir: client.certDir },
        log: false,
      })
      expect(connected.connection()?.peerCertificate?.serial).toBe(world.server.serial)
    })
  }

  test('is well again when good files are back, the same or others', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls })
    const key = join(world.certDir, 'server.key')
    const health = () => served.server.health()
    const renewed = await forge({ issuer: world.ca, usage: 'server' })
    for (const [at, { cert, key: text }] of [world.server, renewed].entries()) {
      await rm(key)
      await served.count('reload-failed', at + 1)
      expect(health()).toMatchObject({ status: 'degraded', last_reload: { ok: false } })
      await writeFile(join(world.certDir, 'server.crt'), cert)
      await writeFile(key, text)
      await expect
        .poll(health)
        .toMatchObject({ status: 'ok', last_reload: { ok: true, error: null }, problems: [] })
    }
    expect(await served.count('reload-succeeded', 1)).toHaveLength(1)
  })

  test('says so again every hour while they cannot be taken up', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls, watch: false })
    const told = () => served.events.filter(({ event }) => event === 'reload-failed').length
    const tried = () => served.server.reload().catch(() => undefined)
    await writeFile(join(world.certDir, 'ca.crl'), 'no list')
    onTestFinished(() => void vi.useRealTimers())
    const begun = Date.now()
    for (const [minutes, wanted] of [
      [0, 1],
      [59, 1],
      [60, 2],
      [61, 2],
      [120, 3],
    ] as const) {
      vi.useFakeTimers({ toFake: ['Date'], now: begun + minutes * 60_000 })
      await tried()
      expect([minutes, told()]).toEqual([minutes, wanted])
    }
    await rm(join(world.certDir, 'ca.crl'))
    await tried()
    await writeFile(join(world.certDir, 'ca.crl'), 'no list')
    await tried()
    expect(told()).toBe(4)
  })

  test('looks at them no more once it is closed', async () => {
    await using world = await makeWorld()
    await using closed = await serveTest({ tls: world.tls })
    await using open = await serveTest({ tls: world.tls })
    await closed.server.close()
    // Twice: whoever saw the first change has told it before the second is told.
    for (const change of [1, 2]) {
      await writeSet(world.certDir, { server: await forge({ issuer: world.ca, usage: 'server' }) })
      await open.count('reload-succeeded', change)
    }
    expect(closed.events.filter(({ event }) => event.startsWith('reload'))).toEqual([])
  })
})

describe('a server whose trust changes', () => {
  test('ends the open connection of a client whose CA is dropped, and keeps the others', async () => {
    const [ca, dropped] = [await forgeCa(), await forgeCa({ commonName: 'Dropped CA' })]
    await using world = await makeWorld({ ca: { ...ca, cert: ca.cert + dropped.cert } })
    const client = await forge({ issuer: dropped, usage: 'client', commonName: 'outdated' })
    await using others = await makeWorld({ ca, client })
    await using served = await serveTest({ tls: world.tls })
    const options = { serverUrl: served.server.url, log: false, retryAttempts: 0 } as const
    await using outdated = await connect({ ...options, tls: others.tls })
    await using kept = await connect({ ...options, tls: world.tls })
    await writeSet(world.certDir, { ca })
    expect(await served.event('connection-ended')).toMatchObject({
      reason: 'CLIENT_CERT_REJECTED',
      connection: { peer: { id: 'cn:outdated' } },
    })
    await expect.poll(() => outdated.pool()?.total).toBe(0)
    const call = { name: 'echo', arguments: { text: 'x' } }
    await expect(outdated.callTool(call)).rejects.toMatchObject({ code: 'CLIENT_CERT_REJECTED' })
    expect((await kept.callTool(call)).isError).toBeFalsy()
    const ended = await served.count('connection-ended', 1)
    expect(ended.map(({ connection }) => connection.peer?.id)).not.toContain('cn:mcp-client')
  })

  test('ends the open connection of a client that was revoked, refuses its return, and keeps the others', async () => {
    await using world = await makeWorld()
    const { certDir, ca } = world
    const other = await forge({ issuer: ca, usage: 'client', commonName: 'other' })
    await using others = await makeWorld({ ca, client: other })
    await using served = await serveTest({ tls: { certDir } })
    const open = { serverUrl: served.server.url, log: false } as const
    // It does not look at its files: it would close its connection itself, and perhaps before the server does.
    await using revoked = await connect({ ...open, tls: { certDir }, watch: false })
    await using kept = await connect({ ...open, tls: { certDir: others.certDir } })
    await writeSet(certDir, { crl: await forgeCrl({ issuer: ca, revoked: [world.client.serial] }) })
    expect(await served.event('connection-ended')).toMatchObject({ reason: 'CERT_REVOKED' })
    await expect.poll(() => revoked.pool()?.total).toBe(0)
    await expect(revoked.callTool({ name: 'echo', arguments: { text: 'x' } })).rejects.toMatchObject({
      code: 'CERT_REVOKED',
    })
    expect((await kept.callTool({ name: 'echo', arguments: { text: 'x' } })).isError).toBeFalsy()
  })

  test.each([
    ['unreadable', (path: string) => rm(path).then(() => mkdir(path))], // nobody reads a directory, root neither
    ['garbled', (path: string) => writeFile(path, 'garbled')],
  ])('refuses whom a new list revokes while its own pair is %s', async (_how, damage) => {
    await using world = await makeWorld()
    const { certDir, ca } = world
    await using others = await makeWorld({ ca })
    await using served = await serveTest({ tls: { certDir } })
    const open = { serverUrl: served.server.url, log: false } as const
    await using revoked = await connect({ ...open, tls: { certDir }, watch: false })
    await using kept = await connect({ ...open, tls: { certDir: others.certDir } })
    for (const name of ['server.key', 'server.crt']) await damage(join(certDir, name))
    await writeSet(certDir, { crl: await forgeCrl({ issuer: ca, revoked: [world.client.serial] }) })
    expect(await served.event('connection-ended')).toMatchObject({ reason: 'CERT_REVOKED' })
    await expect.poll(() => revoked.pool()?.total).toBe(0)
    const call = { name: 'echo', arguments: { text: 'x' } }
    await expect(revoked.callTool(call)).rejects.toMatchObject({ code: 'CERT_REVOKED' })
    expect((await kept.callTool(call)).isError).toBeFalsy()
    expect(served.server.health()).toMatchObject({
      status: 'degraded',
      last_reload: { ok: false },
      problems: [{ code: 'RELOAD_FAILED' }],
    })
    expect(served.events.filter(({ event }) => event === 'reload-succeeded')).toEqual([])
  })

  test.each([
    ['intermediates', { pathLength: 0 }, 'allows only 0 CAs below it'],
    [
      'names',
      { nameConstraints: { permitted: [{ directory: { commonName: 'elsewhere' } }] } },
      'may not give',
    ],
    ['clients', { usage: 'server' }, 'may not issue certificates for clientAuth'],
  ] as const)(
    'ends an open connection when the CA is issued anew and no longer allows such %s',
    async (_what, limits, words) => {
      const ca = await forgeCa()
      const intermediate = await forgeCa({ issuer: ca })
      const leaf = await forge({ issuer: intermediate, usage: 'client' })
      await using world = await makeWorld({ ca })
      await using below = await makeWorld({ ca, client: { ...leaf, cert: leaf.cert + intermediate.cert } })
      await using served = await serveTest({ tls: world.tls, watch: false })
      const options = { serverUrl: served.server.url, log: false, retryAttempts: 0 } as const
      await using client = await connect({ ...options, tls: below.tls })
      await writeSet(world.certDir, {
        ca: await forge({ commonName: 'Forged CA', isCa: true, keyOf: ca, usage: 'none', ...limits }),
      })
      expect(await served.server.reload()).toBe(true)
      expect(await served.event('connection-ended')).toMatchObject({
        reason: 'CERT_INVALID',
        message: expect.stringContaining(words),
      })
      await expect.poll(() => client.pool()?.total).toBe(0)
      await expect(client.callTool({ name: 'count', arguments: {} })).rejects.toMatchObject({
        code: 'CERT_INVALID',
      })
    },
  )

  test('a new revocation list alone sends nobody to another connection', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls, watch: false })
    const wire = await openWire(served.server.url, world.certDir)
    const asked = async () => {
      const before = wire.received().length
      wire.socket.write('GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n')
      await expect.poll(() => wire.received().slice(before)).toContain('"ok"}')
      return /connection: close/i.test(wire.received().slice(before))
    }
    expect(await asked()).toBe(false)
    await writeSet(world.certDir, { crl: await forgeCrl({ issuer: world.ca }) })
    expect(await served.server.reload()).toBe(true)
    expect(await asked()).toBe(false)
    await writeSet(world.certDir, { server: await forge({ issuer: world.ca, usage: 'server' }) })
    expect(await served.server.reload()).toBe(true)
    expect(await asked()).toBe(true)
  })

  test('a revocation list that disappears is a failed reload; allowed to, it is gone', async () => {
    for (const crlMissing of ['refuse', 'allow'] as const) {
      await using world = await makeWorld()
      const { certDir, ca, client } = world
      await writeSet(certDir, { crl: await forgeCrl({ issuer: ca, revoked: [client.serial] }) })
      await using served = await serveTest({ tls: { certDir, crlMissing }, watch: false })
      await rm(join(certDir, 'ca.crl'))
      const reloaded = served.server.reload()
      if (crlMissing === 'refuse') await expect(reloaded).rejects.toMatchObject({ code: 'RELOAD_FAILED' })
      else expect(await reloaded).toBe(true)
    }
  })
})
