import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mtlsFetch, type SecurityEvent } from '../../src/client/index.js'
import type { TlsOptions } from '../../src/server/index.js'
import { bareServer, callAsBareClient, type Shown, tlsVersions } from '../support/bare-peers.js'
import { type Forged, type ForgeOptions, forge, forgeCa } from '../support/forge.js'
import { refusalOf } from '../support/refusal.js'
import { makeWorld, type Served, serveTest, type World } from '../support/world.js'

const ours = 'example.org'
const theirs = 'partner.example'
const shownWith = (leaf: Forged, ...chain: Forged[]): Shown => ({
  cert: [leaf, ...chain].map(({ cert }) => cert).join(''),
  key: leaf.key,
})
const leafOf = (issuer: Forged, uri: string, usage: 'client' | 'server') =>
  forge({ issuer, usage, commonName: 'peer', uri: [uri], dns: usage === 'server' ? ['localhost'] : [] })

/** Our CA and a partner's, in `ca.crt` together, or each in a file of its own. */
interface Cas {
  readonly world: World
  readonly ca: Forged
  readonly partner: Forged
  readonly tls: TlsOptions
}

async function marked(): Promise<Cas> {
  const ca = await forgeCa({ commonName: 'Our CA', uri: [`spiffe://${ours}`] })
  const partner = await forgeCa({ commonName: 'Partner CA', uri: [`spiffe://${theirs}`] })
  const world = await makeWorld({ ca })
  await writeFile(join(world.certDir, 'ca.crt'), ca.cert + partner.cert)
  return { world, ca, partner, tls: world.tls }
}

async function bySetting(): Promise<Cas> {
  const [ca, partner] = [await forgeCa({ commonName: 'Our CA' }), await forgeCa({ commonName: 'Partner CA' })]
  const world = await makeWorld({ ca })
  const file = join(world.certDir, 'partner.crt')
  await writeFile(file, partner.cert)
  const trustDomains = { [ours]: join(world.certDir, 'ca.crt'), [theirs]: [file] }
  return { world, ca, partner, tls: { ...world.tls, trustDomains } }
}

const ways = [
  ['by their own URIs', marked],
  ['by the setting', bySetting],
] as const

