import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { identityFrom } from '../../../src/auth/identity.js'
import { decide } from '../../../src/auth/policy/decide.js'
import { readPolicy, requirePolicy } from '../../../src/auth/policy/read.js'
import { starterPolicy } from '../../../src/auth/policy/starter.js'
import { subjectOf } from '../../../src/auth/policy/subject.js'
import { readCertificate } from '../../../src/x509/certificate.js'
import { type ForgeOptions, forge, forgeCa } from '../../support/forge.js'
import { policyOf, told, toolCall } from './worlds.js'

const ca = await forgeCa({ organization: 'Example' })
const leafWith = async (options: ForgeOptions) =>
  readCertificate((await forge({ issuer: ca, ...options })).cert)

const attributes = [
  ['2.5.4.10', 'Second'],
  ['2.5.4.11', 'Ops'],
  ['2.5.4.3', 'first'],
  ['1.2.840.113549.1.9.1', 'subject@example.com'],
] as const
const options = {
  uri: ['spiffe://example.org/agent'],
  dns: ['A.Example.com.', '*.example.com', ''],
  email: ['Bot@Example.COM', 'a@b@c'],
  ip: ['10.0.0.1'],
  commonName: 'agent',
  organization: 'First',
  attributes,
  serial: '00af01',
}

test('every name of a verified leaf counts, in the form of policies', async () => {
  const leaf = await leafWith(options)
  const spki = leaf.x509.publicKey.export({ type: 'spki', format: 'der' })
  const subject = subjectOf(leaf, { verified: true, trustDomain: 'example.org', domainsBound: true })
  expect(subject).toEqual({
    id: 'spiffe://example.org/agent',
    verified: true,
    names: [
      'spiffe://example.org/agent',
      'dns:a.example.com',
      'cn:first',
      'cn:agent',
      'email:Bot@example.com',
      'ou:Ops',
      'o:First',
      'o:Second',
      'issuer:CN=Forged CA,O=Example',
      'serial:af01',
      `fingerprint:sha256:${leaf.fingerprint256}`,
      `spki:sha256:${createHash('sha256').update(spki).digest('hex')}`,
      'ca:example.org',
    ],
    domainsBound: true,
    spiffeId: 'spiffe://example.org/agent',
    subjectAltNames: [
      'spiffe://example.org/agent',
      'dns:a.example.com',
      'ip:10.0.0.1',
      'email:Bot@example.com',
    ],
    subjectCn: 'agent',
    issuer: 'CN=Forged CA,O=Example',
    serial: 'af01',
    fingerprint256: leaf.fingerprint256,
  })
  expect(Object.isFrozen(subject) && Object.isFrozen(subject.names)).toBe(true)
})

test('no name of an unverified leaf counts', async () => {
  const leaf = await leafWith(options)
  const subject = subjectOf(leaf, { verified: false, domainsBound: false })
  expect(subject).toMatchObject({
    id: `unverified:sha256:${leaf.fingerprint256}`,
    verified: false,
    names: [],
    spiffeId: '',
    subjectAltNames: [],
    subjectCn: '',
  })
  const policy = await policyOf([
    { allow: ['anyone', 'cn:agent', `fingerprint:sha256:${leaf.fingerprint256}`], tools: ['*'] },
  ])
  expect(told(decide(policy, toolCall(subject, 't')))).toBe('deny unverified -')
})

test.each<[string, ForgeOptions, string]>([
  [
    'a common name that reads like a SPIFFE ID',
    { commonName: 'spiffe://example.org/boss' },
    'spiffe://example.org/boss',
  ],
  ['one that reads like a DNS name', { commonName: 'dns:boss.example.com' }, 'dns:boss.example.com'],
  ['one that is a DNS name', { commonName: 'boss.example.com' }, 'dns:boss.example.com'],
  ['a wildcard', { dns: ['*.example.com'] }, 'dns:*.example.com'],
  ['a URI that is no SPIFFE ID', { uri: ['https://example.org/boss'] }, 'spiffe://example.org/boss'],
  ['an organization that reads like another kind', { organization: 'cn:boss' }, 'cn:boss'],
  [
    'an address in the subject',
    { attributes: [['1.2.840.113549.1.9.1', 'boss@example.com']] },
    'email:boss@example.com',
  ],
  ['an address of two parts', { email: ['boss@example.com@evil.example'] }, 'email:boss@example.com'],
  ['letters that look alike', { commonName: 'b\u043ess' }, 'cn:boss'],
  ['letters of another normal form', { commonName: 'bose\u0301' }, 'cn:bos\u00e9'],
  ['a null byte', { commonName: 'boss\0.evil' }, 'cn:boss'],
])('%s is not another name', async (_what, options, identity) => {
  const subject = subjectOf(await leafWith(options), { verified: true, domainsBound: false })
  const policy = await policyOf([{ allow: [identity], tools: ['*'] }])
  expect(told(decide(policy, toolCall(subject, 't')))).toBe('deny no_rule -')
})

