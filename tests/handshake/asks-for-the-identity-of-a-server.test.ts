import { createHash, createPublicKey } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect, mtlsFetch, type SecurityEvent } from '../../src/client/index.js'
import { bareServer, tlsVersions } from '../support/bare-peers.js'
import { type Forged, type ForgeOptions, forge, forgeCa } from '../support/forge.js'
import { refusalOf } from '../support/refusal.js'
import { makeWorld, serveTest, type World } from '../support/world.js'

const weather = 'spiffe://example.org/weather'
let world: World
beforeAll(async () => {
  world = await makeWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

/** As RFC 7469 has it, by Node's own code. */
function pinOf({ key }: Forged, encoding: 'base64' | 'hex' = 'base64'): string {
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(spki).digest(encoding)
}

const nameless = (options: ForgeOptions = {}) =>
  forge({ issuer: world.ca, usage: 'server', dns: [], ip: [], uri: [weather], commonName: 'w', ...options })

interface Asked {
  readonly serverId?: string | readonly string[]
  readonly serverName?: string
  readonly demoMode?: boolean
}

async function visit(shown: Forged, { demoMode = false, ...options }: Asked, version = tlsVersions[1]) {
  await using server = await bareServer(shown, version)
  const events: SecurityEvent[] = []
  const fetch = mtlsFetch(
    { ...world.tls, demoMode },
    { watch: false, ...options, onSecurityEvent: (event) => events.push(event) },
  )
  const outcomes: unknown[] = []
  try {
    for (let at = 0; at < 2; at++) {
      // The server ends the connection, so that the second one is resumed.
      const answer = fetch(server.url, { headers: { connection: 'close' } })
      outcomes.push(
        await answer.then(
          (response) => response.text().then(() => 'ok'),
          (error) => error,
        ),
      )
    }
    const resumed = fetch.connection(server.url)?.resumed
    return {
      outcomes,
      resumed,
      events,
      requests: server.requests(),
      peer: fetch.connection(server.url)?.peer,
    }
  } finally {
    await fetch.close()
  }
}

describe.each(tlsVersions)('on %s', (version) => {
  describe.each([false, true])('demo mode %s', (demoMode) => {
    test('a server without any host name is accepted by its SPIFFE ID, full and resumed', async () => {
      const { outcomes, resumed, peer } = await visit(
        await nameless(),
        { serverId: weather, demoMode },
        version,
      )
      expect(outcomes).toEqual(['ok', 'ok'])
      expect(resumed).toBe(true)
      expect(peer).toMatchObject({ id: weather, verified: true })
    })

    test('a server is accepted by its public key, in either spelling, or as one of several', async () => {
      const shown = await nameless({ uri: [] })
      const hex = pinOf(shown, 'hex')
        .toUpperCase()
        .replace(/..(?=.)/g, '$&:')
      for (const serverId of [
        `sha256/${pinOf(shown)}`,
        `sha256/${pinOf(shown).replace('=', '')}`,
        `sha256:${hex}`,
        [weather, `sha256/${pinOf(shown)}`],
      ]) {
        const { outcomes, resumed } = await visit(shown, { serverId, demoMode }, version)
        expect(outcomes).toEqual(['ok', 'ok'])
        expect(resumed).toBe(true)
      }
    })

    test.each<[string, ForgeOptions, string]>([
      ['with another SPIFFE ID', { uri: ['spiffe://example.org/time'] }, weather],
      ['whose SPIFFE ID begins the same', { uri: [`${weather}/2`] }, weather],
      ['that has its host name instead', { uri: [], dns: ['localhost'] }, weather],
      ['that has the ID as common name', { uri: [], commonName: weather }, weather],
      ['with two URIs', { uri: ['urn:a:b'] }, weather],
      ['with another key', {}, `sha256/${'A'.repeat(43)}=`],
    ])('a server %s is refused', async (_what, options, serverId) => {
      const { outcomes, events, requests } = await visit(
        await nameless(options),
        { serverId, demoMode },
        version,
      )
      for (const error of outcomes) expect(error).toMatchObject({ code: 'SERVER_NAME_MISMATCH' })
      expect((outcomes[0] as Error & { hint: string }).hint).toContain('serverId')
      expect(events.map(({ event }) => event)).toEqual(['connection-refused', 'connection-refused'])
      expect(requests).toBe(0)
    })

    test('the identity replaces the name, never the chain', async () => {
      const expired = await nameless({ notAfter: new Date(Date.now() - 60_000) })
      for (const serverId of [weather, `sha256/${pinOf(expired)}`]) {
        const { outcomes, requests } = await visit(expired, { serverId, demoMode }, version)
        expect(outcomes[0]).toMatchObject({ code: 'CERT_EXPIRED' })
        expect(requests).toBe(0)
      }
      const client = await nameless({ usage: 'client' })
      const { outcomes } = await visit(client, { serverId: weather, demoMode }, version)
      expect(outcomes[0]).toMatchObject({ code: 'SERVER_CERT_INVALID' })
    })
  })

  test('strict: an unknown CA is refused, whatever ID or key its server has', async () => {
    const shown = await nameless({ issuer: await forgeCa({ commonName: 'Other CA' }) })
    for (const serverId of [weather, `sha256/${pinOf(shown)}`]) {
      const { outcomes } = await visit(shown, { serverId }, version)
      expect(outcomes[0]).toMatchObject({ code: 'SERVER_CERT_INVALID' })
    }
  })

  test('demo: of an unverified server the key counts, and no name in its certificate', async () => {
    const shown = await nameless({ issuer: await forgeCa({ commonName: 'Other CA' }) })
    const byName = await visit(shown, { serverId: weather, demoMode: true }, version)
    expect(byName.outcomes[0]).toMatchObject({ code: 'SERVER_NAME_MISMATCH' })
    expect(byName.requests).toBe(0)
    const byKey = await visit(shown, { serverId: `sha256/${pinOf(shown)}`, demoMode: true }, version)
    expect(byKey.outcomes).toEqual(['ok', 'ok'])
    expect(byKey.peer).toMatchObject({ verified: false })
  })
})

test('without serverId the hint names it, where the server has no DNS name', async () => {
  const without = await visit(await nameless(), {})
  const error = without.outcomes[0] as Error & { code: string; hint: string }
  expect(error.code).toBe('SERVER_NAME_MISMATCH')
  expect(error.hint).toContain('`serverId` (`--server-id')
  const named = await visit(await nameless({ dns: ['elsewhere.example'] }), {})
  expect(named.outcomes[0]).toMatchObject({ code: 'SERVER_NAME_MISMATCH' })
  expect((named.outcomes[0] as { hint: string }).hint).not.toContain('serverId')
})

test('serverName beside it is what is asked for, and no longer what is demanded', async () => {
  const { outcomes } = await visit(await nameless(), { serverId: weather, serverName: 'w.example' })
  expect(outcomes).toEqual(['ok', 'ok'])
})

test('connect asks for it too, and tells whom it found', async () => {
  await using own = await makeWorld({ ca: world.ca, server: await nameless() })
  await using served = await serveTest({ tls: own.tls })
  const options = { serverUrl: served.server.url, tls: own.tls, log: false, retryAttempts: 0 } as const
  await using client = await connect({ ...options, serverId: ['spiffe://example.org/time', weather] })
  expect((await client.listTools()).tools.length).toBeGreaterThan(0)
  expect(client.connection()?.peer).toMatchObject({ id: weather, verified: true })
  for (const serverId of ['spiffe://example.org/time', `sha256/${'A'.repeat(43)}=`])
    expect((await refusalOf(connect({ ...options, serverId }))).code).toBe('SERVER_NAME_MISMATCH')
  expect((await refusalOf(connect(options))).hint).toContain('serverId')
})