describe.each(ways)('two CAs that are bound %s', (_how, make) => {
  let cas: Cas
  beforeAll(async () => {
    cas = await make()
  })
  afterAll(() => cas.world[Symbol.asyncDispose]())

  describe.each(['strict', 'demo'] as const)('in %s mode', (mode) => {
    let served: Served
    const tls = () => ({ ...cas.tls, demoMode: mode === 'demo' })
    beforeAll(async () => {
      served = await serveTest({ tls: tls() })
    })
    afterAll(() => served[Symbol.asyncDispose]())

    test.each(tlsVersions)(
      'a client of the partner that says it is one of ours is refused (%s)',
      async (version) => {
        const shown = await leafOf(cas.partner, `spiffe://${ours}/boss`, 'client')
        const first = await callAsBareClient(served.server.port, { shown, version })
        expect(first.status).toBe(403)
        expect(JSON.parse(first.body)).toMatchObject({ reason: 'CERT_INVALID' })
        expect(first.body).toContain('Partner CA may not give: it speaks for partner.example alone')
        const again = await callAsBareClient(served.server.port, { shown, version, session: first.session })
        expect(again.status).toBe(403)
        expect(served.calls).toEqual([])
      },
    )

    test.each(tlsVersions)(
      'a server of the partner that says it is one of ours is refused (%s)',
      async (version) => {
        const shown = await leafOf(cas.partner, `spiffe://${ours}/boss`, 'server')
        await using server = await bareServer(shown, version)
        await using fetch = client(tls())
        const error = await refusalOf(fetch.get(server.url))
        expect(error.code).toBe('SERVER_CERT_INVALID')
        expect(error.message).toContain('it speaks for partner.example alone')
        expect(server.requests()).toBe(0)
      },
    )

    test('each may give the SPIFFE IDs of its own domain, which vouches for them', async () => {
      for (const [issuer, domain] of [
        [cas.ca, ours],
        [cas.partner, theirs],
      ] as const) {
        const shown = await leafOf(issuer, `spiffe://${domain}/agent`, 'client')
        expect((await callAsBareClient(served.server.port, { shown })).status).toBe(200)
        const peer = {
          id: `spiffe://${domain}/agent`,
          verified: true,
          trustDomain: domain,
          domainsBound: true,
        }
        expect(peersOf(served.events).at(-1)).toMatchObject(peer)
        await using server = await bareServer(await leafOf(issuer, `spiffe://${domain}/server`, 'server'))
        await using fetch = client(tls())
        expect((await fetch.get(server.url)).status).toBe(200)
        expect(fetch.connection(server.url)?.peer).toMatchObject({ trustDomain: domain, domainsBound: true })
      }
      served.calls.length = 0
    })

    test('other names stay usable, and the domain of their CA stands beside them', async () => {
      const shown = await forge({ issuer: cas.partner, commonName: 'boss', dns: ['boss.example.org'] })
      expect((await callAsBareClient(served.server.port, { shown })).status).toBe(200)
      const peer = { id: 'dns:boss.example.org', trustDomain: theirs, domainsBound: true }
      expect(peersOf(served.events).at(-1)).toMatchObject(peer)
      served.calls.length = 0
    })

    test('an intermediate of the partner does not help, whatever it says of itself', async () => {
      for (const options of [{}, { uri: [`spiffe://${ours}`] }] satisfies ForgeOptions[]) {
        const middle = await forgeCa({ issuer: cas.partner, ...options })
        const leaf = await leafOf(middle, `spiffe://${ours}/boss`, 'client')
        const answer = await callAsBareClient(served.server.port, { shown: shownWith(leaf, middle) })
        expect(answer.status).toBe(403)
        expect(JSON.parse(answer.body)).toMatchObject({ reason: 'CERT_INVALID' })
      }
    })

    test('an intermediate of ours that is for another domain may give neither', async () => {
      const middle = await forgeCa({ issuer: cas.ca, uri: [`spiffe://${theirs}`] })
      for (const domain of [ours, theirs]) {
        const leaf = await leafOf(middle, `spiffe://${domain}/agent`, 'client')
        const answer = await callAsBareClient(served.server.port, { shown: shownWith(leaf, middle) })
        expect(JSON.parse(answer.body)).toMatchObject({ reason: 'CERT_INVALID' })
      }
      const other = await forge({ issuer: middle, commonName: 'agent' })
      const answer = await callAsBareClient(served.server.port, { shown: shownWith(other, middle) })
      expect(answer.status).toBe(200)
      expect(peersOf(served.events).at(-1)).toMatchObject({ id: 'cn:agent', trustDomain: undefined })
      served.calls.length = 0
    })

    test('an intermediate of ours may give what we may', async () => {
      const middle = await forgeCa({ issuer: cas.ca })
      const leaf = await leafOf(middle, `spiffe://${ours}/agent`, 'client')
      const answer = await callAsBareClient(served.server.port, { shown: shownWith(leaf, middle) })
      expect(answer.status).toBe(200)
      expect(peersOf(served.events).at(-1)).toMatchObject({ trustDomain: ours })
      served.calls.length = 0
    })

    test('that our CA has signed the key of the partner does not make it one of ours', async () => {
      const crossed = await forgeCa({ issuer: cas.ca, keyOf: cas.partner, commonName: 'Partner CA' })
      const boss = await leafOf(cas.partner, `spiffe://${ours}/boss`, 'client')
      const refused = await callAsBareClient(served.server.port, { shown: shownWith(boss, crossed) })
      expect(JSON.parse(refused.body)).toMatchObject({ reason: 'CERT_INVALID' })
      const theirAgent = await leafOf(cas.partner, `spiffe://${theirs}/agent`, 'client')
      const accepted = await callAsBareClient(served.server.port, { shown: shownWith(theirAgent, crossed) })
      expect(accepted.status).toBe(200)
      const named = await forge({ issuer: cas.partner, commonName: 'boss' })
      await callAsBareClient(served.server.port, { shown: shownWith(named, crossed) })
      expect(peersOf(served.events).at(-1)).toMatchObject({ id: 'cn:boss', trustDomain: theirs })
      served.calls.length = 0
    })
  })
})

