import { X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Bridged, bridged } from '../support/bridged.js'
import { forge, forgeCa, forgeCrl, writeSet } from '../support/forge.js'
import { freePort } from '../support/free-port.js'
import { openssl } from '../support/openssl.js'
import { makeWorld, serveTest, type World } from '../support/world.js'

const renewed = ({ ca }: World, commonName: string) => forge({ issuer: ca, usage: 'client', commonName })

/** Whom the server takes the client for. */
async function who(client: Bridged): Promise<string | undefined> {
  const { result } = await client.call('who')
  return result && JSON.parse(result.content[0].text).id
}

test('a certificate that is renewed while it runs is used, in a session of its own', async () => {
  await using world = await makeWorld()
  await using server = await serveTest({ tls: world.tls, sessions: true })
  const client = bridged(server.server.url, world.certDir)
  await client.open()
  expect(await who(client)).toBe('cn:mcp-client')
  await writeSet(world.certDir, { ...world, client: await renewed(world, 'mcp-client-2') })
  await expect.poll(() => who(client), { timeout: 20_000 }).toBe('cn:mcp-client-2')
  expect(await client.call('echo', { text: 'still' })).toMatchObject({
    result: { content: [{ text: 'still' }] },
  })
})

test('a certificate that is revoked is named by each call, and the next one is used once it is there', async () => {
  await using world = await makeWorld()
  await using server = await serveTest({ tls: world.tls, sessions: true })
  const client = bridged(server.server.url, world.certDir)
  await client.open()
  expect(await who(client)).toBe('cn:mcp-client')
  const revoked = [new X509Certificate(world.client.cert).serialNumber]
  writeFileSync(join(world.certDir, 'ca.crl'), await forgeCrl({ issuer: world.ca, revoked }))
  await server.server.reload()
  for (const _ of [1, 2, 3])
    expect(await client.call('count')).toMatchObject({ error: { data: { code: 'CERT_REVOKED' } } })
  expect(server.calls).toEqual([])
  await writeSet(world.certDir, { ...world, client: await renewed(world, 'mcp-client') })
  await expect.poll(() => who(client), { timeout: 20_000 }).toBe('cn:mcp-client')
})

test('a server whose certificate is not to be trusted gets no call, until it has another one', async () => {
  await using world = await makeWorld()
  const stranger = await forge({ issuer: await forgeCa(), usage: 'server', commonName: 'mcp-server' })
  await using other = await makeWorld({ ca: world.ca, client: world.client, server: stranger })
  const port = await freePort()
  const wrong = await serveTest({ tls: { certDir: other.certDir }, tlsPort: port, sessions: true })
  const client = bridged(`https://localhost:${port}/mcp`, world.certDir, 50)
  await client.open()
  for (const _ of [1, 2])
    expect(await client.call('count')).toMatchObject({
      error: { message: expect.stringContaining('SERVER_CERT_INVALID'), data: { sent: 'no' } },
    })
  await wrong[Symbol.asyncDispose]()
  expect(wrong.calls).toEqual([])
  await using right = await serveTest({ tls: world.tls, tlsPort: port, sessions: true })
  await expect.poll(() => who(client), { timeout: 20_000 }).toBe('cn:mcp-client')
  expect(right.calls).toEqual([])
})

test.each(['-tls1_2', '-tls1_3'])(
  'an alert of openssl s_server %s is told in plain words',
  async (version) => {
    await using world = await makeWorld()
    const port = await freePort()
    const foreignCa = join(world.certDir, 'foreign.crt')
    writeFileSync(foreignCa, (await forgeCa()).cert)
    const files = ['-cert', join(world.certDir, 'server.crt'), '-key', join(world.certDir, 'server.key')]
    const asks = ['-Verify', '1', '-verify_return_error', '-CAfile', foreignCa, '-www', version]
    const server = openssl('s_server', '-accept', `127.0.0.1:${port}`, ...files, ...asks)
    await server.until(/ACCEPT/)
    const client = bridged(`https://localhost:${port}/mcp`, world.certDir, 50)
    await client.open()
    for (const _ of [1, 2])
      expect(await client.call('count')).toMatchObject({
        error: { message: expect.stringMatching(/^CLIENT_CERT_REJECTED: /) },
      })
  },
)
