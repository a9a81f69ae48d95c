import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { mtlsFetch } from '../../src/client/index.js'
import { bareServer, callAsBareClient, type Shown } from '../support/bare-peers.js'
import { type Forged, type ForgeOptions, forge, forgeCa } from '../support/forge.js'
import { openWire } from '../support/wire.js'
import { makeWorld, serveTest } from '../support/world.js'

const many = (count: number, name: (index: number) => string) =>
  Array.from({ length: count }, (_, at) => name(at))

async function bundle(leaf: Forged, chain: readonly Forged[]): Promise<Shown> {
  return { cert: [leaf, ...chain].map(({ cert }) => cert).join(''), key: leaf.key }
}

async function chainOf(length: number, ca: Forged, usage: 'client' | 'server'): Promise<Shown> {
  const chain: Forged[] = []
  for (let at = 0; at < length; at++)
    chain.unshift(await forgeCa({ issuer: chain[0] ?? ca, commonName: `CA ${at}` }))
  return bundle(await forge({ issuer: chain[0] ?? ca, usage }), chain)
}

const excesses: [string, RegExp, (ca: Forged, usage: 'client' | 'server') => Promise<Shown>][] = [
  ['eleven certificates', /more than 10 certificates/, (ca, usage) => chainOf(10, ca, usage)],
  ...[
    ['names', { dns: many(1100, (at) => `${at}.a`) }] as const,
    [
      'purposes',
      { usage: ['1.3.6.1.5.5.7.3.2', '1.3.6.1.5.5.7.3.1', ...many(1100, (at) => `1.3.${at}`)] },
    ] as const,
  ].map(([what, options]): (typeof excesses)[number] => [
    `a thousand ${what}`,
    /more than 1000 values/,
    async (issuer, usage) => bundle(await forge({ issuer, usage, ...(options as ForgeOptions) }), []),
  ]),
  [
    'a common name of 20 kB',
    /of \d+ bytes, more than 16384/,
    async (issuer, usage) => bundle(await forge({ issuer, usage, commonName: 'x'.repeat(20_000) }), []),
  ],
]

test.each(excesses)(
  'a client that shows %s is not looked at, and its address is closed out for a while',
  async (_what, words, show) => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls, limits: { excessPenalty: '1m' } })
    const { port } = served.server
    const refused = await callAsBareClient(port, { shown: await show(world.ca, 'client') })
    expect(refused.status).toBe(403)
    expect(JSON.parse(refused.body)).toMatchObject({
      reason: 'CERT_INVALID',
      message: expect.stringMatching(words),
    })
    const told = served.events.length
    for (const _again of [1, 2]) {
      const closed = connect(port, '127.0.0.1').resume()
      closed.on('error', () => {})
      await once(closed, 'close')
      expect(closed.bytesRead).toBe(0)
    }
    expect(served.events.filter(({ event }) => event !== 'connection-closed').length).toBe(told)
    const elsewhere = await callAsBareClient(port, {
      shown: world.client,
      from: '127.0.0.2',
      path: '/metrics',
    })
    expect(elsewhere.body).toMatch(/^mcp_mtls_connections_turned_away_total(?:\{.*\})? 2$/m)
  },
)

test('where a good client is being served, its address is not closed out', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls, limits: { excessPenalty: '1m' } })
  const { port } = served.server
  const wire = await openWire(served.server.url, world.certDir)
  const evil = await chainOf(10, world.ca, 'client')
  for (const _again of [1, 2]) expect((await callAsBareClient(port, { shown: evil })).status).toBe(403)
  expect((await callAsBareClient(port, { shown: world.client })).status).toBe(200)
  wire.socket.destroy()
})

test('an RSA key with an exponent that is made to cost closes its address out, and is told', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls, limits: { excessPenalty: '1m' } })
  const { port } = served.server
  const asked =
    'req -x509 -newkey rsa:2048 -pkeyopt rsa_keygen_pubexp:17179869209 -nodes -subj /CN=x -keyout - -days 1'
  const made = execFileSync('openssl', asked.split(' '), {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const shown = { cert: made, key: made }
  expect(await callAsBareClient(port, { shown })).toMatchObject({
    status: 403,
    body: expect.stringContaining('is self-signed'),
  })
  await expect(callAsBareClient(port, { shown: world.client })).rejects.toThrow()
  expect((await callAsBareClient(port, { shown: world.client, from: '127.0.0.2' })).status).toBe(200)
})

test('ten certificates are not too many', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls })
  const shown = await chainOf(8, world.ca, 'client')
  const extra = await forgeCa({ commonName: 'Extra' })
  const ten = { cert: shown.cert + extra.cert, key: shown.key }
  expect((await callAsBareClient(served.server.port, { shown: ten })).status).toBe(200)
})

test('after that while it is welcome again', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls, limits: { excessPenalty: '1ms' } })
  const { port } = served.server
  expect((await callAsBareClient(port, { shown: await chainOf(10, world.ca, 'client') })).status).toBe(403)
  await expect.poll(async () => (await callAsBareClient(port, { shown: world.client })).status).toBe(200)
})

test.each(excesses)('a server that shows %s is refused', async (_what, words, show) => {
  await using world = await makeWorld()
  await using server = await bareServer(await show(world.ca, 'server'))
  const fetch = mtlsFetch(world.tls)
  await expect(fetch(server.url)).rejects.toMatchObject({
    code: 'SERVER_CERT_INVALID',
    message: expect.stringMatching(words),
  })
  await fetch.close()
})

test('what honest peers show is far from it: a chain of five, 250 names', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls })
  const names = await forge({
    issuer: world.ca,
    usage: 'client',
    dns: many(250, (at) => `host-${at}.example.com`),
  })
  for (const shown of [await chainOf(4, world.ca, 'client'), await bundle(names, [])])
    expect((await callAsBareClient(served.server.port, { shown })).status).toBe(200)
})
