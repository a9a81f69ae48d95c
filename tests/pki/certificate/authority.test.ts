import { execFileSync } from 'node:child_process'
import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type Authority,
  type CertificateRequest,
  createAuthority,
  issue,
  openAuthority,
  reissue,
  selfSigned,
} from '../../../src/pki/index.js'
import { readCertificate } from '../../../src/x509/certificate.js'
import { type ForgeOptions, forge, forgeCa } from '../../support/forge.js'

let dir: string
let authority: Authority
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'pki-'))
  authority = await createAuthority()
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const openPem = (certificates: string, key: string, passphrase?: string) =>
  openAuthority({ text: certificates, path: 'ca.crt' }, { text: key, path: 'ca.key' }, passphrase)
const minute = 60_000
const day = 86_400_000
const client: CertificateRequest = { type: 'client', commonName: 'mcp-client' }

const keys = [
  { keyType: 'ec-p256', text: 'EC P-256', hash: 'sha256' },
  { keyType: 'ec-p384', text: 'EC P-384', hash: 'sha384' },
  { keyType: 'ed25519', text: 'Ed25519', hash: 'built-in' },
  { keyType: 'rsa', text: 'RSA 2048', hash: 'sha256' },
  { keyType: 'rsa', keySize: 3072, text: 'RSA 3072', hash: 'sha256' },
  { keyType: 'rsa', keySize: 4096, text: 'RSA 4096', hash: 'sha256' },
] as const

describe.each(keys)('a CA with $text', ({ text, hash, ...key }) => {
  test('issues certificates that openssl verifies strictly, for their own purpose only', async () => {
    const ca = await createAuthority({ ...key, organization: 'Ex, "Ample"', country: 'np' })
    expect(ca.facts.key.text).toBe(text)
    expect(ca.facts.signatureHash).toBe(hash)
    const issued = {
      server: await issue(ca, {
        ...key,
        type: 'server',
        commonName: 'weather.example.org',
        organization: '#0500',
        country: 'DE',
        subjectAltNames: ['localhost', '::1', 'ops@example.org', 'spiffe://example.org/weather'],
      }),
      client: await issue(ca, { ...key, type: 'client', commonName: 'Ägent 7' }),
    }
    const prefix = join(dir, text.replace(' ', '-'))
    writeFileSync(`${prefix}-ca.crt`, ca.certificate)
    for (const [type, { certificate }] of Object.entries(issued)) {
      writeFileSync(`${prefix}-${type}.crt`, certificate)
      const other = type === 'server' ? 'client' : 'server'
      const verify = (purpose: string) =>
        execFileSync(
          'openssl',
          [
            'verify',
            '-x509_strict',
            '-purpose',
            purpose,
            '-CAfile',
            `${prefix}-ca.crt`,
            `${prefix}-${type}.crt`,
          ],
          { encoding: 'utf8', stdio: 'pipe' },
        )
      expect(verify(`ssl${type}`)).toContain('OK')
      expect(() => verify(`ssl${other}`)).toThrow()
    }
    expect(issued.server.facts.subject).toBe('CN=weather.example.org,O=\\#0500,C=DE')
    expect(issued.server.facts.issuer).toBe(ca.facts.subject)
    expect(issued.server.facts.key.text).toBe(text)
    expect(issued.server.facts.signatureHash).toBe(hash)
    const leafUsage = key.keyType === 'rsa' ? ['digitalSignature', 'keyEncipherment'] : ['digitalSignature']
    expect(issued.client.facts.keyUsage).toEqual(leafUsage)
    expect(issued.client.facts.x509.checkPrivateKey(createPrivateKey(issued.client.privateKey))).toBe(true)
  })
})

test('every mixture of the keys of CA and leaf verifies', async () => {
  const types = ['ec-p256', 'ec-p384', 'ed25519', 'rsa'] as const
  for (const keyType of types) {
    const ca = await createAuthority({ keyType })
    for (const leafType of types) {
      const { facts } = await issue(ca, { ...client, keyType: leafType })
      expect(facts.x509.verify(ca.facts.x509.publicKey)).toBe(true)
    }
  }
})

test('a CA says what it is: critical, path length 0, signing only, ten years', () => {
  const { facts } = authority
  expect(facts).toMatchObject({ isCa: true, pathLength: 0 })
  expect(facts.extendedKeyUsage).toBeUndefined()
  expect(facts.subjectKeyId).toMatch(/^[0-9a-f]{40}$/)
  expect(Math.round((facts.notAfter.getTime() - Date.now()) / day)).toBe(3650)
  const text = execFileSync('openssl', ['x509', '-noout', '-ext', 'basicConstraints,keyUsage'], {
    input: authority.certificate,
    encoding: 'utf8',
  })
  expect(text).toMatch(/Basic Constraints: critical\s+CA:TRUE, pathlen:0/)
  expect(text).toMatch(/Key Usage: critical\s+Certificate Sign, CRL Sign$/m)
})