test('an intermediate that both have signed speaks for each, and names beside it for none', async () => {
  await using cas = await bySetting().then(disposable)
  await using served = await serveTest({ tls: cas.tls })
  const byUs = await forgeCa({ issuer: cas.ca })
  const byThem = await forgeCa({ issuer: cas.partner, keyOf: byUs })
  for (const domain of [ours, theirs]) {
    const leaf = await leafOf(byUs, `spiffe://${domain}/agent`, 'client')
    await callAsBareClient(served.server.port, { shown: shownWith(leaf, byUs, byThem) })
    expect(peersOf(served.events).at(-1)).toMatchObject({ trustDomain: domain })
  }
  const named = await forge({ issuer: byUs, commonName: 'agent' })
  await callAsBareClient(served.server.port, { shown: shownWith(named, byUs, byThem) })
  expect(peersOf(served.events).at(-1)).toMatchObject({ id: 'cn:agent', trustDomain: undefined })
})

test('a CA that is not bound may give no SPIFFE ID once another is bound', async () => {
  await using cas = await bySetting().then(disposable)
  const tls = { ...world(cas).tls, trustDomains: { [theirs]: join(world(cas).certDir, 'partner.crt') } }
  await using served = await serveTest({ tls })
  for (const domain of [ours, theirs, 'third.example']) {
    const shown = await leafOf(cas.ca, `spiffe://${domain}/agent`, 'client')
    const { status, body } = await callAsBareClient(served.server.port, { shown })
    expect(status).toBe(403)
    expect(body).toContain('it is bound to no trust domain')
    await using server = await bareServer(await leafOf(cas.ca, `spiffe://${domain}/server`, 'server'))
    await using fetch = client(tls)
    expect((await refusalOf(fetch.get(server.url))).code).toBe('SERVER_CERT_INVALID')
  }
  const shown = await forge({ issuer: cas.ca, commonName: 'agent' })
  expect((await callAsBareClient(served.server.port, { shown })).status).toBe(200)
  expect(peersOf(served.events).at(-1)).toMatchObject({ id: 'cn:agent', trustDomain: undefined })
})

test('a partner whose CA calls itself by our domain does not get it, where a setting says who has it', async () => {
  await using cas = await bySetting().then(disposable)
  const liar = await forgeCa({ commonName: 'Liar', uri: [`spiffe://${ours}`] })
  const { certDir, tls } = world(cas)
  await writeFile(join(certDir, 'ours.crt'), cas.ca.cert)
  await writeFile(join(certDir, 'ca.crt'), cas.ca.cert + liar.cert)
  const trustDomains = { [ours]: join(certDir, 'ours.crt') }
  await using served = await serveTest({ tls: { ...tls, trustDomains } })
  for (const [issuer, status] of [
    [cas.ca, 200],
    [liar, 403],
  ] as const) {
    const shown = await leafOf(issuer, `spiffe://${ours}/agent`, 'client')
    expect((await callAsBareClient(served.server.port, { shown })).status).toBe(status)
  }
})

test('without any binding every CA may give any SPIFFE ID, and nobody vouches', async () => {
  await using cas = await bySetting().then(disposable)
  await writeFile(join(world(cas).certDir, 'ca.crt'), cas.ca.cert + cas.partner.cert)
  await using served = await serveTest({ tls: world(cas).tls })
  const shown = await leafOf(cas.partner, `spiffe://${ours}/boss`, 'client')
  expect((await callAsBareClient(served.server.port, { shown })).status).toBe(200)
  expect(peersOf(served.events).at(-1)).toMatchObject({ trustDomain: undefined, domainsBound: false })
})

