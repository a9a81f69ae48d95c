import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { connect, mtlsFetch } from '../../src/client/index.js'
import { callAsBareClient } from '../support/bare-peers.js'
import { bothWays, type Row } from '../support/both-ways.js'
import {
  corruptSignature,
  type ForgeCaOptions,
  type Forged,
  forge,
  forgeCa,
  forgeCrl,
} from '../support/forge.js'
import { makeWorld, serveTest } from '../support/world.js'

const day = 86_400_000
const expired = { notBefore: new Date(Date.now() - 9 * day), notAfter: new Date(Date.now() - day) }

const bundle = (first: Forged, ...others: Forged[]): Forged => ({
  ...first,
  cert: [first, ...others].map(({ cert }) => cert).join(''),
})
const accepted = { strict: 'accepted', demo: 'accepted' } as const

describe.each([
  ['the expired one first', (old: Forged, renewed: Forged) => bundle(old, renewed)],
  ['the renewed one first', (old: Forged, renewed: Forged) => bundle(renewed, old)],
])('with a CA that was renewed with its key, both in the file, %s', (_order, both) => {
  const row: Row = {
    title: 'a certificate of it',
    show: (ca, usage) => forge({ issuer: ca, usage }),
    ...accepted,
  }
  bothWays([row], async () => {
    const old = await forgeCa(expired)
    return { ca: both(old, await forgeCa({ keyOf: old })) }
  })
})

describe('with an intermediate that was renewed with its key', () => {
  let old: Forged
  let renewed: Forged
  const shown =
    (order: () => readonly Forged[]): Row['show'] =>
    async (_ca, usage) => {
      const leaf = await forge({ issuer: renewed, usage })
      return bundle(leaf, ...order())
    }
  bothWays(
    [
      { title: 'the new one alone', show: shown(() => [renewed]), ...accepted },
      { title: 'the new one before the old one', show: shown(() => [renewed, old]), ...accepted },
      { title: 'the old one before the new one', show: shown(() => [old, renewed]), ...accepted },
      {
        title: 'the old one alone',
        show: shown(() => [old]),
        strict: 'CERT_EXPIRED',
        demo: 'CERT_EXPIRED',
      },
    ],
    async () => {
      const ca = await forgeCa()
      old = await forgeCa({ issuer: ca, ...expired })
      renewed = await forgeCa({ issuer: ca, keyOf: old })
      return { ca }
    },
  )
})

describe.each([
  ['that allows no CA below it', { pathLength: 0 }],
  [
    'that may not give the name',
    { nameConstraints: { excluded: [{ dns: 'localhost' }, { directory: {} }] } },
  ],
  ['signed with SHA-1', { hash: 'SHA-1' }],
  ['that may not sign certificates', { keyUsage: ['cRLSign'] }],
  ['that may give certificates for another use', { usage: ['1.3.6.1.5.5.7.3.3'] }],
  ['with a critical extension that nobody knows', { criticalUnknown: true }],
] as const)('with a certificate of an intermediate %s beside a good one', (_what, fault) => {
  let good: Forged
  let bad: Forged
  let issuer: Forged
  const rows = [
    ['before', () => [bad, good]],
    ['after', () => [good, bad]],
  ].map(
    ([where, both]): Row => ({
      title: `it stands ${where} the good one`,
      show: async (_ca, usage) =>
        bundle(await forge({ issuer, usage }), issuer, ...(both as () => Forged[])()),
      ...accepted,
    }),
  )
  bothWays(rows, async () => {
    const ca = await forgeCa()
    good = await forgeCa({ issuer: ca, commonName: 'Upper' })
    bad = await forgeCa({ issuer: ca, commonName: 'Upper', keyOf: good, ...(fault as ForgeCaOptions) })
    issuer = await forgeCa({ issuer: good, commonName: 'Lower' })
    return { ca }
  })
})

describe('where names differ in case and spaces alone', () => {
  let issuer: Forged
  bothWays(
    [{ title: 'a certificate of it', show: (_ca, usage) => forge({ issuer, usage }), ...accepted }],
    async () => {
      const ca = await forgeCa({ commonName: 'The  CA', organization: 'Example Corp' })
      const other = await forgeCa({ commonName: 'the ca', organization: 'EXAMPLE Corp', keyOf: ca })
      issuer = { ...ca, subject: other.subject }
      return { ca, crl: await forgeCrl({ issuer, revoked: [] }) }
    },
  )
})

