import { execFileSync } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readCertificate, serialText } from '../../src/x509/certificate.js'
import { readCertificates } from '../../src/x509/pem.js'
import { publicKeyHash } from '../../src/x509/public-key-hash.js'
import { type ForgeOptions, forge, forgeCa } from '../support/forge.js'
import { refusal } from '../support/refusal.js'
import { scratch } from '../support/scratch.js'
import { holdsOnBothSides } from '../support/sides.js'
import { withExtensionTwice } from '../support/tampering.js'

test('a leaf is read with all that matters', async () => {
  const ca = await forgeCa({ organization: 'Example' })
  const [notBefore, notAfter] = [new Date('2026-01-01T00:00:00Z'), new Date('2049-12-31T23:59:59Z')]
  const forged = await forge({
    issuer: ca,
    commonName: 'agent',
    organization: 'Example',
    usage: 'both',
    uri: ['spiffe://example.org/a'],
    serial: '00ab',
    notBefore,
    notAfter,
  })
  const facts = readCertificate(forged.cert)
  expect(facts).toMatchObject({
    subject: 'CN=agent,O=Example',
    issuer: 'CN=Forged CA,O=Example',
    commonName: 'agent',
    serial: 'ab',
    version: 3,
    notBefore,
    notAfter,
    names: { dns: ['localhost'], ip: ['127.0.0.1', '::1'], email: [], uri: ['spiffe://example.org/a'] },
    key: { type: 'ec', bits: 256, text: 'EC P-256' },
    signatureHash: 'sha256',
    isCa: false,
    keyUsage: ['digitalSignature'],
    extendedKeyUsage: ['serverAuth', 'clientAuth'],
    unknownCritical: [],
    selfIssued: false,
  })
  const { fingerprint256 } = new X509Certificate(forged.cert)
  expect(facts.fingerprint256).toBe(fingerprint256.replaceAll(':', '').toLowerCase())
  expect(facts.authorityKeyId).toBe(readCertificate(ca.cert).subjectKeyId)
  expect(Object.isFrozen(facts)).toBe(true)
})

test('a CA is read with its rights', async () => {
  expect(readCertificate((await forgeCa({ pathLength: 0 })).cert)).toMatchObject({
    isCa: true,
    pathLength: 0,
    keyUsage: ['cRLSign', 'keyCertSign'],
    extendedKeyUsage: undefined,
    selfIssued: true,
  })
})

test('PEM, DER and an object of Node give the same facts', async () => {
  const { cert, der } = await forge()
  const { x509: _one, ...facts } = readCertificate(cert)
  for (const source of [der, new Uint8Array(der), new X509Certificate(cert)]) {
    const { x509: _other, ...same } = readCertificate(source)
    expect(same).toEqual(facts)
  }
})

test.each<[ForgeOptions, object]>([
  [{ version: 1 }, { version: 1, keyUsage: undefined, extendedKeyUsage: undefined, names: { dns: [] } }],
  [
    { usage: 'none', keyUsage: [] },
    { keyUsage: undefined, extendedKeyUsage: undefined },
  ],
  [{ usage: ['2.5.29.37.0'] }, { extendedKeyUsage: ['any'] }],
  [{ usage: ['1.2.3'] }, { extendedKeyUsage: ['1.2.3'] }],
  [{ criticalUnknown: true }, { unknownCritical: ['1.2.3.4.5'] }],
  [{ notAfter: new Date('2050-01-01T00:00:00Z') }, { notAfter: new Date('2050-01-01T00:00:00Z') }],
  [{ commonName: '' }, { commonName: undefined, subject: '' }],
  [{ commonName: 'a+b,c"d\\e<f>g;h=i' }, { subject: 'CN=a\\+b\\,c\\"d\\\\e\\<f\\>g\\;h=i' }],
  [{ commonName: 'line\nbreak\u001b\u0085\u202e' }, { subject: 'CN=line\\0abreak\\1b\\c2\\85\\e2\\80\\ae' }],
  [{ commonName: 'Zürich 東京' }, { commonName: 'Zürich 東京', subject: 'CN=Zürich 東京' }],
])('%j reads as what it is', async (options, facts) => {
  expect(readCertificate((await forge(options)).cert)).toMatchObject(facts)
})