test('a URI that reads like another kind of name is none, for conditions and tools too', async () => {
  const uris = [
    'dns:boss.example.com',
    'DNS:boss.example.com',
    'cn:boss',
    'email:boss@example.com',
    'ip:10.0.0.1',
  ]
  const leaf = await leafWith({ uri: [...uris, 'https://example.org/'], commonName: 'agent' })
  const names = [...uris.map((uri) => `uri:${uri}`), 'https://example.org/']
  expect(subjectOf(leaf, { verified: true, domainsBound: false }).subjectAltNames).toEqual(names)
  expect(identityFrom(leaf, true).names).toEqual(names)
})

test('a CA of another trust domain gives no name of this one', async () => {
  const leaf = await leafWith({ dns: ['boss.example.com'], commonName: 'boss' })
  const by = (trustDomain: string | undefined) =>
    subjectOf(leaf, { verified: true, trustDomain, domainsBound: true })
  const policy = await policyOf([
    { allow: ['cn:boss', 'dns:boss.example.com', { cn: 'boss', ca: 'example.org' }], tools: ['*'] },
  ])
  expect(told(decide(policy, toolCall(by('example.org'), 't')))).toBe('allow allowed rules[0]')
  expect(told(decide(policy, toolCall(by('partner.example'), 't')))).toBe('deny no_rule -')
  expect(told(decide(policy, toolCall(by(undefined), 't')))).toBe('deny no_rule -')
})

test('the first policy of a directory names its clients, each as it is, and reads as a policy', async () => {
  const certificates = [
    { label: 'client.crt', leaf: await leafWith({ usage: 'client', commonName: 'mcp "client"' }) },
    { label: 'agent\n.crt', leaf: await leafWith({ usage: 'both', uri: ['spiffe://d/agent'] }) },
    { label: 'server.crt', leaf: await leafWith({ usage: 'server', commonName: 'server' }) },
    { label: 'ca.crt', leaf: readCertificate(ca.cert) },
    { label: 'nobody.crt', leaf: await leafWith({ commonName: '', dns: ['*.a.b'] }) },
    { label: 'again.crt', leaf: await leafWith({ usage: 'client', uri: ['spiffe://d/agent'] }) },
  ]
  const text = starterPolicy(certificates)
  const policy = requirePolicy(await readPolicy(text), 'starter')
  expect(policy.rules.map(({ identities }) => identities)).toMatchObject([
    [[{ kind: 'cn', value: 'mcp "client"' }]],
    [[{ kind: 'spiffe', value: 'spiffe://d/agent' }]],
  ])
  for (const [label, expected] of [
    ['client.crt', 'allow'],
    ['again.crt', 'allow'],
    ['server.crt', 'deny'],
  ]) {
    const leaf = certificates.find((each) => each.label === label)?.leaf
    const subject = subjectOf(leaf as (typeof certificates)[number]['leaf'], {
      verified: true,
      domainsBound: false,
    })
    expect(decide(policy, toolCall(subject, 't')).decision).toBe(expected)
  }
  expect(requirePolicy(await readPolicy(starterPolicy([])), 'starter').rules).toEqual([])
})

test('where a trust domain vouches, the first policy names it beside a name that any CA could give', async () => {
  const leaf = await leafWith({ usage: 'client', commonName: 'agent' })
  const other = await leafWith({ usage: 'client', uri: ['spiffe://d/agent'] })
  const text = starterPolicy([
    { label: 'agent.crt', leaf, trustDomain: 'd' },
    { label: 'other.crt', leaf: other, trustDomain: 'd' },
  ])
  const policy = requirePolicy(await readPolicy(text), 'starter')
  const decided = (trustDomain: string | undefined) =>
    decide(policy, toolCall(subjectOf(leaf, { verified: true, domainsBound: true, trustDomain }), 't'))
      .decision
  expect(decided('d')).toBe('allow')
  expect(decided('e')).toBe('deny')
  expect(decided(undefined)).toBe('deny')
  expect(text).toContain('allow: ["spiffe://d/agent"]')
})
