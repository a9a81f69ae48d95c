import { once } from 'node:events'
import { connect as tcpConnect } from 'node:net'
import { text } from 'node:stream/consumers'
import { connect, type TLSSocket } from 'node:tls'
import { expect, test } from 'vitest'
import { mtlsFetch } from '../../src/client/index.js'
import { type TlsVersion, tlsVersions } from '../support/bare-peers.js'
import { forge } from '../support/forge.js'
import { makeWorld, serveTest } from '../support/world.js'

/** A client without a certificate, whose own half of the connection stays open until it is told otherwise. */
async function stranger(port: number, version: TlsVersion): Promise<TLSSocket> {
  const socket = connect({
    socket: tcpConnect({ port, host: '127.0.0.1', allowHalfOpen: true }),
    rejectUnauthorized: false,
    minVersion: version,
    maxVersion: version,
  })
  socket.on('error', () => {})
  await once(socket, 'secureConnect')
  return socket
}

test.each(tlsVersions)(
  'even while it posts 200 kB a refused client reads the 403, on %s',
  async (version) => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: { certDir: world.certDir } })
    for (let round = 0; round < 10; round++) {
      const socket = await stranger(served.server.port, version)
      socket.on('error', () => {})
      socket.write('POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000\r\n\r\n')
      socket.write('x'.repeat(200_000))
      const answer = await text(socket)
      expect(answer).toMatch(/^HTTP\/1\.1 403 Refused: no client certificate \(CLIENT_CERT_REQUIRED\)\r\n/)
      expect(answer).toContain('Connection: close\r\n')
      expect(answer).toContain('"reason":"CLIENT_CERT_REQUIRED"')
      socket.destroy()
    }
    expect(served.events.map(({ event }) => event)).toEqual(Array(10).fill('connection-refused'))
    expect(served.calls).toEqual([])
  },
)

test.each(tlsVersions)(
  'a refused client that will not close is cut off once it had time to read, on %s',
  async (version) => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: { certDir: world.certDir } })
    const socket = await stranger(served.server.port, version)
    const chunks: Buffer[] = []
    socket.on('data', (chunk) => chunks.push(chunk))
    // What it writes comes back as a reset once the server has let go.
    const writing = setInterval(() => socket.write('more'), 20)
    await new Promise((resolve) => socket.once('close', resolve))
    clearInterval(writing)
    expect(Buffer.concat(chunks).toString()).toContain(
      '403 Refused: no client certificate (CLIENT_CERT_REQUIRED)',
    )
  },
)

test('our own client throws the reason each time, however large its request', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls })
  await using strangers = await makeWorld({ ca: world.ca, client: await forge({ commonName: 'stranger' }) })
  for (let round = 0; round < 20; round++) {
    const fetch = mtlsFetch(strangers.tls)
    const posted = fetch(served.server.url, { method: 'POST', body: 'x'.repeat(round * 20_000) })
    await expect(posted).rejects.toMatchObject({ code: 'CLIENT_CERT_REJECTED' })
    await fetch.close()
  }
  expect(served.calls).toEqual([])
})
