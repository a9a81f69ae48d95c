import { createHash, createPublicKey } from 'node:crypto'
import { expect, test } from 'vitest'
import { serverIdFault } from '../../src/judge/server-id.js'
import { readCertificate } from '../../src/x509/certificate.js'
import { publicKeyHash } from '../../src/x509/public-key-hash.js'
import { type ForgedKeyType, type ForgeOptions, forge } from '../support/forge.js'

const id = 'spiffe://example.org/weather'

async function leafWith(options: ForgeOptions = {}) {
  const { cert, key } = await forge({ uri: [id], ...options })
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' })
  return { leaf: readCertificate(cert), pin: `sha256:${createHash('sha256').update(spki).digest('hex')}` }
}

test.each<ForgedKeyType>(['ec-p256', 'ec-p384', 'ed25519', 'rsa'])(
  'the hash of a key is that of its SPKI (%s)',
  async (keyType) => {
    const { leaf, pin } = await leafWith({ keyType })
    expect(`sha256:${publicKeyHash(leaf)}`).toBe(pin)
    expect(publicKeyHash(leaf)).toBe(publicKeyHash(leaf))
  },
)

test('a server has one of the identities that are asked for: its SPIFFE ID where it is verified, its key in any case', async () => {
  const { leaf, pin } = await leafWith()
  expect(serverIdFault(leaf, [id], true)).toBeUndefined()
  expect(serverIdFault(leaf, ['spiffe://example.org/other', id], true)).toBeUndefined()
  for (const isVerified of [true, false]) {
    expect(serverIdFault(leaf, [pin], isVerified)).toBeUndefined()
    expect(serverIdFault(leaf, [id, pin], isVerified)).toBeUndefined()
  }
  expect(serverIdFault(leaf, [id], false)).toMatchObject({
    kind: 'server-id',
    words: `says that it is ${id}, and its chain is not verified: only its key (${pin}) can be asked for`,
  })
})

test.each<[string, ForgeOptions, string]>([
  ['another SPIFFE ID', { uri: ['spiffe://example.org/other'] }, 'is spiffe://example.org/other, not '],
  ['a SPIFFE ID beside another URI', { uri: [id, 'urn:a:b'] }, 'is sha256:'],
  ['a DNS name', { uri: [], dns: ['weather.example'] }, 'is dns:weather.example, not '],
  ['a common name that reads like it', { uri: [], commonName: id }, `is cn:${id}, not `],
])('one with %s is another', async (_what, options, words) => {
  const { leaf } = await leafWith(options)
  const fault = serverIdFault(leaf, [id, 'sha256:00'], true)
  expect(fault?.words).toContain(words)
  expect(fault?.words).toContain(`not ${id} or sha256:00`)
  expect(fault?.hint).toContain('--server-id')
})