test('a CA whose own URI is no SPIFFE ID, or one of two, may give none', async () => {
  for (const uri of [['spiffe://Example.org'], [`spiffe://${ours}`, `spiffe://${theirs}`]]) {
    const ca = await forgeCa({ uri })
    await using world = await makeWorld({ ca })
    await using served = await serveTest({ tls: world.tls })
    const shown = await leafOf(ca, `spiffe://${ours}/agent`, 'client')
    const { body } = await callAsBareClient(served.server.port, { shown })
    expect(body).toContain('its own SPIFFE ID is not valid')
  }
})

test('demo: who signs for himself under a foreign domain is nobody, as ever', async () => {
  await using cas = await marked().then(disposable)
  await using served = await serveTest({ tls: { ...cas.tls, demoMode: true } })
  const shown = await forge({ commonName: 'boss', uri: [`spiffe://${ours}/boss`] })
  expect((await callAsBareClient(served.server.port, { shown })).status).toBe(200)
  const [peer] = peersOf(served.events)
  expect(peer).toMatchObject({ verified: false, trustDomain: undefined, domainsBound: true })
  expect(peer?.id).toMatch(/^unverified:/)
})

test('demo: an unknown CA that says its domain may not give another', async () => {
  await using cas = await marked().then(disposable)
  await using served = await serveTest({ tls: { ...cas.tls, demoMode: true } })
  const unknown = await forgeCa({ commonName: 'Unknown CA', uri: [`spiffe://${theirs}`] })
  const leaf = await leafOf(unknown, `spiffe://${ours}/boss`, 'client')
  const { body } = await callAsBareClient(served.server.port, { shown: shownWith(leaf, unknown) })
  expect(JSON.parse(body)).toMatchObject({ reason: 'CERT_INVALID' })
})

