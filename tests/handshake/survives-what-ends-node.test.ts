import { expect, test } from 'vitest'
import { encoded } from '../../src/x509/der/der.js'
import { bareServer, callAsBareClient } from '../support/bare-peers.js'
import { getJson } from '../support/call.js'
import { runProcess, startCli } from '../support/cli.js'
import { type Forged, forge, forgeCa } from '../support/forge.js'
import { makeWorld } from '../support/world.js'

// Node 20 and 22 end with a segmentation fault where they put an object identifier of more than 586 bytes into words, and
// with a failed assertion where they are asked for the curve of a key that is no point on it.

/** An extended key usage for servers and clients, and with an object identifier of so many bytes. */
const usageOf = (bytes: number) => {
  const ids = [
    [0x2b, 6, 1, 5, 5, 7, 3, 1],
    [0x2b, 6, 1, 5, 5, 7, 3, 2],
    [...Buffer.alloc(bytes - 1, 0x81), 1],
  ]
  return { id: '2.5.29.37', value: encoded(0x30, ...ids.map((id) => encoded(0x06, Buffer.from(id)))) }
}

const evilLeaf = (issuer?: Forged) =>
  forge({ ...(issuer && { issuer }), usage: 'none', dns: ['localhost'], extra: usageOf(600) })

async function chainWithEvilIssuer(root: Forged) {
  const issuer = await forgeCa({ issuer: root, commonName: 'Long', extra: usageOf(14_000) })
  const leaf = await forge({ issuer, usage: 'both' })
  return { cert: leaf.cert + issuer.cert, key: leaf.key }
}

/** A CA whose public key is the point at infinity; its leaf is signed by another key. */
async function chainWithKeyAtInfinity(root: Forged) {
  const issuer = await forgeCa({ issuer: root, commonName: 'Infinity', publicKey: Buffer.from([0]) })
  const leaf = await forge({ issuer, usage: 'both' })
  return { cert: leaf.cert + issuer.cert, key: leaf.key }
}

test.each([
  ['a stranger’s leaf', async () => evilLeaf()],
  ['a leaf of our CA', async (ca: Forged) => evilLeaf(ca)],
  ['a stranger’s CA', async () => chainWithEvilIssuer(await forgeCa({ commonName: 'Other CA' }))],
  ['a CA below ours', chainWithEvilIssuer],
  ['a key at infinity', chainWithKeyAtInfinity],
])('a server takes no harm from %s', async (_whose, show) => {
  await using world = await makeWorld()
  const args = ['serve', 'echo', '--tls-port', '0', '--cert-dir', world.certDir]
  const { printed, process } = startCli(args, { cwd: world.certDir })
  const [url = ''] = await printed(/https:\S+\/mcp\b/)
  const port = Number(new URL(url).port)
  // From two addresses: one may be closed out.
  for (const [version, from] of [
    ['TLSv1.2', '127.0.0.2'],
    ['TLSv1.3', '127.0.0.3'],
  ] as const)
    expect(await callAsBareClient(port, { shown: await show(world.ca), version, from })).toMatchObject({
      status: 403,
    })
  expect((await getJson(new URL('/health', url), world.certDir)).status).toBe(200)
  expect(process.exitCode).toBeNull()
})

test.each([
  ['a stranger’s leaf', async () => evilLeaf()],
  ['a leaf of our CA', async (ca: Forged) => evilLeaf(ca)],
  ['a CA below ours', chainWithEvilIssuer],
  ['a key at infinity', chainWithKeyAtInfinity],
])('a client takes no harm from %s', async (_whose, show) => {
  await using world = await makeWorld()
  await using server = await bareServer(await show(world.ca))
  const url = `${server.url.replace('127.0.0.1', 'localhost')}/mcp`
  for (const args of [
    ['test-tls', url],
    ['cert-check', url],
    ['ask', 'echo hi', '--echo-url', url],
  ]) {
    const { exitCode, signal, stderr, stdout } = await runProcess([...args, '--cert-dir', world.certDir], {
      cwd: world.certDir,
    })
    expect({ signal, exitCode }, stderr).toEqual({ signal: null, exitCode: expect.any(Number) })
    expect(exitCode).not.toBe(0)
    expect(stderr + stdout).not.toBe('')
  }
})
