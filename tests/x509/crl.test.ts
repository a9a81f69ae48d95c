import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readCertificate } from '../../src/x509/certificate.js'
import { readCrls } from '../../src/x509/crl.js'
import { corruptSignature, forge, forgeCa, forgeCrl } from '../support/forge.js'
import { refusal } from '../support/refusal.js'
import { holdsOnBothSides } from '../support/sides.js'

test('a list says who is revoked, and that its CA signed it', async () => {
  const ca = await forgeCa()
  const [list] = readCrls(await forgeCrl({ issuer: ca, revoked: ['00ab', '7f'] }), 'ca.crl')
  expect([...(list?.revoked.keys() ?? [])]).toEqual(['ab', '7f'])
  expect(list?.issuer).toBe('CN=Forged CA')
  expect(list?.isSignedBy(readCertificate(ca.cert))).toBe(true)
})

test.each(['ec-p384', 'ed25519', 'rsa'] as const)(
  'the signature of a CA with a key %s is checked',
  async (keyType) => {
    const ca = await forgeCa({ keyType })
    const [list] = readCrls(await forgeCrl({ issuer: ca }), 'ca.crl')
    expect(list?.isSignedBy(readCertificate(ca.cert))).toBe(true)
    expect(list?.isSignedBy(readCertificate((await forgeCa({ keyType })).cert))).toBe(false)
  },
)

test('a signature with RSASSA-PSS is checked with that padding', async () => {
  const ca = await forgeCa({ keyType: 'rsa' })
  const [list] = readCrls(await forgeCrl({ issuer: ca, pss: true }), 'ca.crl')
  expect(list?.isSignedBy(readCertificate(ca.cert))).toBe(true)
  const { privateKey } = await forgeCa({ keyType: 'rsa' })
  const [other] = readCrls(await forgeCrl({ issuer: ca, pss: true, signedBy: privateKey }), 'ca.crl')
  expect(other?.isSignedBy(readCertificate(ca.cert))).toBe(false)
})

test.each([
  ['ec-p256', 'ed25519'],
  ['rsa', 'ed25519'],
  ['ed25519', 'ec-p256'],
  ['ec-p256', 'rsa'],
  ['rsa', 'ec-p256'],
] as const)(
  'a signature by a key %s under the name of a CA with a key %s, which cannot even be checked, counts as none',
  async (signer, keyType) => {
    const ca = await forgeCa({ keyType })
    const { privateKey } = await forgeCa({ keyType: signer })
    const [list] = readCrls(await forgeCrl({ issuer: ca, signedBy: privateKey }), 'ca.crl')
    expect(list?.isSignedBy(readCertificate(ca.cert))).toBe(false)
  },
)

test.each(['list', 'entries'] as const)(
  'a critical extension of its %s that nobody knows makes a list useless; one that is not critical does not',
  async (of) => {
    const issuer = await forgeCa()
    const forged = (critical: boolean) => forgeCrl({ issuer, revoked: ['ab'], unknown: { of, critical } })
    const refused = await forged(true)
    expect(refusal(() => readCrls(refused, 'ca.crl'))).toMatchObject({
      code: 'CERT_INVALID',
      message: expect.stringContaining('1.2.3.4.5'),
    })
    expect([...(readCrls(await forged(false), 'ca.crl')[0]?.revoked.keys() ?? [])]).toEqual(['ab'])
  },
)

test('a list that does not say when the next one comes is refused', async () => {
  const text = await forgeCrl({ issuer: await forgeCa(), nextUpdate: null })
  expect(refusal(() => readCrls(text, 'ca.crl')).message).toContain('nextUpdate')
})

const der = (pem: string) => Buffer.from(pem.replace(/-----.*-----/g, ''), 'base64')

test('a list in DER is the same list', async () => {
  const ca = await forgeCa()
  const text = await forgeCrl({ issuer: ca, revoked: ['ab', '7f'] })
  for (const content of [der(text), der(text).toString('latin1')]) {
    const [list] = readCrls(content, 'ca.crl')
    expect(list?.pem).toBe(text)
    expect(list?.isSignedBy(readCertificate(ca.cert))).toBe(true)
    expect([...(list?.revoked.keys() ?? [])]).toEqual(['ab', '7f'])
  }
})

