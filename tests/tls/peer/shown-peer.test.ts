import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { Agent, get } from 'node:https'
import { text } from 'node:stream/consumers'
import { type DetailedPeerCertificate, type PeerCertificate, TLSSocket } from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { identityOf } from '../../../src/server/index.js'
import { encoded } from '../../../src/x509/der/der.js'
import { callAsBareClient, tlsVersions } from '../../support/bare-peers.js'
import { type Forged, forge, forgeCa, writeSet } from '../../support/forge.js'
import { listening, portOf } from '../../support/gated.js'
import { makeWorld } from '../../support/world.js'

interface Shown {
  readonly authorized: boolean
  readonly error: unknown
  readonly plain: PeerCertificate
  readonly detailed: DetailedPeerCertificate
  readonly x509: X509Certificate | undefined
}

/** What an application sees of its peers, and what Node would have said. */
function looks() {
  const shown: Shown[] = []
  const nodes: Pick<Shown, 'plain' | 'detailed' | 'x509'>[] = []
  const listener: RequestListener = ({ socket: bare }, response) => {
    const socket = bare as TLSSocket
    const { getPeerCertificate, getPeerX509Certificate } = TLSSocket.prototype
    shown.push({
      authorized: socket.authorized,
      error: socket.authorizationError,
      plain: socket.getPeerCertificate(),
      detailed: socket.getPeerCertificate(true),
      x509: socket.getPeerX509Certificate(),
    })
    nodes.push({
      plain: getPeerCertificate.call(socket),
      detailed: getPeerCertificate.call(socket, true) as DetailedPeerCertificate,
      x509: getPeerX509Certificate.call(socket),
    })
    response.end()
  }
  return { shown, nodes, listener }
}

/** Where to ask about its issuer: Node puts that into an object of its own. */
const authorityInfo = {
  id: '1.3.6.1.5.5.7.1.1',
  value: encoded(
    0x30,
    encoded(
      0x30,
      encoded(0x06, Buffer.from([0x2b, 6, 1, 5, 5, 7, 0x30, 1])),
      encoded(0x86, Buffer.from('http://ocsp.example/')),
    ),
  ),
}

test.each(['ec-p256', 'rsa', 'ed25519'] as const)(
  'a usual certificate with a key of %s reads as Node says it',
  async (keyType) => {
    const ca = await forgeCa()
    const client = await forge({
      issuer: ca,
      commonName: 'app, "quoted"',
      organization: 'Example',
      keyType,
      dns: ['app.example', '*.app.example'],
      uri: ['https://app.example/'],
      email: ['app@example.org'],
      extra: authorityInfo,
    })
    await using world = await makeWorld({ ca, client })
    const { shown, nodes, listener } = looks()
    const { server } = await listening(world, {}, listener)
    expect((await callAsBareClient(portOf(server), { shown: client, path: '/' })).status).toBe(200)
    const [[ours], [nodesOwn]] = [shown, nodes] as unknown as [[Shown], [Shown]]
    expect(ours.plain).toStrictEqual(nodesOwn.plain)
    expect(ours.plain.subjectaltname).toContain('DNS:app.example')
    expect(ours.detailed).toStrictEqual(nodesOwn.detailed)
    const root = ours.detailed.issuerCertificate
    expect(root.issuerCertificate).toBe(root)
    expect([ours.authorized, ours.error]).toEqual([true, null])
    expect(ours.x509).toBeInstanceOf(X509Certificate)
    expect(ours.x509?.toString()).toBe(nodesOwn.x509?.toString())
    expect(ours.x509?.issuerCertificate?.raw).toEqual(ca.der)
    expect(ours.x509?.issuerCertificate?.issuerCertificate).toBeUndefined()
  },
)

test.each(tlsVersions)(
  'a resumed session shows the same, with the issuers that it did not send again, on %s',
  async (version) => {
    const root = await forgeCa()
    const issuer = await forgeCa({ issuer: root, commonName: 'Issuer' })
    const leaf = await forge({ issuer })
    const client = { ...leaf, cert: leaf.cert + issuer.cert }
    await using world = await makeWorld({ ca: root })
    const { shown, listener } = looks()
    const { server } = await listening(world, {}, listener)
    const first = await callAsBareClient(portOf(server), { shown: client, version, path: '/' })
    const { session } = first
    expect(
      await callAsBareClient(portOf(server), { shown: client, version, session, path: '/' }),
    ).toMatchObject({
      status: 200,
      resumed: true,
    })
    expect(shown[1]?.plain).toStrictEqual(shown[0]?.plain)
    expect(shown[1]?.detailed).toStrictEqual(shown[0]?.detailed)
    expect(shown[1]?.authorized).toBe(true)
    expect(shown[1]?.detailed.issuerCertificate.issuerCertificate.raw).toEqual(root.der)
  },
)