test.each([
  ['nothing', ''],
  ['text', 'hello'],
  ['a PEM frame around nothing', '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----'],
  ['bytes', new Uint8Array([0x30, 0x03, 0x02, 0x01, 0x01])],
])('%s is CERT_INVALID and says where', (_what, source) => {
  const error = refusal(() => readCertificate(source, '/etc/server.crt'))
  expect(error.code).toBe('CERT_INVALID')
  expect(error.message).toContain('/etc/server.crt')
})

test('every organization and unit of the subject is read, and no other attribute as one', async () => {
  const attributes = [
    ['2.5.4.10', 'Second'],
    ['2.5.4.11', 'One unit'],
    ['2.5.4.11', 'Another, unit'],
    ['2.5.4.7', 'Town'],
  ] as const
  const { cert } = await forge({ organization: 'First', attributes })
  expect(readCertificate(cert)).toMatchObject({
    organizations: ['First', 'Second'],
    organizationalUnits: ['One unit', 'Another, unit'],
  })
  expect(readCertificate((await forge()).cert)).toMatchObject({ organizations: [], organizationalUnits: [] })
})

test.each(['ec-p256', 'rsa', 'ed25519'] as const)(
  'the pin of a key (%s) is that of OpenSSL',
  async (keyType) => {
    const facts = readCertificate((await forge({ keyType })).cert)
    const spki = facts.x509.publicKey.export({ type: 'spki', format: 'der' })
    expect(publicKeyHash(facts)).toBe(createHash('sha256').update(spki).digest('hex'))
  },
)

test('an extension that stands twice is CERT_INVALID', async () => {
  const ca = await forgeCa()
  const { cert } = withExtensionTwice(await forge({ issuer: ca }), ca)
  expect(refusal(() => readCertificate(cert)).code).toBe('CERT_INVALID')
})

test.each([
  [{ keyType: 'ed25519' }, { type: 'ed25519', bits: 256, text: 'Ed25519' }],
  [
    { keyType: 'dsa', keySize: 2048 },
    { type: 'dsa', bits: 2048, text: 'DSA 2048' },
  ],
  [
    { keyType: 'rsa', keySize: 3072 },
    { type: 'rsa', bits: 3072, text: 'RSA 3072', exponentBits: 17 },
  ],
  [{ keyType: 'ec-p224' }, { type: 'ec', bits: 224, text: 'EC secp224r1' }],
  [{ keyType: 'ec-p384' }, { type: 'ec', bits: 384, text: 'EC P-384' }],
] as const)('the key of %j is %j', async (options, key) => {
  expect(readCertificate((await forge(options)).cert).key).toEqual(key)
})

test('key identifiers are read as hex, and absent ones are undefined', async () => {
  const ca = await forgeCa()
  const keyId = Buffer.from(ca.keyId).toString('hex')
  expect(readCertificate(ca.cert)).toMatchObject({ subjectKeyId: keyId, authorityKeyId: undefined })
  expect(readCertificate((await forge({ issuer: ca })).cert).authorityKeyId).toBe(keyId)
  expect(readCertificate((await forge({ version: 1 })).cert)).toMatchObject({
    subjectKeyId: undefined,
    authorityKeyId: undefined,
    isCa: false,
    names: { dns: [], ip: [], email: [], uri: [] },
  })
})

test('a certificate with any byte changed is read or is CERT_INVALID, and nothing else', async () => {
  const { der } = await forge({ uri: ['spiffe://a/b'], usage: 'both' })
  holdsOnBothSides(
    fc.tuple(fc.nat(der.length - 1), fc.integer({ min: 0, max: 255 })),
    ([at, value]) => {
      const broken = Buffer.from(der)
      broken[at] = value
      try {
        readCertificate(broken)
        return true
      } catch (error) {
        expect(error).toMatchObject({ code: 'CERT_INVALID' })
        return false
      }
    },
    { runs: 500, accepted: 50, refused: 50 },
  )
})

test('a file gives its certificates in their order', async () => {
  const ca = await forgeCa()
  const leaf = await forge({ issuer: ca })
  const text = `# the leaf\n${leaf.cert}\nand its issuer\n${ca.cert}`
  expect(readCertificates(text, 'server.crt').map(({ subject }) => subject)).toEqual([
    'CN=forged',
    'CN=Forged CA',
  ])
})

