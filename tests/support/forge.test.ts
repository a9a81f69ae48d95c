import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readCertificate } from '../../src/x509/certificate.js'
import { corruptSignature, type Forged, forge, forgeCa, forgeCrl, writeSet } from './forge.js'

let dir: string
let ca: Forged
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'forge-'))
  ca = await forgeCa({ keyType: 'rsa' })
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

function openssl(...args: string[]): string {
  return execFileSync('openssl', args, { cwd: dir, encoding: 'utf8', stdio: 'pipe' })
}

test('what it makes by default satisfies openssl verify -x509_strict', async () => {
  const root = await forgeCa()
  const intermediate = await forgeCa({ issuer: root, pathLength: 0 })
  const leaf = await forge({ issuer: intermediate, usage: 'server', uri: ['spiffe://example.org/a'] })
  writeFileSync(join(dir, 'root.crt'), root.cert)
  writeFileSync(join(dir, 'mid.crt'), intermediate.cert)
  writeFileSync(join(dir, 'leaf.crt'), leaf.cert)
  const out = openssl('verify', '-x509_strict', '-CAfile', 'root.crt', '-untrusted', 'mid.crt', 'leaf.crt')
  expect(out).toContain('OK')
  const facts = readCertificate(leaf.cert)
  expect(facts.names).toEqual({
    dns: ['localhost'],
    ip: ['127.0.0.1', '::1'],
    email: [],
    uri: ['spiffe://example.org/a'],
  })
  expect(facts.serial).toBe(leaf.serial)
})

test.each([
  ['ec-p224', undefined, 'EC secp224r1'],
  ['ec-p384', undefined, 'EC P-384'],
  ['ed25519', undefined, 'Ed25519'],
  ['rsa', 1024, 'RSA 1024'],
  ['dsa', 1024, 'DSA 1024'],
] as const)('it forges a %s key', async (keyType, keySize, text) => {
  const forged = await forge({ keyType, ...(keySize ? { keySize } : {}) })
  const x509 = new X509Certificate(forged.cert)
  expect(readCertificate(x509).key.text).toBe(text)
  expect(x509.verify(x509.publicKey)).toBe(true)
})

test('it forges signatures with MD5 and SHA-1', async () => {
  const md5 = await forge({ issuer: ca, hash: 'MD5' })
  const sha1 = await forge({ issuer: ca, hash: 'SHA-1' })
  expect(readCertificate(md5.cert).signatureHash).toBe('md5')
  expect(readCertificate(sha1.cert).signatureHash).toBe('sha1')
})

test('a corrupted signature parses and does not verify', async () => {
  const leaf = corruptSignature(await forge({ issuer: ca }))
  const key = new X509Certificate(ca.cert).publicKey
  expect(new X509Certificate(leaf.cert).verify(key)).toBe(false)
  expect(new X509Certificate(leaf.der).subject).toContain('forged')
})

test('odd certificates say what was asked for', async () => {
  const odd = readCertificate(
    (await forge({ criticalUnknown: true, usage: 'none', keyUsage: [], isCa: true, serial: '0a0b' })).cert,
  )
  expect(odd.unknownCritical).toEqual(['1.2.3.4.5'])
  expect(odd.extendedKeyUsage).toBeUndefined()
  expect(odd.keyUsage).toBeUndefined()
  expect(odd.isCa).toBe(true)
  expect(odd.serial).toBe('a0b')
  expect(readCertificate((await forge({ version: 1 })).cert).version).toBe(1)
})

test('openssl reads a forged revocation list and believes it', async () => {
  const leaf = await forge({ issuer: ca })
  const crl = await forgeCrl({ issuer: ca, revoked: [leaf.serial] })
  await writeSet(dir, { ca, client: leaf, crl })
  expect(readdirSync(dir)).toEqual(expect.arrayContaining(['ca.crt', 'ca.crl', 'client.crt', 'client.key']))
  expect(() =>
    openssl('verify', '-crl_check', '-CAfile', 'ca.crt', '-CRLfile', 'ca.crl', 'client.crt'),
  ).toThrow(/certificate revoked/)
  writeFileSync(join(dir, 'empty.crl'), await forgeCrl({ issuer: ca }))
  expect(
    openssl('verify', '-crl_check', '-CAfile', 'ca.crt', '-CRLfile', 'empty.crl', 'client.crt'),
  ).toContain('OK')
})
