import { once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { connect as tlsConnect } from 'node:tls'
import { expect, test } from 'vitest'
import { callAsBareClient } from '../support/bare-peers.js'
import { sClient } from '../support/openssl.js'
import { patience } from '../support/patience.js'
import { makeWorld, type Served, serveTest, type World } from '../support/world.js'

/** A TCP connection to the server; `closed` is when the server has ended it. */
async function dial({ server }: Served) {
  const socket = connect(server.port, '127.0.0.1')
  socket.on('error', () => {}).resume()
  const closed = new Promise((resolve) => socket.once('close', resolve))
  await once(socket, 'connect')
  return { socket, closed, address: `127.0.0.1:${(socket.address() as AddressInfo).port}` }
}

async function expectUnharmed({ server, calls }: Served, { client }: World) {
  calls.length = 0
  expect((await callAsBareClient(server.port, { shown: client, say: 'still there?' })).status).toBe(200)
  expect(calls).toEqual(['still there?'])
}

async function expectOneEvent(served: Served, reason: string, address: string | RegExp) {
  const { peerAddress, ...told } = await served.event('handshake-failed')
  expect(told.reason).toBe(reason)
  expect(peerAddress).toMatch(address)
  expect(served.events.map(({ event }) => event)).toEqual(['handshake-failed'])
}

test.each([
  ['plain HTTP', 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n', 'NOT_TLS'],
  ['a proxy request', 'CONNECT localhost:443 HTTP/1.1\r\n\r\n', 'NOT_TLS'],
  ['text', 'HELO is anybody there\r\n\r\n', 'NOT_TLS'],
  ['zeros', '\0'.repeat(100), 'NOT_TLS'],
  ['a record that is too long', `\x16\x03\x01\xff\xff${'a'.repeat(70_000)}`, 'NOT_TLS'],
])('%s on the TLS port ends in one event and harms nobody', async (_what, bytes, reason) => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: { certDir: world.certDir } })
  const { socket, closed, address } = await dial(served)
  socket.write(bytes, 'latin1')
  await closed
  await expectOneEvent(served, reason, address)
  await expectUnharmed(served, world)
})

test('TLS 1.1 gets the alert protocol_version', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: { certDir: world.certDir } })
  const output = await sClient(served.server.port, '', '-tls1_1', '-cipher', 'DEFAULT@SECLEVEL=0')
  expect(output).toMatch(/alert protocol version.*alert number 70/s)
  await expectOneEvent(served, 'UNSUPPORTED_TLS_VERSION', /^127\.0\.0\.1:\d+$/)
  await expectUnharmed(served, world)
})

test('TLS 1.2 gets the same where 1.3 is the least', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: { certDir: world.certDir, minVersion: 'TLSv1.3' } })
  const output = await sClient(served.server.port, '', '-tls1_2')
  expect(output).toMatch(/alert protocol version/)
  await expectOneEvent(served, 'UNSUPPORTED_TLS_VERSION', /^127\.0\.0\.1:\d+$/)
})

test.each(['ECDHE-ECDSA-AES128-SHA256', 'AES128-GCM-SHA256', 'DHE-RSA-AES128-GCM-SHA256'])(
  'a client that has only the suite %s finds none in common',
  async (suite) => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: { certDir: world.certDir } })
    const output = await sClient(served.server.port, '', '-tls1_2', '-cipher', suite)
    expect(output).toMatch(/handshake failure/)
    await expectOneEvent(served, 'CIPHER_MISMATCH', /^127\.0\.0\.1:\d+$/)
    await expectUnharmed(served, world)
  },
)

