import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:tls'
import { describe, expect, test } from 'vitest'
import { mtlsFetch, type SecurityEvent } from '../../src/client/index.js'
import { bareServer, callAsBareClient, tlsVersions } from '../support/bare-peers.js'
import { stolen } from '../support/tampering.js'
import { makeWorld, serveTest } from '../support/world.js'

describe.each(['strict', 'demo'] as const)('in %s mode', (mode) => {
  const demoMode = mode === 'demo'

  test.each(tlsVersions)(
    'a client that shows no certificate is refused and told so, on %s',
    async (version) => {
      await using world = await makeWorld()
      await using served = await serveTest({ tls: { certDir: world.certDir, demoMode } })
      const answer = await callAsBareClient(served.server.port, { version })
      expect(answer.status).toBe(403)
      expect(JSON.parse(answer.body)).toMatchObject({
        error: { data: { error: 'mtls_rejected' } },
        reason: 'CLIENT_CERT_REQUIRED',
      })
      expect(served.events).toHaveLength(1)
      expect(served.events[0]).toMatchObject({
        event: 'connection-refused',
        reason: 'CLIENT_CERT_REQUIRED',
        mode,
      })
      expect(served.calls).toEqual([])
    },
  )

  test.each(tlsVersions)(
    'a client with the certificate of another and no key of it is refused, on %s',
    async (version) => {
      await using world = await makeWorld()
      await using served = await serveTest({ tls: { certDir: world.certDir, demoMode } })
      const call = callAsBareClient(served.server.port, { shown: stolen(world.client), version })
      await expect(call).rejects.toMatchObject({
        code: expect.stringMatching(/DECRYPT_ERROR|EPROTO|ECONNRESET/),
      })
      const failed = await served.event('handshake-failed')
      expect(failed).toMatchObject({ reason: 'TLS_HANDSHAKE_FAILED', mode })
      expect(failed.message).toContain('could not prove that it has the key')
      expect(failed.peerAddress).toMatch(/^127\.0\.0\.1:\d+$/)
      expect(served.events).toHaveLength(1)
      expect(served.calls).toEqual([])
      expect((await callAsBareClient(served.server.port, { shown: world.client, version })).status).toBe(200)
    },
  )

  test.each(tlsVersions)(
    'a server with the certificate of another and no key of it is refused, on %s',
    async (version) => {
      await using world = await makeWorld()
      await using server = await bareServer(stolen(world.server), version)
      const events: SecurityEvent[] = []
      const fetch = mtlsFetch(
        { certDir: world.certDir, demoMode },
        { onSecurityEvent: (event) => events.push(event) },
      )
      await expect(fetch(server.url)).rejects.toMatchObject({
        code: 'TLS_HANDSHAKE_FAILED',
        message: expect.stringContaining('could not prove that it has the key'),
      })
      expect(events).toHaveLength(1)
      expect(events[0]).toMatchObject({ event: 'handshake-failed', reason: 'TLS_HANDSHAKE_FAILED', mode })
      expect(server.requests()).toBe(0)
      await fetch.close()
    },
  )

  test('a server that shows no certificate finds no suite with us', async () => {
    await using world = await makeWorld()
    const anonymous = createServer({ ciphers: 'aNULL:@SECLEVEL=0', maxVersion: 'TLSv1.2' })
    anonymous.on('tlsClientError', (_error, socket) => socket.destroy())
    await once(anonymous.listen(0, '127.0.0.1'), 'listening')
    const { port } = anonymous.address() as AddressInfo
    const fetch = mtlsFetch({ certDir: world.certDir, demoMode })
    await expect(fetch(`https://localhost:${port}/`)).rejects.toMatchObject({ code: 'CIPHER_MISMATCH' })
    await fetch.close()
    anonymous.close()
  })
})