test.each([
  [{ deltaSince: { number: 1, critical: true } }, 'delta list'],
  [{ deltaSince: { number: 1, critical: false } }, 'delta list'],
  [{ issuingPoint: { indirect: true } }, 'certificates of other issuers'],
  [{ issuingPoint: { indirect: true, critical: false } }, 'certificates of other issuers'],
  [{ issuingPoint: { someReasons: true } }, 'some reasons'],
  [{ issuingPoint: { only: 'attribute' } }, 'attribute certificates'],
  [{ outerHash: 'SHA-384' }, 'two different signature algorithms'],
] as const)('a list with %j is refused with words, critical or not', async (options, words) => {
  const text = await forgeCrl({ issuer: await forgeCa(), revoked: ['ab'], ...options })
  expect(refusal(() => readCrls(text, 'ca.crl'))).toMatchObject({
    code: 'CERT_INVALID',
    message: expect.stringContaining(words),
  })
})

test('any byte of a list that is changed or cut leaves a list or CERT_INVALID, and nothing else', async () => {
  const whole = der(
    await forgeCrl({ issuer: await forgeCa(), revoked: ['ab', '7f'], issuingPoint: { uri: 'x:y' } }),
  )
  const readOrRefused = (content: Uint8Array) => {
    try {
      for (const [, { at }] of readCrls(content, 'ca.crl')[0]?.revoked ?? []) expect(at).toBeInstanceOf(Date)
      return true
    } catch (error) {
      expect(error).toMatchObject({ code: 'CERT_INVALID' })
      return false
    }
  }
  holdsOnBothSides(
    fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 })),
    ([at, value]) => readOrRefused(whole.with(at, value)),
    { runs: 2000, accepted: 200, refused: 200 },
  )
  for (let length = 0; length < whole.length; length++)
    expect(readOrRefused(whole.subarray(0, length)), String(length)).toBe(false)
  expect(readOrRefused(Buffer.concat([whole, Buffer.from([0])]))).toBe(false)
})

test('the number of a list is read whole', async () => {
  const [list] = readCrls(await forgeCrl({ issuer: await forgeCa(), number: 117 }), 'ca.crl')
  expect(list?.number).toBe(117n)
})

test('a CA of another name, or one that may not sign lists, or a SHA-1 signature does not count', async () => {
  const ca = await forgeCa()
  const [list] = readCrls(await forgeCrl({ issuer: ca }), 'ca.crl')
  const renamed = await forgeCa({ commonName: 'Other CA' })
  expect(list?.isSignedBy(readCertificate(renamed.cert))).toBe(false)
  const noLists = await forgeCa({ keyUsage: ['keyCertSign'] })
  const [unasked] = readCrls(await forgeCrl({ issuer: noLists }), 'ca.crl')
  expect(unasked?.isSignedBy(readCertificate(noLists.cert))).toBe(false)
  const [weak] = readCrls(await forgeCrl({ issuer: ca, hash: 'SHA-1' }), 'ca.crl')
  expect(weak?.isSignedBy(readCertificate(ca.cert))).toBe(false)
})

test('several lists of one file are all read, with either label', async () => {
  const one = await forgeCrl({ issuer: await forgeCa({ commonName: 'One' }) })
  const other = (await forgeCrl({ issuer: await forgeCa({ commonName: 'Other' }) })).replaceAll(
    'X509 CRL',
    'CRL',
  )
  expect(readCrls(`${one}\n${other}`, 'ca.crl').map(({ issuer }) => issuer)).toEqual(['CN=One', 'CN=Other'])
})

test.each([
  ['nothing', '', 'no revocation list'],
  ['a certificate', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----', 'no revocation list'],
  ['half a list', '-----BEGIN X509 CRL-----\nMIIB', 'cut off'],
  ['garbage', '-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----', 'not a readable revocation list'],
])('a file that holds %s is CERT_INVALID and named', (_what, text, message) => {
  const error = refusal(() => readCrls(text, '/etc/ca.crl'))
  expect(error.code).toBe('CERT_INVALID')
  expect(error.message).toContain('/etc/ca.crl')
  expect(error.message).toContain(message)
})

test('a list whose signature is corrupted belongs to nobody', async () => {
  const ca = await forgeCa()
  const good = await forgeCrl({ issuer: ca })
  const bad = corruptSignature({ ...(await forge()), der: der(good) })
  const [list] = readCrls(bad.cert.replaceAll('CERTIFICATE', 'X509 CRL'), 'ca.crl')
  expect(list?.isSignedBy(readCertificate(ca.cert))).toBe(false)
})
