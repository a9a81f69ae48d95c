import fc from 'fast-check'
import { expect, test } from 'vitest'
import { identityFrom } from '../../src/auth/identity.js'
import { readCertificate } from '../../src/x509/certificate.js'
import { type ForgeOptions, forge } from '../support/forge.js'
import { refusal } from '../support/refusal.js'

const leafWith = async (options: ForgeOptions) => readCertificate((await forge(options)).cert)

test.each<[string, ForgeOptions, string]>([
  [
    'the SPIFFE ID, as it is',
    { uri: ['spiffe://Example.org/Agent%20a'], dns: ['a'] },
    'spiffe://Example.org/Agent%20a',
  ],
  ['a SPIFFE ID among other URIs', { uri: ['https://a/', 'spiffe://b/c'] }, 'spiffe://b/c'],
  ['the first DNS name', { dns: ['b.example', 'a.example'], commonName: 'c' }, 'dns:b.example'],
  ['the common name', { commonName: 'agent' }, 'cn:agent'],
  ['no other URI', { uri: ['https://example.org/'], commonName: 'agent' }, 'cn:agent'],
  ['no IP address and no email', { ip: ['127.0.0.1'], email: ['a@b.c'], commonName: 'agent' }, 'cn:agent'],
])('the identity is %s', async (_what, options, id) => {
  expect(identityFrom(await leafWith(options), true)).toMatchObject({ id, verified: true })
})

test('it carries every name, and the facts of the certificate', async () => {
  const leaf = await leafWith({ uri: ['spiffe://a/b'], dns: ['c'], ip: ['::1'], email: ['d@e.f'] })
  expect(identityFrom(leaf, true)).toEqual({
    id: 'spiffe://a/b',
    verified: true,
    names: ['spiffe://a/b', 'dns:c', 'ip:::1', 'email:d@e.f'],
    subject: 'CN=forged',
    issuer: 'CN=forged',
    serial: leaf.serial,
    fingerprint256: leaf.fingerprint256,
    notAfter: leaf.notAfter,
  })
})

test.each<[string, ForgeOptions]>([
  ['two SPIFFE IDs', { uri: ['spiffe://a/b', 'spiffe://a/c'] }],
  ['the same SPIFFE ID twice', { uri: ['spiffe://a/b', 'spiffe://a/b'] }],
  ['two SPIFFE IDs, one written in capitals', { uri: ['spiffe://a/b', 'SPIFFE://a/c'] }],
  ['no name', { commonName: '' }],
])('%s is CERT_INVALID', async (_what, options) => {
  const leaf = await leafWith(options)
  expect(refusal(() => identityFrom(leaf, true)).code).toBe('CERT_INVALID')
})

test('unverified, it is its fingerprint and nothing else, whatever names it claims', async () => {
  const leaf = await leafWith({})
  const name = fc.string({ unit: 'binary' })
  const claims = fc.record({
    commonName: fc.option(name, { nil: undefined }),
    names: fc.record({
      uri: fc.array(fc.oneof(name, fc.constant('spiffe://a/admin'))),
      dns: fc.array(name),
      ip: fc.array(name),
      email: fc.array(name),
    }),
  })
  fc.assert(
    fc.property(claims, (claimed) => {
      const { id, verified } = identityFrom({ ...leaf, ...claimed }, false)
      expect(id).toBe(`unverified:sha256:${leaf.fingerprint256}`)
      expect(verified).toBe(false)
    }),
  )
})
