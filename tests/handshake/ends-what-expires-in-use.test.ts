import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { type TLSSocket, connect as tlsConnect } from 'node:tls'
import { describe } from 'vitest'
import { connect, mtlsFetch, type SecurityEvent } from '../../src/client/index.js'
import {
  bareServer,
  callAsBareClient,
  type Shown,
  type TlsVersion,
  tlsVersions,
} from '../support/bare-peers.js'
import { forge, forgeCa, writeSet } from '../support/forge.js'
import { gate, Script, slowServer } from '../support/slow-server.js'
import { httpText, mcpHeaders, toolCall } from '../support/wire.js'
import { makeWorld, serveTest, type World } from '../support/world.js'

/**
 * An end that leaves time for ten times what such a thing took on this machine just now. Certificates know whole
 * seconds, so it is one to two seconds away on a quiet one.
 */
async function endAfter(rehearsal: () => Promise<unknown>): Promise<Date> {
  const begun = Date.now()
  await rehearsal()
  const took = Date.now() - begun
  return new Date((Math.floor((Date.now() + 10 * took) / 1000) + 2) * 1000)
}

async function dial(port: number, { cert, key }: Shown, version: TlsVersion): Promise<TLSSocket> {
  const range = { minVersion: version, maxVersion: version }
  const socket = tlsConnect({ port, host: '127.0.0.1', cert, key, rejectUnauthorized: false, ...range })
  await once(socket, 'secureConnect')
  return socket
}

/** Our client calls a bare server that shows this certificate. */
async function oneCall(world: World, shown: Shown, version: TlsVersion): Promise<void> {
  await using server = await bareServer(shown, version)
  const fetch = mtlsFetch(world.tls)
  await (await fetch(server.url)).text()
  await fetch.close()
}

// They wait for one clock, so they wait together.
describe.concurrent.each(tlsVersions)('on %s', (version) => {
  describe.concurrent('a client certificate that expires while its connection is open', (it) => {
    it('is refused at the next request, on a full handshake and on a resumed one', async ({ expect }) => {
      await using world = await makeWorld()
      await using served = await serveTest({ tls: world.tls })
      const { port } = served.server
      const rehearsal = () => callAsBareClient(port, { shown: world.client, version })
      const client = await forge({ issuer: world.ca, notAfter: await endAfter(rehearsal) })
      const { status, session } = await callAsBareClient(port, { shown: client, version })
      expect(status).toBe(200)
      const kept = await dial(port, client, version)
      kept.resume()
      const ended = await served.event('connection-ended')
      expect(ended).toMatchObject({ reason: 'CERT_EXPIRED', connection: { peer: { id: 'cn:forged' } } })
      expect(Date.now()).toBeGreaterThan(ended.connection.peerCertificate?.notAfter.getTime() ?? Infinity)
      if (!kept.closed) await once(kept, 'close')
      for (const options of [{ session }, {}]) {
        const answer = await callAsBareClient(port, { shown: client, version, ...options })
        expect(answer.resumed).toBe('session' in options)
        expect(answer.status).toBe(403)
        expect(JSON.parse(answer.body)).toMatchObject({ reason: 'CERT_EXPIRED' })
      }
      expect(served.calls).toHaveLength(2)
    })

    it('ends an open stream at that moment, and the tool with it', async ({ expect }) => {
      await using world = await makeWorld()
      const script = new Script()
      await using served = await serveTest({ tls: world.tls }, () => slowServer(script))
      const rehearsal = () => callAsBareClient(served.server.port, { shown: world.client, version })
      const client = await forge({ issuer: world.ca, notAfter: await endAfter(rehearsal) })
      const socket = await dial(served.server.port, client, version)
      socket.write(httpText('/mcp', mcpHeaders, toolCall('progress')))
      const streamed = await text(socket)
      const [ended] = await served.count('connection-ended', 1)
      expect(ended).toMatchObject({ reason: 'CERT_EXPIRED' })
      expect(streamed).toContain('notifications/progress')
      await script.aborted.opened
    })
  })

  describe.concurrent('an intermediate that expires first', (it) => {
    it('ends the connection of its leaf', async ({ expect }) => {
      await using world = await makeWorld()
      await using served = await serveTest({ tls: world.tls })
      const rehearsal = () => callAsBareClient(served.server.port, { shown: world.client, version })
      const intermediate = await forgeCa({ issuer: world.ca, notAfter: await endAfter(rehearsal) })
      const leaf = await forge({ issuer: intermediate })
      const shown = { cert: leaf.cert + intermediate.cert, key: leaf.key }
      const socket = await dial(served.server.port, shown, version)
      socket.resume()
      await once(socket, 'close')
      expect((await served.event('connection-ended')).reason).toBe('CERT_EXPIRED')
    })
  })

  describe.concurrent('a server certificate that expires while our client is connected', (it) => {
    it('ends the connection, and no request goes there any more', async ({ expect }) => {
      await using world = await makeWorld()
      const notAfter = await endAfter(() => oneCall(world, world.server, version))
      const shown = await forge({ issuer: world.ca, usage: 'server', notAfter })
      await using server = await bareServer(shown, version)
      const ended = gate<SecurityEvent>()
      const fetch = mtlsFetch(world.tls, {
        onSecurityEvent: (event) => event.event === 'connection-ended' && ended.open(event),
      })
      await (await fetch(server.url)).text()
      expect(await ended.opened).toMatchObject({ side: 'client', reason: 'CERT_EXPIRED' })
      await expect(fetch(server.url)).rejects.toMatchObject({ code: 'CERT_EXPIRED' })
      expect(server.requests()).toBe(1)
      await fetch.close()
    })
  })
})

