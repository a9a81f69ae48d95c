import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { expect, test, vi } from 'vitest'
import { identityOf } from '../../src/server/index.js'
import { tlsVersions } from '../support/bare-peers.js'
import { forgeCrl, writeSet } from '../support/forge.js'
import { listening } from '../support/gated.js'
import { httpText, openWire } from '../support/wire.js'
import { makeWorld, serveTest } from '../support/world.js'

const webSocket = {
  connection: 'keep-alive, Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
}
const asking = (headers: Record<string, string> = {}) => httpText('/chat', { ...webSocket, ...headers })
const tunnel = 'CONNECT localhost:443 HTTP/1.1\r\nHost: localhost\r\n\r\n'

/** Speaks another protocol: says back what it hears. */
function echoing(request: IncomingMessage, socket: Socket): void {
  socket.on('error', () => {})
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`)
  socket.write(`hello ${identityOf(request)?.id} `)
  socket.pipe(socket)
}

test.each([
  ['an upgrade', asking(), 'upgrade'],
  ['an upgrade with a body', `${asking({ 'content-length': '4' })}body`, 'upgrade'],
  ['an upgrade that nobody here listens for', asking(), undefined],
  ['a tunnel', tunnel, 'connect'],
  ['a tunnel that nobody here listens for', tunnel, undefined],
])('%s is refused with an answer', async (_what, request, event) => {
  await using world = await makeWorld()
  const listener = vi.fn()
  const { server, url, events } = await listening(world, {}, listener)
  if (event) server.on(event, listener)
  const wire = await openWire(url, world.certDir)
  wire.socket.write(request)
  const answer = await wire.closed
  expect(answer).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/)
  expect(answer).toMatch(/\r\nconnection: close\r\n/i)
  const { error } = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))
  expect(error).toMatchObject({
    message: expect.stringContaining('upgraded to another protocol'),
    data: { error: 'mtls_refused', reason: 'NOT_AUTHORIZED' },
  })
  expect(listener).not.toHaveBeenCalled()
  expect(events.filter((one) => one.event === 'request-refused')).toMatchObject([
    { reason: 'NOT_AUTHORIZED' },
  ])
})

test('serve refuses upgrades over TLS, and without it takes them for usual requests', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls })
  const wire = await openWire(served.server.url, world.certDir)
  wire.socket.write(asking())
  expect(await wire.closed).toMatch(/^HTTP\/1\.1 403 /)
  await using plain = await serveTest({ tlsEnabled: false })
  const bare = await openWire(plain.server.url)
  bare.socket.write(httpText('/livez', { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c' }))
  await bare.until(/200 OK/)
})

test('a header that only names a protocol asks for nothing', async () => {
  await using world = await makeWorld()
  const { url } = await listening(world)
  const wire = await openWire(url, world.certDir)
  wire.socket.write(httpText('/', { upgrade: 'h2c' }))
  await wire.until(/200 OK/)
})

test.each([
  ['an upgrade', asking(), 'upgrade'],
  ['a tunnel', tunnel, 'connect'],
])('%s comes to the application where it is wanted, with the identity', async (_what, request, event) => {
  await using world = await makeWorld()
  const { server, url } = await listening(world, { upgrade: true })
  server.on(event, echoing)
  const wire = await openWire(url, world.certDir)
  wire.socket.write(request)
  await wire.until(/101 Switching Protocols[\s\S]*hello cn:mcp-client/)
  wire.socket.write('and back')
  await wire.until(/and back/)
})

test('a tunnel that is wanted, and nobody listens for, is closed', async () => {
  await using world = await makeWorld()
  const { url } = await listening(world, { upgrade: true })
  const wire = await openWire(url, world.certDir)
  wire.socket.write(tunnel)
  expect(await wire.closed).toBe('')
})

test.each([
  ['another site', { origin: 'https://evil.example' }],
  ['a name of its own', { host: 'evil.example' }],
])('an upgrade by a page of %s is refused before the application sees it', async (_whose, headers) => {
  await using world = await makeWorld()
  const listener = vi.fn()
  const { server, url, events } = await listening(world, { upgrade: true })
  server.on('upgrade', listener)
  const wire = await openWire(url, world.certDir)
  wire.socket.write(asking(headers))
  expect(await wire.closed).toMatch(/^HTTP\/1\.1 403 [\s\S]*NOT_AUTHORIZED/)
  expect(listener).not.toHaveBeenCalled()
  expect(events.some(({ event }) => event === 'request-refused')).toBe(true)
})

test('an upgrade by a certificate that has expired meanwhile is refused', async () => {
  await using world = await makeWorld()
  const listener = vi.fn()
  const { server, url } = await listening(world, { upgrade: true })
  server.on('upgrade', listener)
  const wire = await openWire(url, world.certDir)
  wire.socket.write(httpText('/'))
  await wire.until(/cn:mcp-client/)
  vi.setSystemTime(Date.now() + 400 * 86_400_000)
  try {
    wire.socket.write(asking())
    expect(await wire.closed).toMatch(/403 Refused: certificate expired \(CERT_EXPIRED\)/)
    expect(listener).not.toHaveBeenCalled()
  } finally {
    vi.useRealTimers()
  }
})

test.each(tlsVersions)(
  'an upgraded connection ends when its certificate is revoked, on %s',
  async (minVersion) => {
    await using world = await makeWorld()
    const { server, url, events } = await listening(world, {
      upgrade: true,
      tls: { certDir: world.certDir, minVersion },
    })
    server.on('upgrade', echoing)
    const wire = await openWire(url, world.certDir)
    wire.socket.write(asking())
    await wire.until(/hello/)
    await writeSet(world.certDir, {
      crl: await forgeCrl({ issuer: world.ca, revoked: [world.client.serial] }),
    })
    await wire.closed
    expect(events.find(({ event }) => event === 'connection-ended')).toMatchObject({ reason: 'CERT_REVOKED' })
  },
)

test('an upgraded connection is in use while the server drains, until the time is over', async () => {
  await using world = await makeWorld()
  const { server, url } = await listening(world, { upgrade: true })
  server.on('upgrade', echoing)
  const wire = await openWire(url, world.certDir)
  wire.socket.write(asking())
  await wire.until(/hello/)
  const closed = server.mtls.close({ drainTimeout: 60_000 })
  wire.socket.write('still here')
  await wire.until(/still here/)
  await server.mtls.close({ drainTimeout: 0 })
  await closed
  await wire.closed
})

test('an upgraded connection counts as a request of its identity as long as it is open', async () => {
  await using world = await makeWorld()
  const { server, url } = await listening(world, { upgrade: true, limits: { maxRequestsPerIdentity: 1 } })
  server.on('upgrade', echoing)
  const first = await openWire(url, world.certDir)
  first.socket.write(asking())
  await first.until(/hello/)
  for (const request of [asking(), httpText('/')]) {
    const second = await openWire(url, world.certDir)
    second.socket.write(request)
    expect(await second.closed).toMatch(/^HTTP\/1\.1 429 /)
  }
  first.socket.destroy()
  await expect.poll(() => server.mtls.connections().length).toBe(0)
  const third = await openWire(url, world.certDir)
  third.socket.write(asking())
  await third.until(/hello/)
})

test('an upgrade behind a request that is not answered yet ends the connection, lest the answers are mixed up', async () => {
  await using world = await makeWorld()
  const { server, url } = await listening(world, {}, () => {})
  server.on('upgrade', echoing)
  const wire = await openWire(url, world.certDir)
  wire.socket.write(httpText('/') + asking())
  expect(await wire.closed).toBe('')
})