test('silent peers are ended at the time limit, and others are served meanwhile', async () => {
  await using world = await makeWorld()
  const limits = { handshakeTimeout: await patience() }
  await using served = await serveTest({ tls: { certDir: world.certDir }, limits })
  const silent = await Promise.all([dial(served), dial(served), dial(served)])
  silent[1]?.socket.write('\x16\x03\x01', 'latin1') // half a record is no handshake either
  await expectUnharmed(served, world)
  expect(silent.map(({ socket }) => socket.destroyed)).toEqual([false, false, false])
  await Promise.all(silent.map(({ closed }) => closed))
  const failed = await served.count('handshake-failed', 3)
  expect(failed.map(({ reason }) => reason)).toEqual(silent.map(() => 'TLS_HANDSHAKE_TIMEOUT'))
  expect(new Set(failed.map(({ peerAddress }) => peerAddress))).toEqual(
    new Set(silent.map(({ address }) => address)),
  )
})

test('a peer that says a byte now and then gets no more time than a silent one', async () => {
  await using world = await makeWorld()
  const limits = { handshakeTimeout: await patience() }
  await using served = await serveTest({ tls: world.tls, limits })
  const { socket, closed, address } = await dial(served)
  const hello = Buffer.concat([Buffer.from('160301200001001ffc0303', 'hex'), Buffer.alloc(8192)])
  let sent = 0
  const drip = setInterval(() => socket.write(hello.subarray(sent, ++sent)), 10)
  await closed
  clearInterval(drip)
  expect(sent).toBeGreaterThan(1)
  await expectOneEvent(served, 'TLS_HANDSHAKE_TIMEOUT', address)
})

test('a peer that goes away in the middle is told with its address', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: { certDir: world.certDir } })
  for (const leave of [(socket: Socket) => socket.end(), (socket: Socket) => socket.resetAndDestroy()]) {
    served.events.length = 0
    const { socket, closed, address } = await dial(served)
    socket.write('\x16\x03\x01', 'latin1')
    leave(socket)
    await closed
    await expectOneEvent(served, 'TLS_HANDSHAKE_FAILED', address)
  }
  await expectUnharmed(served, world)
})

test('a storm of broken handshakes takes no place of the limits for ever', async () => {
  await using world = await makeWorld()
  const limits = { maxConnectionsPerAddress: 10, maxConnections: 20 }
  await using served = await serveTest({ tls: { certDir: world.certDir }, limits })
  for (let round = 0; round < 20; round++) {
    const peers = await Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map(() => dial(served)))
    for (const [index, { socket }] of peers.entries()) {
      if (index % 2) socket.resetAndDestroy()
      else socket.write('GET / HTTP/1.1\r\n\r\n')
    }
    await Promise.all(peers.map(({ closed }) => closed))
  }
  // Some of the 80 that were reset were never seen: the kernel took them back, or has forgotten their address.
  const failed = await served.count('handshake-failed', 80)
  const { port } = served.server
  await expect
    .poll(() => callAsBareClient(port, { shown: world.client }).catch(() => undefined))
    .toMatchObject({ status: 200 })
  const known = failed.filter(({ peerAddress }) => peerAddress !== 'unknown')
  for (const { peerAddress } of known) expect(peerAddress).toMatch(/^127\.0\.0\.1:\d+$/)
})

test('no more unfinished handshakes than the limit for one address', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({
    tls: { certDir: world.certDir },
    limits: { maxConnectionsPerAddress: 3 },
  })
  const allowed = await Promise.all([dial(served), dial(served), dial(served)])
  const { closed, address } = await dial(served)
  await closed
  await expectOneEvent(served, 'CONNECTION_FAILED', address)
  for (const { socket } of allowed) socket.destroy()
})

test('renegotiation on TLS 1.2 is not done', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: { certDir: world.certDir } })
  const { port } = served.server
  const { cert, key } = world.client
  const socket = tlsConnect({
    port,
    host: '127.0.0.1',
    cert,
    key,
    rejectUnauthorized: false,
    maxVersion: 'TLSv1.2',
  })
  await once(socket, 'secureConnect')
  const answered = new Promise((resolve) => socket.renegotiate({}, resolve))
  const failed = once(socket, 'error')
  expect(String(await Promise.race([answered, failed]))).toMatch(/renegotiation|RENEGOTIATION/i)
  socket.destroy()
  await expectUnharmed(served, world)
})