describe('when the files of a trust domain change', () => {
  test.each(tlsVersions)(
    'connections and tickets of who no longer qualifies are worth nothing (%s)',
    async (version) => {
      await using cas = await bySetting().then(disposable)
      const { certDir } = world(cas)
      const second = await forgeCa({ commonName: 'Second CA' })
      await writeFile(join(certDir, 'partner.crt'), cas.partner.cert + second.cert)
      await using served = await serveTest({ tls: cas.tls, watch: false })
      const { port, url } = served.server
      const [lost, kept] = await Promise.all(
        [second, cas.partner].map((ca) => leafOf(ca, `spiffe://${theirs}/agent`, 'client')),
      )
      if (!lost || !kept) throw new Error('no leaves')
      const before = await callAsBareClient(port, { shown: lost, version })
      expect([before.status, before.session === undefined]).toEqual([200, false])
      await using open = await clientWith(lost, cas)
      await using good = await clientWith(kept, cas)
      for (const fetch of [open, good]) expect((await fetch.get(url)).status).not.toBe(403)

      // The second CA is ours now: it may give the IDs of the partner no more.
      await writeFile(join(certDir, 'partner.crt'), cas.partner.cert)
      await writeFile(join(certDir, 'ca.crt'), cas.ca.cert + second.cert)
      expect(await served.server.reload()).toBe(true)
      expect(await served.event('connection-ended')).toMatchObject({
        reason: 'CERT_INVALID',
        connection: { peer: { id: `spiffe://${theirs}/agent` } },
      })
      const after = await callAsBareClient(port, { shown: lost, version, session: before.session })
      expect([after.resumed, after.status]).toEqual([false, 403])
      expect((await refusalOf(open.get(url))).code).toBe('CERT_INVALID')
      expect((await good.get(url)).status).not.toBe(403)
      const ended = served.events.filter(({ event }) => event === 'connection-ended')
      expect(ended).toHaveLength(1)
    },
  )

  test('a client closes its connections to a server that no longer qualifies', async () => {
    await using cas = await bySetting().then(disposable)
    const { certDir } = world(cas)
    await using server = await bareServer(await leafOf(cas.partner, `spiffe://${theirs}/server`, 'server'))
    const events: SecurityEvent[] = []
    await using fetch = client(cas.tls, { onSecurityEvent: (event) => events.push(event) })
    expect((await fetch.get(server.url)).status).toBe(200)
    await writeFile(join(certDir, 'ca.crt'), cas.ca.cert + cas.partner.cert)
    await writeFile(join(certDir, 'partner.crt'), (await forgeCa({ commonName: 'Third CA' })).cert)
    expect(await fetch.reload()).toBe(true)
    expect(events).toContainEqual(
      expect.objectContaining({ event: 'connection-ended', reason: 'SERVER_CERT_INVALID' }),
    )
    expect((await refusalOf(fetch.get(server.url))).code).toBe('SERVER_CERT_INVALID')
  })

  test.each([
    ['is empty', () => ''],
    ['holds no CA', ({ world }: Cas) => world.client.cert],
    ['names a CA of another domain', ({ ca }: Cas) => ca.cert],
    ['lacks the root', async ({ partner }: Cas) => (await forgeCa({ issuer: partner })).cert],
  ])('one that %s changes nothing, and stops a start', async (_what, text) => {
    await using cas = await bySetting().then(disposable)
    await using served = await serveTest({ tls: cas.tls, watch: false })
    await writeFile(join(world(cas).certDir, 'partner.crt'), await text(cas))
    expect((await refusalOf(served.server.reload())).code).toBe('RELOAD_FAILED')
    const shown = await leafOf(cas.partner, `spiffe://${theirs}/agent`, 'client')
    expect((await callAsBareClient(served.server.port, { shown })).status).toBe(200)
    const error = await refusalOf(serveTest({ tls: cas.tls }))
    expect(error.code).toBe('CERT_INVALID')
    expect(error.message).toContain('partner.crt')
  })

  test('they are watched like the others', async () => {
    await using cas = await bySetting().then(disposable)
    await using served = await serveTest({ tls: cas.tls, watch: { debounceMs: 1, pollMs: 50 } })
    const second = await forgeCa({ commonName: 'Second CA' })
    await writeFile(join(world(cas).certDir, 'partner.crt'), cas.partner.cert + second.cert)
    await served.event('reload-succeeded')
    const shown = await leafOf(second, `spiffe://${theirs}/agent`, 'client')
    expect((await callAsBareClient(served.server.port, { shown })).status).toBe(200)
  })

  test('one that is not there stops the start, and says which', async () => {
    await using cas = await bySetting().then(disposable)
    await rm(join(world(cas).certDir, 'partner.crt'))
    const error = await refusalOf(serveTest({ tls: cas.tls }))
    expect(error.code).toBe('CERT_NOT_FOUND')
    expect(error.message).toContain('trustDomains')
  })
})

async function clientWith(leaf: Forged, { world }: Cas) {
  const directory = await mkdtemp(join(world.certDir, 'of-'))
  const [clientCert, clientKey] = [join(directory, 'client.crt'), join(directory, 'client.key')]
  await writeFile(clientCert, leaf.cert)
  await writeFile(clientKey, leaf.key, { mode: 0o600 })
  return client({
    certDir: world.certDir,
    caCert: await copyOf(join(world.certDir, 'ca.crt'), directory),
    clientCert,
    clientKey,
  })
}

async function copyOf(path: string, directory: string): Promise<string> {
  const copy = join(directory, 'ca.crt')
  await copyFile(path, copy)
  return copy
}

function world({ world }: Pick<Cas, 'world'>): World {
  return world
}

function disposable(cas: Cas): Cas & AsyncDisposable {
  return { ...cas, [Symbol.asyncDispose]: () => cas.world[Symbol.asyncDispose]() }
}

function peersOf(events: readonly SecurityEvent[]) {
  return events.flatMap((event) => (event.event === 'connection-accepted' ? [event.connection.peer] : []))
}

function client(tls: TlsOptions, options: Parameters<typeof mtlsFetch>[1] = {}) {
  const fetch = mtlsFetch(tls, { watch: false, ...options })
  return {
    get: (url: string) => fetch(url),
    connection: (url: string) => fetch.connection(url),
    reload: () => fetch.reload(),
    [Symbol.asyncDispose]: () => fetch.close(),
  }
}
