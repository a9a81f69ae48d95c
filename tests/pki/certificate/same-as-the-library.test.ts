import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { buildCertificate, type Signing } from '../../../src/pki/certificate/builder.js'
import { createAuthority } from '../../../src/pki/certificate/certificate.js'
import { generateKey, type KeyType, keyTypes } from '../../../src/pki/certificate/key.js'
import {
  type CertificateRequest,
  parseAuthority,
  parseRequest,
} from '../../../src/pki/certificate/request.js'
import { signatureScheme } from '../../../src/pki/certificate/signature.js'
import { type CertificateFacts, readCertificate } from '../../../src/x509/certificate.js'
import { contentsOf, elementAt, elementsIn, encodingOf, expected } from '../../../src/x509/der/der.js'
import { type ForgeOptions, forge } from '../../support/forge.js'
import { libraryCertificate } from '../../support/library-builder.js'

/** What is signed, and the algorithm after it: all of a certificate but its signature, which differs each time. */
function unsigned(der: Uint8Array): string[] {
  const [body, algorithm] = [...elementsIn(elementAt(der, 0))]
  return [body, algorithm].map((part) => Buffer.from(encodingOf(expected(part))).toString('hex'))
}

function isSigned(der: Uint8Array, key: KeyObject): boolean {
  const [body, , signature] = [...elementsIn(elementAt(der, 0))]
  const { hash } = signatureScheme(key)
  const bits = contentsOf(expected(signature)).subarray(1)
  return verify(hash, encodingOf(expected(body)), createPublicKey(key), bits)
}

async function compare(content: Parameters<typeof buildCertificate>[0], signing: Signing): Promise<void> {
  const der = buildCertificate(content, signing)
  expect(unsigned(der)).toEqual(unsigned(await libraryCertificate(content, signing)))
  expect(isSigned(der, signing.signingKey)).toBe(true)
}

const keys = new Map<KeyType, KeyObject>()
async function keyOf(type: KeyType): Promise<KeyObject> {
  const key = keys.get(type) ?? (await generateKey(type, 2048))
  keys.set(type, key)
  return key
}

const life = { notBefore: new Date('2026-01-02T03:04:05Z'), notAfter: new Date('2027-01-01T00:00:00Z') }

test.each(keyTypes.flatMap((key) => keyTypes.map((signer) => [key, signer] as const)))(
  'a key of type %s, certified by one of type %s, stands in the bytes that the library writes',
  async (keyType, signerType) => {
    const authority = await createAuthority({ keyType: signerType }, { privateKey: await keyOf(signerType) })
    const names = ['www.example.org', '10.0.0.1', 'a@example.org', 'spiffe://example.org/a']
    const request: CertificateRequest = { type: 'server', commonName: 'x', keyType, subjectAltNames: names }
    const signing = { key: await keyOf(keyType), serial: '40'.repeat(16), ...life }
    const issued = { ...signing, signingKey: authority.keyObject, issuer: authority.facts }
    const alone = { ...signing, signingKey: signing.key, issuer: undefined }
    await compare(parseRequest(request), issued)
    await compare(parseRequest(request), alone)
    await compare(parseAuthority({ keyType, commonName: 'CA' }), alone)
  },
)

test('whatever is asked for', async () => {
  const key = await keyOf('ec-p256')
  const word = fc.stringMatching(/^[a-z0-9]{1,9}$/)
  const text = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
    .filter((one) => /^(?=\S)[^\p{C}]{1,64}(?<=\S)$/u.test(one))
  const san = fc.oneof(
    word.map((one) => `dns:${one}.example`),
    fc.ipV4().map((one) => `ip:${one}`),
    fc.ipV6().map((one) => `ip:${one}`),
    word.map((one) => `email:${one}@example.org`),
  )
  const moment = fc.date({ min: new Date('1971-01-01'), max: new Date('2190-01-01'), noInvalidDate: true })
  const asked = fc.record({
    type: fc.constantFrom('server' as const, 'client' as const),
    commonName: word,
    organization: fc.option(text, { nil: undefined }),
    country: fc.constantFrom(undefined, 'DE', 'np'),
    subjectAltNames: fc.array(san, { maxLength: 5 }),
  })
  const serial = fc.stringMatching(/^[4-7][0-9a-f]{31}$/)
  await fc.assert(
    fc.asyncProperty(asked, moment, moment, serial, async (request, notBefore, notAfter, number) => {
      const content = parseRequest(request)
      await compare(content, { key, serial: number, notBefore, notAfter, signingKey: key, issuer: undefined })
    }),
    { numRuns: 150, seed: 5280 },
  )
})

test.each<ForgeOptions>([
  { usage: 'both', dns: ['a.example'], ip: ['2001:db8::1'], uri: ['urn:x:y'], email: ['a@b.example'] },
  {
    usage: ['1.3.6.1.5.5.7.3.1', '2.999.4294967295'],
    keyUsage: ['digitalSignature', 'decipherOnly'],
    organization: 'Ö',
  },
  { isCa: true, pathLength: 3, nameConstraints: { permitted: [{ dns: 'example' }] } },
  { usage: 'client', criticalUnknown: true, crlPoints: ['http://x/crl'], commonName: '' },
])('what somebody else made, made anew: %j', async (options) => {
  const before: CertificateFacts = readCertificate((await forge(options)).cert)
  const authority = await createAuthority()
  const key = await keyOf('ec-p384')
  await compare(before, {
    ...life,
    key,
    serial: '7f'.repeat(16),
    signingKey: authority.keyObject,
    issuer: authority.facts,
  })
})
