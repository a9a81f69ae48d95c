import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { connect as tlsConnect } from 'node:tls'
import { afterEach, expect, test, vi } from 'vitest'
import { mtlsFetch, type SecurityEvent } from '../../src/client/index.js'
import { bareServer, tlsVersions } from '../support/bare-peers.js'
import { forge } from '../support/forge.js'
import { httpText, mcpHeaders, toolCall } from '../support/wire.js'
import { makeWorld, serveTest } from '../support/world.js'

// The clock jumps and no timer has fired: what is left is the look at each request.
function jump(days: number) {
  vi.setSystemTime(Date.now() + days * 86_400_000)
}
afterEach(() => {
  vi.useRealTimers()
})

test.each(tlsVersions)('a client that has expired is told so at its next request, on %s', async (version) => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls })
  const { cert, key } = world.client
  const range = { minVersion: version, maxVersion: version }
  const { port } = served.server
  const socket = tlsConnect({ port, host: '127.0.0.1', cert, key, rejectUnauthorized: false, ...range })
  await once(socket, 'secureConnect')
  const request = httpText('/mcp', mcpHeaders, toolCall('echo', { text: 'hello' }))
  const first = once(socket, 'data')
  socket.write(request)
  expect(String((await first)[0])).toContain('200 OK')

  jump(400)
  socket.write(request + request + request)
  const rest = await text(socket)
  expect(rest).toContain('403 Refused: certificate expired (CERT_EXPIRED)')
  expect(rest).toContain('"reason":"CERT_EXPIRED"')
  expect(rest.toLowerCase()).toContain('connection: close')
  expect(served.calls).toEqual(['hello'])
  await served.event('connection-closed')
  const ended = await served.count('connection-ended', 1)
  expect(ended.map(({ reason }) => reason)).toEqual(['CERT_EXPIRED'])
})

test.each(tlsVersions)('our client sends nothing to a server that has expired, on %s', async (version) => {
  await using world = await makeWorld()
  const shown = await forge({ issuer: world.ca, usage: 'server' })
  await using server = await bareServer(shown, version)
  const events: SecurityEvent[] = []
  const fetch = mtlsFetch(world.tls, { onSecurityEvent: (event) => events.push(event) })
  await (await fetch(server.url)).text()
  jump(400)
  await expect(fetch(server.url)).rejects.toMatchObject({ code: 'CERT_EXPIRED' })
  expect(server.requests()).toBe(1)
  const ended = events.filter(({ event }) => event === 'connection-ended')
  expect(ended).toHaveLength(1)
  expect(ended[0]).toMatchObject({ reason: 'CERT_EXPIRED', side: 'client' })
  await fetch.close()
})

test.each(tlsVersions)(
  'our client judges a resumed session by what the full one showed, on %s',
  async (version) => {
    await using world = await makeWorld()
    await using server = await bareServer(await forge({ issuer: world.ca, usage: 'server' }), version)
    const events: SecurityEvent[] = []
    const fetch = mtlsFetch(world.tls, { onSecurityEvent: (event) => events.push(event) })
    const once = async () => (await fetch(server.url, { headers: { connection: 'close' } })).text()
    await once()
    await once()
    expect(fetch.connection(server.url)).toMatchObject({
      resumed: true,
      verified: true,
      peer: { id: 'dns:localhost' },
    })
    jump(400)
    await expect(once()).rejects.toMatchObject({ code: 'CERT_EXPIRED' })
    expect(server.requests()).toBe(2)
    expect(events.at(-1)).toMatchObject({ event: 'connection-refused', connection: { resumed: true } })
    await fetch.close()
  },
)
