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
    { uri: ['spiffe://example.org/Agent-1_a.b/c'], dns: ['a'] },
    'spiffe://example.org/Agent-1_a.b/c',
  ],
  ['a SPIFFE ID that is a trust domain alone', { uri: ['spiffe://example.org'] }, 'spiffe://example.org'],
  ['the first DNS name', { dns: ['b.example', 'a.example'], commonName: 'c' }, 'dns:b.example'],
  ['the common name', { commonName: 'agent' }, 'cn:agent'],
  ['no other URI', { uri: ['https://example.org/'], commonName: 'agent' }, 'cn:agent'],
  ['no IP address and no email', { ip: ['127.0.0.1'], email: ['a@b.c'], commonName: 'agent' }, 'cn:agent'],
  [
    'the first email where there is nothing before it',
    { email: ['a@b.c', 'd@e.f'], commonName: '' },
    'email:a@b.c',
  ],
  ['no empty DNS name and no wildcard', { dns: ['', '*.a.example', 'b.example'] }, 'dns:b.example'],
  ['a DNS name in its usual spelling', { dns: ['B.Example.'] }, 'dns:b.example'],
  ['the common name beside wildcards alone', { dns: ['*.a.example'], commonName: 'agent' }, 'cn:agent'],
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
    trustDomain: undefined,
    domainsBound: false,
  })
})

test.each<[string, ForgeOptions]>([
  ['two SPIFFE IDs', { uri: ['spiffe://a/b', 'spiffe://a/c'] }],
  ['the same SPIFFE ID twice', { uri: ['spiffe://a/b', 'spiffe://a/b'] }],
  ['a SPIFFE ID beside another URI', { uri: ['https://a/', 'spiffe://b/c'] }],
  ...[
    'SPIFFE://a/b',
    'spiffe://A/b',
    'spiffe://',
    'spiffe:///b',
    'spiffe:a/b',
    'spiffe:/a/b',
    'spiffe://a/',
    'spiffe://a/b/',
    'spiffe://a//b',
    'spiffe://a/./b',
    'spiffe://a/../b',
    'spiffe://a/b?c=d',
    'spiffe://a/b#c',
    'spiffe://user@a/b',
    'spiffe://a:8443/b',
    'spiffe://a/b%20c',
    'spiffe://a/ö',
    'spiffe://a/b c',
    `spiffe://${'a'.repeat(256)}/b`,
    `spiffe://a/${'b'.repeat(2048)}`,
  ].map((uri): [string, ForgeOptions] => [`the SPIFFE ID ${uri.slice(0, 30)}`, { uri: [uri] }]),
  ['two SPIFFE IDs, one written in capitals', { uri: ['spiffe://a/b', 'SPIFFE://a/c'] }],
  ['no name', { commonName: '' }],
  ['a wildcard as the common name', { commonName: '*.example.com' }],
])('%s is CERT_INVALID', async (_what, options) => {
  const leaf = await leafWith(options)
  expect(refusal(() => identityFrom(leaf, true)).code).toBe('CERT_INVALID')
})

test('a server with IP addresses alone is the first of them, a client is nobody', async () => {
  const leaf = await leafWith({ ip: ['10.0.0.1', '::1'], commonName: '' })
  expect(identityFrom(leaf, true, 'server').id).toBe('ip:10.0.0.1')
  expect(refusal(() => identityFrom(leaf, true, 'client')).code).toBe('CERT_INVALID')
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
