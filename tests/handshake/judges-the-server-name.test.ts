import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mtlsFetch, type SecurityEvent } from '../../src/client/index.js'
import type { Relaxation } from '../../src/tls/peer/verdict.js'
import { bareServer, tlsVersions } from '../support/bare-peers.js'
import { type ForgeOptions, forge } from '../support/forge.js'
import { makeWorld, type World } from '../support/world.js'

let world: World
beforeAll(async () => {
  world = await makeWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

interface Case {
  readonly title: string
  readonly names: ForgeOptions
  /** What the client asks for; `localhost` otherwise. */
  readonly host?: string
  readonly serverName?: string
}

const covered: readonly Case[] = [
  { title: 'its DNS name', names: { dns: ['localhost'] } },
  { title: 'its IP address', names: { ip: ['127.0.0.1'] }, host: '127.0.0.1' },
  {
    title: 'its IPv6 address in another spelling',
    names: { ip: ['2001:db8::1'] },
    serverName: '2001:0DB8:0:0::1',
  },
  { title: 'a wildcard for one label', names: { dns: ['*.example.org'] }, serverName: 'mcp.example.org' },
  {
    title: 'the name given instead of the host',
    names: { dns: ['mcp.example.org'] },
    serverName: 'mcp.example.org',
  },
]
const uncovered: readonly Case[] = [
  { title: 'another name', names: { dns: ['elsewhere.example'] } },
  { title: 'the name as common name alone', names: { commonName: 'localhost', dns: [], ip: [] } },
  { title: 'the IP address as a DNS name', names: { dns: ['127.0.0.1'] }, host: '127.0.0.1' },
  { title: 'the name as a URI', names: { dns: [], uri: ['https://localhost'] } },
  {
    title: 'only the host, where another name is asked for',
    names: { dns: ['localhost'] },
    serverName: 'b.example',
  },
  { title: 'a wildcard for two labels', names: { dns: ['*.example.org'] }, serverName: 'a.b.example.org' },
  { title: 'a wildcard for a whole domain', names: { dns: ['*.org'] }, serverName: 'example.org' },
]

describe.each(tlsVersions)('on %s', (version) => {
  for (const mode of ['strict', 'demo'] as const) {
    test.each(covered)(`${mode}: a server whose certificate has $title is accepted`, async (row) => {
      const { outcome, warned } = await visit(row, mode)
      expect(outcome).toBe('verified')
      expect(warned).toBeUndefined()
    })
  }

  test.each(uncovered)('strict: a server whose certificate has $title is refused', async (row) => {
    const { outcome, events, requests } = await visit(row, 'strict')
    expect(outcome).toMatchObject({ code: 'SERVER_NAME_MISMATCH' })
    expect(requests).toBe(0)
    expect(events).toHaveLength(1)
    expect(events[0]).toMatchObject({ event: 'connection-refused', reason: 'SERVER_NAME_MISMATCH' })
  })

  test.each(uncovered)(
    'demo: a server whose certificate has $title is accepted, warned of, and nobody',
    async (row) => {
      const { outcome, warned } = await visit(row, 'demo')
      expect(outcome).toBe('unverified')
      expect(warned).toEqual(['name-mismatch'])
    },
  )

  test('demo: under an unknown issuer, too, the name is looked at', async () => {
    const shown = await forge({ usage: 'server', dns: ['elsewhere.example'] })
    const { outcome, warned } = await visit({ names: {} }, 'demo', shown)
    expect(outcome).toBe('unverified')
    expect(warned).toEqual(['issuer-unknown', 'name-mismatch'])
  })

  async function visit(
    { names, host = 'localhost', serverName }: Omit<Case, 'title'>,
    mode: 'strict' | 'demo',
    shown?: Awaited<ReturnType<typeof forge>>,
  ) {
    const certificate = shown ?? (await forge({ issuer: world.ca, usage: 'server', ...names }))
    await using server = await bareServer(certificate, version)
    const events: SecurityEvent[] = []
    const fetch = mtlsFetch(
      { certDir: world.certDir, demoMode: mode === 'demo' },
      { serverName, onSecurityEvent: (event) => events.push(event) },
    )
    const url = `https://${host}:${server.port}/`
    const outcome = await fetch(url).then(
      () => (fetch.connection(url)?.peer?.verified ? 'verified' : 'unverified'),
      (error: unknown) => error,
    )
    await fetch.close()
    const warning = events.find(({ event }) => event === 'verification-relaxed') as
      | { relaxed: readonly Relaxation[] }
      | undefined
    return { outcome, events, warned: warning?.relaxed, requests: server.requests() }
  }
})