test('two CAs never have the same name', async () => {
  expect((await createAuthority()).facts.subject).not.toBe(authority.facts.subject)
})

test('a leaf names its issuer by key, has one usage, and all four kinds of names', async () => {
  const { facts } = await issue(authority, {
    type: 'server',
    commonName: 'Weather.Example.ORG',
    subjectAltNames: [
      'weather.example.org',
      'dns:münchen.example',
      '*.svc.local',
      '10.0.0.1',
      'IP:[2001:DB8::0:1]',
      '::ffff:10.0.0.1',
      'ops@Example.org',
      'spiffe://example.org/ns/prod/weather',
    ],
  })
  expect(facts.authorityKeyId).toBe(authority.facts.subjectKeyId)
  expect(facts.extendedKeyUsage).toEqual(['serverAuth'])
  expect(facts.commonName).toBe('Weather.Example.ORG')
  expect(facts.names).toEqual({
    dns: ['weather.example.org', 'xn--mnchen-3ya.example', '*.svc.local'],
    ip: ['10.0.0.1', '2001:db8::1', '::ffff:a00:1'],
    email: ['ops@example.org'],
    uri: ['spiffe://example.org/ns/prod/weather'],
  })
})

test('the names of a client are those asked for, the common name is not one of them', async () => {
  const { facts } = await issue(authority, client)
  expect(facts.extendedKeyUsage).toEqual(['clientAuth'])
  expect(facts.names).toEqual({ dns: [], ip: [], email: [], uri: [] })
})

test('serial numbers are positive, of 16 bytes, and not given out twice', async () => {
  const issued = await Promise.all(Array.from({ length: 50 }, () => issue(authority, client)))
  const serials = issued.map(({ facts }) => facts.serial)
  expect(new Set(serials).size).toBe(50)
  for (const serial of serials) expect(serial).toMatch(/^[4-7][0-9a-f]{31}$/)
  const asked: string[] = []
  const isUsed = (serial: string) => asked.push(serial) < 3
  expect((await issue(authority, client, { isUsed })).facts.serial).toBe(asked[2])
})

test('a leaf is valid from five minutes ago for a year', async () => {
  const now = new Date(Date.now() + 7 * day)
  const { facts } = await issue(authority, client, { now })
  expect(now.getTime() - facts.notBefore.getTime()).toBeGreaterThanOrEqual(5 * minute)
  expect(now.getTime() - facts.notBefore.getTime()).toBeLessThan(5 * minute + 1000)
  expect(Math.round((facts.notAfter.getTime() - now.getTime()) / day)).toBe(365)
})

test('a leaf never outlives its CA, nor is it older', async () => {
  const ca = await createAuthority({ validityDays: 2 })
  const { facts } = await issue(ca, { ...client, validityDays: 3650 })
  expect(facts.notAfter).toEqual(ca.facts.notAfter)
  expect(facts.notBefore.getTime()).toBeGreaterThanOrEqual(ca.facts.notBefore.getTime())
})

test('dates after 2049 are written as RFC 5280 wants them', async () => {
  const now = new Date('2049-06-01')
  const ca = await createAuthority({}, { now })
  expect((await issue(ca, client, { now })).facts.notAfter.toISOString()).toBe('2050-06-01T00:00:00.000Z')
})

test('a CA that is expired or not yet valid issues nothing', async () => {
  const old = await createAuthority({ validityDays: 1 }, { now: new Date(Date.now() - 2 * day) })
  await expect(issue(old, client)).rejects.toMatchObject({ code: 'CERT_EXPIRED' })
  const young = await createAuthority({}, { now: new Date(Date.now() + day) })
  await expect(issue(young, client)).rejects.toMatchObject({ code: 'CERT_NOT_YET_VALID' })
})

test('a given key is certified instead of a fresh one', async () => {
  const privateKey = generateKeyPairSync('ed25519')
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString()
  const issued = await issue(authority, client, { privateKey })
  expect(issued.facts.x509.checkPrivateKey(createPrivateKey(privateKey))).toBe(true)
})

test('the private key shows in no log and no JSON', async () => {
  const issued = await issue(authority, client)
  expect(issued.privateKey).toContain('PRIVATE KEY')
  expect(Object.keys(issued)).toEqual(['certificate', 'facts'])
  for (const shown of [
    JSON.stringify(issued),
    inspect(issued, { depth: 9 }),
    JSON.stringify({ ...authority }),
  ])
    expect(shown).not.toContain('PRIVATE KEY')
})

test('a self-signed certificate is a leaf that vouches for itself', async () => {
  const { facts } = await selfSigned({ type: 'server', commonName: 'demo' })
  expect(facts).toMatchObject({ isCa: false, selfIssued: true, extendedKeyUsage: ['serverAuth'] })
  expect(facts.x509.verify(facts.x509.publicKey)).toBe(true)
})

