import { describe, expect, test } from 'vitest'
import { mtlsFetch, type SecurityEvent } from '../../src/client/index.js'
import { bareServer, callAsBareClient } from '../support/bare-peers.js'
import { bothWays } from '../support/both-ways.js'
import { forge } from '../support/forge.js'
import { tamperingProxy, withExtensionTwice } from '../support/tampering.js'
import { makeWorld, serveTest } from '../support/world.js'

describe('what OpenSSL reads and we do not', () => {
  bothWays([
    {
      title: 'a certificate that has an extension twice',
      show: async (ca, usage) => withExtensionTwice(await forge({ issuer: ca, usage }), ca),
      strict: 'CERT_INVALID',
      demo: 'CERT_INVALID',
      serverVersions: ['TLSv1.3'],
    },
    {
      title: 'a self-signed certificate that has an extension twice',
      show: async (_ca, usage) => {
        const leaf = await forge({ usage })
        return withExtensionTwice(leaf, leaf)
      },
      strict: 'CERT_INVALID',
      demo: 'CERT_INVALID',
      serverVersions: ['TLSv1.3'],
    },
  ])
})

// On TLS 1.2 a certificate travels in the clear, so that it can be broken on its way; TLS 1.3 encrypts it, and what
// is broken there fails as a record.
describe.each([false, true])('a certificate broken on its way, demo mode %s', (demoMode) => {
  test('of a client: the handshake fails, is told, and others are served', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: { certDir: world.certDir, demoMode } })
    await using proxy = await tamperingProxy(served.server.port, world.client.der)
    const broken = callAsBareClient(proxy.port, { shown: world.client, version: 'TLSv1.2' })
    await expect(broken).rejects.toThrow()
    expect(proxy.hits()).toBe(1)
    expect((await served.event('handshake-failed')).reason).toBe('TLS_HANDSHAKE_FAILED')
    expect(served.events).toHaveLength(1)
    expect(served.calls).toEqual([])
    const good = await callAsBareClient(served.server.port, { shown: world.client, version: 'TLSv1.2' })
    expect(good.status).toBe(200)
  })

  test('of a server: our client refuses it before any request', async () => {
    await using world = await makeWorld()
    await using server = await bareServer(world.server, 'TLSv1.2')
    await using proxy = await tamperingProxy(server.port, world.server.der)
    const events: SecurityEvent[] = []
    const fetch = mtlsFetch(
      { certDir: world.certDir, demoMode },
      { onSecurityEvent: (event) => events.push(event) },
    )
    await expect(fetch(`https://localhost:${proxy.port}/`)).rejects.toMatchObject({
      code: 'TLS_HANDSHAKE_FAILED',
    })
    expect(proxy.hits()).toBe(1)
    expect(events.map(({ event }) => event)).toEqual(['handshake-failed'])
    expect(server.requests()).toBe(0)
    await fetch.close()
  })
})