test('a file names the certificate of several that cannot be read', async () => {
  const { cert } = await forge()
  const text = `${cert}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`
  const error = refusal(() => readCertificates(text, 'ca.crt'))
  expect(error.message).toContain('ca.crt (certificate 2 of 2)')
  expect(refusal(() => readCertificates(cert.slice(0, 200), 'ca.crt')).message).toContain('cut off')
  expect(refusal(() => readCertificates('', 'ca.crt')).message).toContain('no certificate in it')
})

test('one number has one text, however it was encoded', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 160n }), fc.nat(4), (number, zeros) => {
      const hex = number.toString(16)
      const encoded = Buffer.from(
        '00'.repeat(zeros) + hex.padStart(hex.length + (hex.length % 2), '0'),
        'hex',
      )
      expect(serialText(new Uint8Array(encoded).buffer)).toBe(hex)
      expect(serialText(`0${hex.toUpperCase()}`)).toBe(hex)
    }),
  )
})

test('a bundle with one cut off is refused as a whole, and one that cannot be read is told by its place', async () => {
  const { cert } = await forge({ commonName: 'x' })
  expect(refusal(() => readCertificates(cert + cert.slice(0, 200), 'ca.crt')).message).toBe(
    'ca.crt: a certificate in it is cut off',
  )
  const broken = cert.replace(/\n.{20}/, '\nAAAAAAAAAAAAAAAAAAAA')
  expect(refusal(() => readCertificates(cert + broken, 'ca.crt')).message).toContain(
    'ca.crt (certificate 2 of 2)',
  )
  expect(refusal(() => readCertificates(broken, 'ca.crt')).message).toMatch(/^ca\.crt: not a readable/)
  expect(refusal(() => readCertificates('0 is no certificate', 'ca.crt')).message).toBe(
    'ca.crt: no certificate in it',
  )
})

test('extensions below version 3 are refused', async () => {
  const { der } = await forge({})
  const version = der.indexOf(Buffer.from('a003020102', 'hex'))
  const older = Buffer.from(der)
  older[version + 4] = 1
  expect(refusal(() => readCertificate(older)).message).toBe('certificate: not a readable X.509 certificate')
  expect(readCertificate(der).version).toBe(3)
})

test('name constraints that stand twice are refused', async () => {
  const ca = await forgeCa({ nameConstraints: { permitted: [{ dns: 'example.com' }] } })
  expect(readCertificate(ca.cert).nameConstraints?.permitted).toHaveLength(1)
  const { cert } = withExtensionTwice(ca, ca, '2.5.29.30')
  expect(() => readCertificate(cert)).toThrow('not a readable')
})

test('directory names, addresses of lists and email addresses of the subject are read where they are', () => {
  const folder = scratch()
  writeFileSync(
    join(folder, 'x.conf'),
    `[req]
distinguished_name = subject
prompt = no
[subject]
CN = x
emailAddress = a@example.com
[extensions]
subjectAltName = DNS:x.example,dirName:directory,dirName:other
crlDistributionPoints = point,relative
[directory]
O = Example
CN = Inner
[other]
O = Other
[point]
fullname = URI:http://x/crl,DNS:x.example
[relative]
CRLissuer = dirName:directory
`,
  )
  const args = [
    'req',
    '-x509',
    '-config',
    'x.conf',
    '-extensions',
    'extensions',
    '-newkey',
    'ed25519',
    '-nodes',
  ]
  const text = execFileSync('openssl', [...args, '-keyout', '/dev/null'], {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  expect(readCertificate(text)).toMatchObject({
    directoryNames: [['2.5.4.10="example"', '2.5.4.3="inner"'], ['2.5.4.10="other"']],
    crlPoints: ['URI:http://x/crl', 'DNS:x.example'],
    otherEmails: ['a@example.com'],
    names: { dns: ['x.example'] },
  })
})

test('what is not there is empty', async () => {
  const facts = readCertificate((await forge({ dns: [], ip: [] })).cert)
  expect(facts).toMatchObject({
    directoryNames: [],
    crlPoints: [],
    otherEmails: [],
    commonNames: ['forged'],
    netscapeUsage: undefined,
    nameConstraints: undefined,
  })
})
