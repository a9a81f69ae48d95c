import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { observe } from '../../../src/probe/connect/observe.js'
import { bareServer, tlsVersions } from '../../support/bare-peers.js'
import { forge, forgeCa } from '../../support/forge.js'
import { freePort } from '../../support/free-port.js'
import { openssl } from '../../support/openssl.js'
import { makeWorld, serveTest } from '../../support/world.js'

const lookAt = (port: number, certDir: string, timeoutMs = 5000) =>
  observe(new URL(`https://localhost:${port}/mcp`), { tls: { certDir }, timeoutMs })

test('a server of ours answers: what was negotiated, its health and its metrics', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls })
  const seen = await lookAt(served.server.port, world.certDir)
  expect(seen).toMatchObject({
    outcome: 'answered',
    connection: { tlsVersion: 'TLSv1.3', verified: true, peerCertificate: { serial: world.server.serial } },
    health: { status: 200, body: expect.stringContaining('"status":"ok"') },
    metrics: { status: 200, body: expect.stringContaining('mcp_mtls_handshakes_total') },
  })
  expect(seen).toHaveProperty('latencyMs', expect.any(Number))
  // Each look is a connection of its own, and leaves none behind.
  await lookAt(served.server.port, world.certDir)
  expect(await served.count('connection-closed', 2)).toHaveLength(2)
})

test('a server that refuses our certificate is told from one whose certificate we refuse', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls })
  const other = await forgeCa({ commonName: 'Other CA' })
  const stranger = await forge({ issuer: other, usage: 'client' })
  await using lost = await makeWorld({ ca: world.ca, client: stranger })
  expect(await lookAt(served.server.port, lost.certDir)).toMatchObject({
    outcome: 'refusing',
    error: { code: 'CLIENT_CERT_REJECTED' },
    connection: { peerCertificate: { serial: world.server.serial } },
  })
  await using impostor = await bareServer(await forge({ issuer: other, usage: 'server' }))
  expect(await lookAt(impostor.port, world.certDir)).toMatchObject({
    outcome: 'untrusted',
    error: { code: 'SERVER_CERT_INVALID' },
    connection: { peerCertificate: { issuer: 'CN=Other CA' } },
  })
  expect(impostor.requests()).toBe(0)
})

test.each(tlsVersions)(
  'a server of openssl over %s that breaks off for our certificate is refusing',
  async (version) => {
    await using world = await makeWorld()
    const other = await forgeCa({ commonName: 'Other CA' })
    await using stranger = await makeWorld({
      ca: world.ca,
      client: await forge({ issuer: other, usage: 'client' }),
    })
    const at = (name: string) => join(world.certDir, name)
    const port = await freePort()
    const files = ['-cert', at('server.crt'), '-key', at('server.key'), '-CAfile', at('ca.crt')]
    const asks = [
      '-Verify',
      '1',
      '-verify_return_error',
      `-${version.toLowerCase().replace('v', '').replace('.', '_')}`,
    ]
    const server = openssl('s_server', '-www', '-accept', `127.0.0.1:${port}`, ...files, ...asks)
    await server.until(/ACCEPT/)
    expect(await lookAt(port, stranger.certDir)).toMatchObject({
      outcome: 'refusing',
      error: { code: 'CLIENT_CERT_REJECTED' },
    })
    expect(await lookAt(port, world.certDir)).toMatchObject({ outcome: 'answered' })
  },
)

test('nobody there, a silent server and plain HTTP are unreachable', async () => {
  await using world = await makeWorld()
  const gone = await lookAt(await freePort(), world.certDir)
  expect(gone).toMatchObject({ outcome: 'unreachable', error: { code: 'CONNECTION_FAILED' } })

  const silent = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void silent.close())
  await once(silent, 'listening')
  const { port } = silent.address() as AddressInfo
  const waited = await lookAt(port, world.certDir, 300)
  expect(waited).toMatchObject({ outcome: 'unreachable', error: { code: expect.stringMatching(/TIMEOUT/) } })

  await using plain = await serveTest({ tlsEnabled: false, httpPort: 0 })
  const answer = await lookAt(plain.server.port, world.certDir)
  expect(answer).toMatchObject({ outcome: 'unreachable', error: { code: 'NOT_TLS' } })
})

test('without a usable certificate of our own we are blind, and ask nobody', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls })
  await using blind = await makeWorld({ ca: world.ca })
  rmSync(join(blind.certDir, 'client.key'))
  expect(await lookAt(served.server.port, blind.certDir)).toMatchObject({
    outcome: 'blind',
    error: { code: 'CERT_NOT_FOUND' },
  })
  await using mixed = await makeWorld({ ca: world.ca, client: { ...world.client, key: world.server.key } })
  expect(await lookAt(served.server.port, mixed.certDir)).toMatchObject({
    outcome: 'blind',
    error: { code: 'KEY_MISMATCH' },
  })
  const ended = { issuer: world.ca, usage: 'client' as const, notAfter: new Date(Date.now() - 1000) }
  await using late = await makeWorld({ ca: world.ca, client: await forge(ended) })
  expect(await lookAt(served.server.port, late.certDir)).toMatchObject({
    outcome: 'blind',
    error: { code: 'CERT_EXPIRED' },
  })
  expect(served.events).toEqual([])
})

test('an answer that does not end is cut, and one that breaks off does no harm', async () => {
  await using world = await makeWorld()
  const { cert, key } = world.server
  const server = createHttpsServer({ cert, key }, (request, response) => {
    if (request.url !== '/health') {
      response.writeHead(200, { 'content-length': 10 }).write('x')
      return setImmediate(() => response.destroy())
    }
    const more = () => {
      while (response.write('x'.repeat(64 * 1024)));
    }
    response.on('drain', more)
    return more()
  }).listen(0, '127.0.0.1')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  await once(server, 'listening')
  const seen = await lookAt((server.address() as AddressInfo).port, world.certDir)
  expect(seen).toMatchObject({ outcome: 'answered', metrics: undefined })
  expect(seen.outcome === 'answered' && seen.health.body.length).toBeLessThan(2 * 1024 * 1024)
})