describe.concurrent('a CA that is issued anew with an earlier end', (it) => {
  it('ends the open connections of both sides at that end', async ({ expect }) => {
    await using world = await makeWorld()
    const script = new Script()
    const told = { server: [] as string[], client: [] as string[] }
    const collect = (side: 'server' | 'client') => (event: SecurityEvent) =>
      void (event.event === 'connection-ended' && told[side].push(event.reason))
    const options = { tls: world.tls, watch: false as const }
    await using served = await serveTest({ ...options, onSecurityEvent: collect('server') }, () =>
      slowServer(script),
    )
    await using client = await connect({
      ...options,
      serverUrl: served.server.url,
      log: false,
      onSecurityEvent: collect('client'),
    })
    const call = client.callTool({ name: 'wait', arguments: {} })
    call.catch(() => {})
    await script.started.opened
    const notAfter = await endAfter(() => Promise.resolve())
    await writeSet(world.certDir, { ca: await forgeCa({ keyOf: world.ca, notAfter }) })
    await Promise.all([served.server.reload(), client.reload()])
    await expect(call).rejects.toMatchObject({ name: 'MtlsError' })
    await expect.poll(() => told.server.length + told.client.length).toBeGreaterThan(0)
    expect([...told.server, ...told.client]).toContain('CERT_EXPIRED')
  })
})

describe.concurrent('a server certificate that expires during a call', (it) => {
  it('ends the call with that reason, and the call is not repeated', async ({ expect }) => {
    const ca = await forgeCa()
    await using rehearsed = await makeWorld({ ca })
    const notAfter = await endAfter(async () => {
      await using served = await serveTest({ tls: rehearsed.tls })
      await using _client = await connect({ serverUrl: served.server.url, tls: rehearsed.tls, log: false })
    })
    const server = await forge({ issuer: ca, usage: 'server', notAfter })
    await using world = await makeWorld({ ca, server })
    const script = new Script()
    await using served = await serveTest({ tls: world.tls }, () => slowServer(script))
    await using client = await connect({ serverUrl: served.server.url, tls: world.tls, log: false })
    const call = client.callTool({ name: 'wait', arguments: {} })
    await expect(call).rejects.toMatchObject({ code: 'CERT_EXPIRED' })
    expect(script.calls).toBe(1)
  })
})