test.each(tlsVersions)(
  'whom demo mode let pass is not authorized, with the reason, also in a resumed session, on %s',
  async (version) => {
    await using world = await makeWorld()
    const { shown, listener } = looks()
    const { server } = await listening(world, { tls: { certDir: world.certDir, demoMode: true } }, listener)
    const stranger = await forge({ usage: 'client', isCa: true })
    const first = await callAsBareClient(portOf(server), { shown: stranger, version, path: '/' })
    await callAsBareClient(portOf(server), { shown: stranger, version, session: first.session, path: '/' })
    expect(shown.map(({ authorized, error }) => [authorized, typeof error])).toEqual([
      [false, 'string'],
      [false, 'string'],
    ])
    expect(shown[0]?.plain.raw).toEqual(stranger.der)
  },
)

test('who becomes known by a reload is authorized from then on, on the same connection', async () => {
  await using world = await makeWorld()
  const tls = { certDir: world.certDir, demoMode: true }
  const { server } = await listening(world, { tls, watch: false }, (request, response) => {
    const { authorized, authorizationError } = request.socket as TLSSocket
    response.end(JSON.stringify([authorized, authorizationError, identityOf(request)?.id]))
  })
  const other = await forgeCa({ commonName: 'Other CA' })
  const { cert, key } = await forge({ issuer: other, commonName: 'newcomer' })
  const accepted = once(server, 'secureConnection')
  const agent = new Agent({ keepAlive: true, maxSockets: 1, cert, key, rejectUnauthorized: false })
  onTestFinished(() => agent.destroy())
  const ask = () =>
    new Promise<unknown>((resolve, reject) =>
      get({ host: '127.0.0.1', port: portOf(server), agent, servername: 'localhost' }, (answer) =>
        text(answer).then((body) => resolve(JSON.parse(body)), reject),
      ).on('error', reject),
    )
  expect(await ask()).toEqual([false, expect.any(String), expect.stringMatching(/^unverified:sha256:/)])
  const [socket] = await accepted
  await writeSet(world.certDir, { ca: { ...world.ca, cert: world.ca.cert + other.cert } })
  expect(await server.mtls.reload()).toBe(true)
  expect(await ask()).toEqual([true, null, 'cn:newcomer'])
  expect(socket.authorized).toBe(true)
  expect(server.mtls.connections()).toHaveLength(1)
})

// In a process of its own these would end it, or keep it: see tests/handshake/survives-what-ends-node.test.ts.
test('over CAs that signed each other the walk to the issuers comes to its end', async () => {
  const [one, other] = [await forgeCa({ commonName: 'One' }), await forgeCa({ commonName: 'Other' })]
  const oneByOther = await forgeCa({ commonName: 'One', keyOf: one, issuer: other })
  const otherByOne = await forgeCa({ commonName: 'Other', keyOf: other, issuer: one })
  const bundle = [oneByOther, otherByOne, one, other]
  const server = await forge({ issuer: one, usage: 'server' })
  await using world = await makeWorld({ ca: one, server })
  await writeSet(world.certDir, { ca: { ...one, cert: bundle.map(({ cert }) => cert).join('') } as Forged })
  const shown: string[][] = []
  const gated = await listening(world, {}, ({ socket }, response) => {
    const names: string[] = []
    let next = (socket as TLSSocket).getPeerCertificate(true)
    for (;;) {
      names.push(String(next.subject.CN))
      if (next.issuerCertificate === undefined || next.issuerCertificate === next) break
      next = next.issuerCertificate
    }
    shown.push(names)
    response.end()
  })
  for (const issuer of [one, other]) {
    const client = await forge({ issuer, commonName: 'client' })
    expect((await callAsBareClient(portOf(gated.server), { shown: client, path: '/' })).status).toBe(200)
  }
  expect(shown.map(([first, second]) => [first, second])).toEqual([
    ['client', 'One'],
    ['client', 'Other'],
  ])
  for (const names of shown) expect(names.length).toBeLessThan(5)
})

test('the longest object identifier that is accepted is put into words as it is, and no longer one is', async () => {
  /** So many bytes, of which each is a number of its own, or none but the last. */
  const usage = (bytes: number, byte: number) => {
    const ids = [
      [0x2b, 6, 1, 5, 5, 7, 3, 2],
      [...Buffer.alloc(bytes - 1, byte), 1],
    ]
    return { id: '2.5.29.37', value: encoded(0x30, ...ids.map((id) => encoded(0x06, Buffer.from(id)))) }
  }
  const ca = await forgeCa()
  await using world = await makeWorld({ ca })
  const { server } = await listening(world, {}, ({ socket }, response) => {
    response.end(JSON.stringify((socket as TLSSocket).getPeerCertificate().ext_key_usage))
  })
  const call = async (bytes: number, byte: number) =>
    callAsBareClient(portOf(server), {
      shown: await forge({ issuer: ca, usage: 'none', extra: usage(bytes, byte) }),
      path: '/',
    })
  const clientAuth = '1.3.6.1.5.5.7.3.2'
  const numbers = ['2.47', ...Array(58).fill('127'), '1'].join('.')
  expect(JSON.parse((await call(60, 0x7f)).body)).toEqual([clientAuth, numbers])
  const number =
    Array(59)
      .fill(1n)
      .reduce((value) => value * 128n + 1n, 0n) *
      128n +
    1n -
    80n
  expect(JSON.parse((await call(60, 0x81)).body)).toEqual([clientAuth, `2.${number}`])
  expect((await call(61, 0x81)).status).toBe(403)
})
