import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { isStrongHash, readSignatureAlgorithm } from '../../src/x509/algorithm.js'
import { readCertificate } from '../../src/x509/certificate.js'
import { encoded } from '../../src/x509/der/der.js'
import { type ForgeOptions, forge } from '../support/forge.js'
import { scratch } from '../support/scratch.js'

const rsa = ['-newkey', 'rsa:2048']
const pss = [...rsa, '-sigopt', 'rsa_padding_mode:pss']
const ec = (curve: string) => ['-newkey', 'ec', '-pkeyopt', `ec_paramgen_curve:${curve}`]

// Made by the openssl command: the algorithms our own makers never use.
test.each<[args: string[], hash: string, key: string, strong: boolean]>([
  [[...rsa, '-sha256'], 'sha256', 'RSA 2048', true],
  [[...rsa, '-sha1'], 'sha1', 'RSA 2048', false],
  [[...rsa, '-md5'], 'md5', 'RSA 2048', false],
  [[...pss, '-sha512'], 'sha512', 'RSA 2048', true],
  [[...pss, '-sha1'], 'sha1', 'RSA 2048', false],
  [['-newkey', 'rsa-pss', '-pkeyopt', 'rsa_keygen_bits:2048', '-sha384'], 'sha384', 'RSA 2048', true],
  [[...ec('P-521'), '-sha512'], 'sha512', 'EC P-521', true],
  [[...ec('secp256k1'), '-sha256'], 'sha256', 'EC secp256k1', true],
  [[...ec('P-256'), '-sha1'], 'sha1', 'EC P-256', false],
  [['-newkey', 'ed448'], 'built-in', 'Ed448', true],
])('openssl req -x509 %j is signed over %s with a key %s', (args, hash, key, strong) => {
  const text = execFileSync(
    'openssl',
    ['req', '-x509', '-nodes', '-subj', '/CN=x', '-keyout', '/dev/null', '-days', '1', ...args],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
  )
  const facts = readCertificate(text)
  expect(facts).toMatchObject({ signatureHash: hash, key: { text: key } })
  expect(isStrongHash(facts.signatureHash)).toBe(strong)
})

test.each<[ForgeOptions, string]>([
  [{ keyType: 'dsa', keySize: 1024, hash: 'SHA-1' }, 'sha1'],
  [{ keyType: 'ed25519' }, 'built-in'],
  [{ hash: 'SHA-224' }, 'sha224'],
])('a certificate forged with %j is signed over %s', async (options, hash) => {
  expect(readCertificate((await forge(options)).cert).signatureHash).toBe(hash)
})

test('an unknown algorithm is not strong', () => {
  for (const hash of [undefined, '', 'md2', 'sha3-256', 'constructor']) expect(isStrongHash(hash)).toBe(false)
})

test('RSASSA-PSS without parameters is over SHA-1, and no hash is no strong one', () => {
  const pss = Buffer.from('06092a864886f70d01010a', 'hex')
  for (const parameters of ['', '0500', '3000'])
    expect(readSignatureAlgorithm(encoded(0x30, pss, Buffer.from(parameters, 'hex')))).toEqual({
      hash: 'sha1',
      isPss: true,
    })
  expect(isStrongHash(undefined)).toBe(false)
})

test('a key that signs nothing is another one', () => {
  const folder = scratch()
  const openssl = (...args: string[]) =>
    execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] })
  openssl('genpkey', '-algorithm', 'X25519', '-out', 'x.key')
  openssl('pkey', '-in', 'x.key', '-pubout', '-out', 'x.pub')
  openssl('req', '-newkey', 'ed25519', '-nodes', '-subj', '/CN=x', '-keyout', 'ca.key', '-out', 'x.csr')
  openssl('x509', '-req', '-in', 'x.csr', '-force_pubkey', 'x.pub', '-signkey', 'ca.key', '-out', 'x.crt')
  const facts = readCertificate(readFileSync(join(folder, 'x.crt')))
  expect(facts.key).toEqual({ type: 'other', bits: 0, text: 'x25519' })
})