test('ten certificates and a root that is not shown are a way', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls })
  const chain = [world.ca]
  while (chain.length < 10)
    chain.unshift(await forgeCa({ issuer: chain[0] as Forged, commonName: `CA ${chain.length}` }))
  const shown = bundle(await forge({ issuer: chain[0] as Forged }), ...chain.slice(0, 9))
  expect((await callAsBareClient(served.server.port, { shown })).status).toBe(200)
})

describe('with three intermediates', () => {
  let chain: readonly Forged[]
  const rows = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
  ].map((order): Row => {
    return {
      title: `the CAs after its leaf in the order ${order}`,
      show: async (_ca, usage) =>
        bundle(
          await forge({ issuer: chain[0] as Forged, usage }),
          ...order.map((index) => chain[index] as Forged),
        ),
      ...accepted,
    }
  })
  bothWays(rows, async () => {
    const ca = await forgeCa()
    const top = await forgeCa({ issuer: ca, commonName: 'Top' })
    const middle = await forgeCa({ issuer: top, commonName: 'Middle' })
    chain = [await forgeCa({ issuer: middle, commonName: 'Low' }), middle, top]
    return { ca }
  })
})

describe('with an intermediate that stands in the file of the CAs', () => {
  let intermediate: Forged
  const below: Row['show'] = (_ca, usage) => forge({ issuer: intermediate, usage })
  bothWays([{ title: 'a certificate of it, shown alone', show: below, ...accepted }], async () => {
    const root = await forgeCa()
    intermediate = await forgeCa({ issuer: root })
    return {
      ca: {
        ...bundle(intermediate, root),
        privateKey: root.privateKey,
        subject: root.subject,
        keyId: root.keyId,
      },
    }
  })
})

describe('with a CA that may give some names alone', () => {
  const named =
    (...dns: string[]): Row['show'] =>
    (ca, usage) =>
      forge({ issuer: ca, usage, dns, ip: [] })
  bothWays(
    [
      { title: 'a name that it may give', show: named('localhost'), ...accepted },
      {
        title: 'one that it may not',
        show: named('localhost', 'elsewhere.example'),
        strict: 'CERT_INVALID',
        demo: 'CERT_INVALID',
      },
    ],
    async () => {
      const ca = await forgeCa({ nameConstraints: { permitted: [{ dns: 'localhost' }] } })
      const leaf = (usage: 'client' | 'server') => forge({ issuer: ca, usage, dns: ['localhost'], ip: [] })
      return { ca, server: await leaf('server'), client: await leaf('client') }
    },
  )
})

test('a root whose signature is not its own is called that', async () => {
  await using world = await makeWorld({ ca: corruptSignature(await forgeCa()) })
  await expect(serveTest({ tls: world.tls })).rejects.toMatchObject({
    code: 'CERT_INVALID',
    message: expect.stringContaining(
      'CN=Forged CA names itself as its issuer, and its signature is not its own',
    ),
  })
})

test.each(['server', 'client'])('a %s says at its start which root is missing', async (side) => {
  const root = await forgeCa({ commonName: 'The Root' })
  const issuing = await forgeCa({ issuer: root, commonName: 'Issuing' })
  await using world = await makeWorld({ ca: issuing })
  const start = { server: () => serveTest({ tls: world.tls }), client: () => mtlsFetch(world.tls).reload() }
  await expect(start[side as keyof typeof start]()).rejects.toMatchObject({
    code: 'CERT_INVALID',
    message: expect.stringMatching(
      /ca\.crt has no root CA in it: CN=Issuing was issued by CN=The Root, whose/,
    ),
    hint: expect.stringContaining('CN=The Root'),
  })
})

test('an open connection outlives the old certificate of a CA that was renewed', async () => {
  const old = await forgeCa()
  const ending = await forgeCa({ keyOf: old, notAfter: new Date(Date.now() + day) })
  await using world = await makeWorld({ ca: bundle(ending, old) })
  await using served = await serveTest({ tls: world.tls })
  await using client = await connect({ serverUrl: served.server.url, tls: world.tls, log: false })
  onTestFinished(() => void vi.useRealTimers())
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 2 * day })
  expect((await client.callTool({ name: 'count', arguments: {} })).isError).toBeFalsy()
  expect(served.events.filter(({ event }) => event === 'connection-ended')).toEqual([])
})
