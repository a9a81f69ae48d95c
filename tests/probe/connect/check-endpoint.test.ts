import { once } from 'node:events'
import { createServer as createPlainServer } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { readTrust } from '../../../src/pki/check/trust.js'
import { type CheckEndpointOptions, checkEndpoint } from '../../../src/probe/connect/check-endpoint.js'
import { bareServer, tlsVersions } from '../../support/bare-peers.js'
import { type Forged, type ForgeOptions, forge, forgeCa, forgeCrl } from '../../support/forge.js'
import { freePort } from '../../support/free-port.js'
import { openssl } from '../../support/openssl.js'
import { makeWorld, serveTest, type World } from '../../support/world.js'

let world: World
beforeAll(async () => {
  world = await makeWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

type Options = Partial<CheckEndpointOptions> & { readonly crl?: string }

async function probe(url: string, options: Options = {}) {
  const trust = await readTrust({ directories: [world.certDir] })
  return checkEndpoint(new URL(url), { trust, timeoutMs: 5000, withinDays: 30, ...options })
}

async function codesOf(url: string, options: Options = {}) {
  return (await probe(url, options)).problems.map(({ code }) => code)
}

test('our own server is healthy, asks for a client certificate, and hears no request', async () => {
  await using served = await serveTest({ tls: world.tls })
  const { port } = served.server
  const checked = await probe(`https://localhost:${port}/mcp`, { identity: world.client })
  expect(checked).toMatchObject({
    path: `https://localhost:${port}`,
    type: 'server',
    certificate: { serial: world.server.serial },
    connection: { clientCertificateRequested: true, negotiated: { tlsVersion: 'TLSv1.3' } },
    problems: [],
  })
  expect(await codesOf(`https://127.0.0.1:${port}`)).toEqual([])
  expect(served.calls).toEqual([])
})

test.each(tlsVersions)(
  'a server of openssl over %s is judged, and whether it asks is told',
  async (version) => {
    const at = (name: string) => join(world.certDir, name)
    for (const asks of [true, false]) {
      const port = await freePort()
      const args = ['-cert', at('server.crt'), '-key', at('server.key'), ...(asks ? ['-verify', '1'] : [])]
      const server = openssl(
        's_server',
        '-accept',
        `127.0.0.1:${port}`,
        ...args,
        `-${version.toLowerCase().replace('v', '').replace('.', '_')}`,
      )
      await server.until(/ACCEPT/)
      const { connection, problems } = await probe(`https://localhost:${port}`)
      expect(problems).toEqual([])
      expect(connection?.negotiated.tlsVersion).toBe(version)
      expect(connection?.clientCertificateRequested).toBe(asks)
      server.process.kill()
    }
  },
)

const faults: [string, ForgeOptions, string[]][] = [
  ['that expired', { notAfter: new Date(Date.now() - 3_600_000) }, ['CERT_EXPIRED']],
  ['that expires soon', { notAfter: new Date(Date.now() + 86_400_000) }, ['CERT_EXPIRING']],
  ['of another name', { dns: ['elsewhere.example'] }, ['SERVER_NAME_MISMATCH']],
  ['without names', { dns: [], ip: [] }, ['SERVER_NAME_MISMATCH', 'CERT_INVALID']],
  ['of a client', { usage: 'client', dns: ['localhost'] }, ['CERT_INVALID']],
  ['of a weak key', { keyType: 'rsa', keySize: 1024 }, ['CERT_INVALID']],
]

test.each(faults)('a certificate %s is a problem', async (_title, options, expected) => {
  const shown = await forge({ issuer: world.ca, usage: 'server', ...options })
  await using server = await bareServer(shown)
  expect(await codesOf(server.url)).toEqual(expected)
  expect(server.requests()).toBe(0)
})

test('a stranger, a self-signed and a revoked server are problems; demo mode lets the first two pass', async () => {
  const strangers: Forged[] = [
    await forge({ issuer: await forgeCa({ commonName: 'Stranger' }), usage: 'server' }),
    await forge({ usage: 'server' }),
  ]
  for (const shown of strangers) {
    await using server = await bareServer(shown)
    expect(await codesOf(server.url)).toEqual(['CERT_INVALID'])
    expect(await codesOf(server.url, { demoMode: true })).toEqual([])
  }
  await using revoking = await makeWorld({
    ...world,
    crl: await forgeCrl({ issuer: world.ca, revoked: [world.server.serial] }),
  })
  await using server = await bareServer(world.server)
  const trust = await readTrust({ directories: [revoking.certDir] })
  expect(await codesOf(server.url, { trust })).toEqual(['CERT_REVOKED'])
})

test('a chain over an intermediate is followed', async () => {
  const intermediate = await forgeCa({ issuer: world.ca })
  const leaf = await forge({ issuer: intermediate, usage: 'server' })
  await using whole = await bareServer({ cert: leaf.cert + intermediate.cert, key: leaf.key })
  expect(await codesOf(whole.url)).toEqual([])
  await using half = await bareServer(leaf)
  expect(await codesOf(half.url)).toEqual(['CERT_INVALID'])
})

test('what is no TLS server, nobody, or silent is a problem, each its own', async () => {
  const plain = createPlainServer((_request, response) => response.end())
  const silent = createServer()
  const sockets = new Set<{ destroy(): void }>()
  silent.on('connection', (socket) => sockets.add(socket))
  for (const server of [plain, silent]) await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    plain.close()
    silent.close()
  })
  const urlOf = (server: { address(): unknown }) =>
    `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  expect(await codesOf(urlOf(plain))).toEqual(['NOT_TLS'])
  expect(await codesOf(urlOf(silent), { timeoutMs: 100 })).toEqual(['TLS_HANDSHAKE_TIMEOUT'])
  expect(await codesOf(`https://127.0.0.1:${await freePort()}`)).toEqual(['CONNECTION_FAILED'])
})

test('a server too old, and a client certificate that is none, are problems', async () => {
  await using old = await bareServer(world.server, 'TLSv1.2')
  expect(await codesOf(old.url, { minVersion: 'TLSv1.3' })).toEqual(['UNSUPPORTED_TLS_VERSION'])
  const identity = { cert: world.client.cert, key: world.server.key }
  expect(await codesOf(old.url, { identity })).toEqual(['CERT_INVALID'])
})