describe('a CA of another maker', () => {
  test('issues below its own name, key identifier and signature', async () => {
    const root = await forgeCa()
    const forged = await forgeCa({
      issuer: root,
      keyType: 'rsa',
      organization: 'Other "Maker"',
      pathLength: 0,
    })
    const ca = openPem(root.cert + forged.cert, forged.key)
    const issued = await issue(ca, client)
    writeFileSync(join(dir, 'root.crt'), root.cert)
    writeFileSync(join(dir, 'intermediate.crt'), forged.cert)
    writeFileSync(join(dir, 'leaf.crt'), issued.certificate)
    const out = execFileSync(
      'openssl',
      ['verify', '-x509_strict', '-CAfile', 'root.crt', '-untrusted', 'intermediate.crt', 'leaf.crt'],
      { cwd: dir, encoding: 'utf8', stdio: 'pipe' },
    )
    expect(out).toContain('OK')
  })

  test('opens with its passphrase and not without', async () => {
    const forged = await forgeCa()
    const encrypted = forged.privateKey
      .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'geheim' })
      .toString()
    expect(openPem(forged.cert, encrypted, 'geheim').facts.isCa).toBe(true)
    for (const passphrase of [undefined, 'wrong'])
      expect(() => openPem(forged.cert, encrypted, passphrase)).toThrow(
        expect.objectContaining({ code: 'KEY_ENCRYPTED' }),
      )
  })

  test('is refused when it is no CA, may not sign, or has another key', async () => {
    const [leaf, other, mute] = await Promise.all([
      forge(),
      forgeCa(),
      forgeCa({ keyUsage: ['digitalSignature'] }),
    ])
    const opening = (cert: string, key: string) => () => openPem(cert, key)
    expect(opening(leaf.cert, leaf.key)).toThrow(expect.objectContaining({ code: 'CERT_INVALID' }))
    expect(opening(mute.cert, mute.key)).toThrow(/may not issue/)
    expect(opening(other.cert, leaf.key)).toThrow(expect.objectContaining({ code: 'KEY_MISMATCH' }))
    expect(opening(other.cert, 'rubbish')).toThrow(expect.objectContaining({ code: 'CERT_INVALID' }))
  })

  const server = (...subjectAltNames: string[]): CertificateRequest => ({
    type: 'server',
    commonName: 'The Weather',
    subjectAltNames,
  })
  const excludesLocalhost = { nameConstraints: { excluded: [{ dns: 'localhost' }] } }

  test.each([
    ['a name that it must not give', excludesLocalhost, server('a.example', 'localhost'), /localhost/],
    [
      'a wildcard over one',
      { nameConstraints: { excluded: [{ dns: 'bar.example.com' }] } },
      server('*.example.com'),
      /\*\.example\.com/,
    ],
    [
      'a name outside of those that it may give',
      { nameConstraints: { permitted: [{ dns: 'corp.example' }] } },
      server('weather.example'),
      /weather\.example/,
    ],
    [
      'an address outside of its network',
      { nameConstraints: { permitted: [{ ip: '10.0.0.0/8' }] } },
      server('192.0.2.1'),
      /192\.0\.2\.1/,
    ],
    [
      'a key of a CA that nobody takes',
      { keyType: 'rsa', keySize: 1024 },
      server('a.example'),
      /has a weak key/,
    ],
    ['a use that it may not issue for', { usage: 'client' }, server('a.example'), /serverAuth/],
  ] as const)('issues nothing with %s', async (_what, limits, request, words) => {
    const root = await forgeCa({ commonName: 'Root' })
    const limited = await forge({
      ...structuredClone(limits),
      isCa: true,
      commonName: 'Limited',
      issuer: root,
    } as ForgeOptions)
    const below = await forgeCa({ commonName: 'Below', issuer: limited })
    for (const ca of [
      openPem(limited.cert, limited.key),
      openPem(below.cert + limited.cert + root.cert, below.key),
    ]) {
      const refused = issue(ca, request)
      await expect(refused).rejects.toThrow(expect.objectContaining({ code: 'CERT_INVALID' }))
      await expect(refused).rejects.toThrow(words)
    }
  })

  test('issues what its limits leave, and the same again', async () => {
    const forged = await forgeCa({
      nameConstraints: { permitted: [{ dns: 'corp.example' }], excluded: [{ dns: 'secret.corp.example' }] },
    })
    const ca = openPem(forged.cert, forged.key)
    const { facts } = await issue(ca, server('weather.corp.example'))
    expect(facts.names.dns).toEqual(['weather.corp.example'])
    expect((await reissue(ca, facts)).facts.names.dns).toEqual(['weather.corp.example'])
    const stranger = await forge({ dns: ['a.secret.corp.example'] })
    await expect(reissue(ca, readCertificate(stranger.cert))).rejects.toThrow(/secret\.corp\.example/)
  })
})
