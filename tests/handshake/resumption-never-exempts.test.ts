import { describe, expect, test } from 'vitest'
import { callAsBareClient, tlsVersions } from '../support/bare-peers.js'
import { forge, forgeCa } from '../support/forge.js'
import { makeWorld, serveTest } from '../support/world.js'

describe.each(tlsVersions)('on %s', (version) => {
  test('a good client resumes, is judged again, and keeps its identity', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: { certDir: world.certDir } })
    const { port } = served.server
    const first = await callAsBareClient(port, { shown: world.client, version })
    const again = await callAsBareClient(port, { shown: world.client, version, session: first.session })
    expect([first.resumed, again.resumed, again.status]).toEqual([false, true, 200])
    const [, accepted] = await served.count('connection-accepted', 2)
    expect(accepted).toMatchObject({
      connection: { resumed: true, verified: true, peer: { id: 'cn:mcp-client', verified: true } },
    })
  })

  test('a good client whose chain has intermediates resumes as itself', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: { certDir: world.certDir } })
    const { port } = served.server
    const intermediate = await forgeCa({ issuer: world.ca })
    const leaf = await forge({ issuer: intermediate, commonName: 'agent' })
    const shown = { cert: leaf.cert + intermediate.cert, key: leaf.key }
    const first = await callAsBareClient(port, { shown, version })
    const again = await callAsBareClient(port, { shown, version, session: first.session })
    expect([again.resumed, again.status]).toEqual([true, 200])
    const [, accepted] = await served.count('connection-accepted', 2)
    expect(accepted).toMatchObject({ connection: { verified: true, peer: { id: 'cn:agent' } } })
  })

  // Node 20 calls such a resumed session authorized.
  test.each(['strict', 'demo'])(
    '%s: a client that never showed a certificate is refused on resumption too',
    async (mode) => {
      await using world = await makeWorld()
      await using served = await serveTest({ tls: { certDir: world.certDir, demoMode: mode === 'demo' } })
      const { port } = served.server
      const first = await callAsBareClient(port, { version })
      expect(first.session).toBeDefined()
      const again = await callAsBareClient(port, { version, session: first.session })
      expect(again.resumed).toBe(true)
      for (const { status, body } of [first, again]) {
        expect(status).toBe(403)
        expect(JSON.parse(body)).toMatchObject({ reason: 'CLIENT_CERT_REQUIRED' })
      }
      // Nor does a certificate that comes with the session later on count.
      const late = await callAsBareClient(port, { version, session: first.session, shown: world.client })
      expect(late.status).toBe(late.resumed ? 403 : 200)
      expect(served.calls).toHaveLength(late.resumed ? 0 : 1)
    },
  )

  test('a refused client is refused for the same reason when it resumes', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: { certDir: world.certDir } })
    const { port } = served.server
    const shown = await forge({ issuer: await forgeCa({ commonName: 'Other CA' }) })
    const first = await callAsBareClient(port, { shown, version })
    expect(first.session).toBeDefined()
    const again = await callAsBareClient(port, { shown, version, session: first.session })
    expect(again.resumed).toBe(true)
    const refused = await served.count('connection-refused', 2)
    expect(refused.map(({ reason }) => reason)).toEqual(['CLIENT_CERT_REJECTED', 'CLIENT_CERT_REJECTED'])
    expect(refused[1]).toMatchObject({ connection: { resumed: true, state: 'failed' } })
    expect(served.calls).toEqual([])
  })

  test('demo: a stranger who resumes is warned of again and stays nobody', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: { certDir: world.certDir, demoMode: true } })
    const { port } = served.server
    const shown = await forge()
    const first = await callAsBareClient(port, { shown, version })
    const again = await callAsBareClient(port, { shown, version, session: first.session })
    expect([again.resumed, again.status]).toEqual([true, 200])
    const warned = await served.count('verification-relaxed', 2)
    expect(warned[1]).toMatchObject({ relaxed: ['issuer-unknown'], connection: { verified: false } })
  })

  test('a ticket of a demo server is worthless at a strict one, of the same certificates even', async () => {
    await using world = await makeWorld()
    await using demo = await serveTest({ tls: { certDir: world.certDir, demoMode: true } })
    await using strict = await serveTest({ tls: { certDir: world.certDir } })
    const shown = await forge()
    const { status, session } = await callAsBareClient(demo.server.port, { shown, version })
    expect([status, session === undefined]).toEqual([200, false])
    const elsewhere = await callAsBareClient(strict.server.port, { shown, version, session })
    expect([elsewhere.resumed, elsewhere.status]).toEqual([false, 403])
  })

  test('a ticket of one server is worthless at another', async () => {
    await using world = await makeWorld()
    await using one = await serveTest({ tls: { certDir: world.certDir } })
    await using other = await serveTest({ tls: { certDir: world.certDir } })
    const { session } = await callAsBareClient(one.server.port, { shown: world.client, version })
    const elsewhere = await callAsBareClient(other.server.port, { shown: world.client, version, session })
    expect([elsewhere.resumed, elsewhere.status]).toEqual([false, 200])
  })
})
