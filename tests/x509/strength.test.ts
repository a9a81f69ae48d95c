import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { readCertificate } from '../../src/x509/certificate.js'
import type { KeyAlgorithm } from '../../src/x509/key-facts.js'
import { checkCost, weakKey } from '../../src/x509/strength.js'

const ec = (curve: string, ...options: string[]) => [
  ...['-newkey', 'ec', '-pkeyopt', `ec_paramgen_curve:${curve}`],
  ...options.flatMap((option) => ['-pkeyopt', option]),
]

test.each<[args: string[], weakness: RegExp | undefined]>([
  [ec('P-256'), undefined],
  [ec('P-384'), undefined],
  [ec('P-521'), undefined],
  [['-newkey', 'ed25519'], undefined],
  [['-newkey', 'ed448'], undefined],
  [['-newkey', 'rsa:2048'], undefined],
  [['-newkey', 'rsa:2040'], /weak key \(RSA 2040\)/],
  [
    ['-newkey', 'rsa:2048', '-pkeyopt', 'rsa_keygen_pubexp:8589934593'],
    /costs too much to check \(RSA 2048, exponent of 34 bits/,
  ],
  [['-newkey', 'rsa:2048', '-pkeyopt', 'rsa_keygen_pubexp:8589934591'], undefined],
  [['-newkey', 'rsa:2048', '-pkeyopt', 'rsa_keygen_pubexp:3'], undefined],
  [ec('secp224r1'), /curve that is not taken \(EC secp224r1;/],
  [ec('secp256k1'), /curve that is not taken \(EC secp256k1;/],
  [ec('brainpoolP256r1'), /curve that is not taken \(EC brainpoolP256r1;/],
  [ec('P-256', 'ec_param_enc:explicit'), /curve that is not taken \(EC explicit parameters;/],
])('a key that openssl makes with %j', (args, weakness) => {
  const request = ['req', '-x509', '-nodes', '-subj', '/CN=x', '-keyout', '/dev/null', '-days', '1', ...args]
  const text = execFileSync('openssl', request, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  const found = weakKey(readCertificate(text))
  if (weakness) expect(found).toMatch(weakness)
  else expect(found).toBeUndefined()
})

test.each<[KeyAlgorithm, number, string, number]>([
  ['rsa', 2048, 'RSA 2048', 100],
  ['rsa', 4096, 'RSA 4096', 100],
  ['rsa', 4097, 'RSA 4097', 800],
  ['rsa', 8192, 'RSA 8192', 800],
  ['ec', 256, 'EC P-256', 100],
  ['ec', 384, 'EC P-384', 1000],
  ['ec', 521, 'EC P-521', 2500],
  ['ec', 256, 'EC secp256k1', Infinity],
  ['ec', 0, 'EC explicit parameters', Infinity],
  ['ed25519', 256, 'Ed25519', 200],
  ['ed448', 456, 'Ed448', 500],
  ['other', 0, 'unknown', 200],
])('a check with a key %s of %i bits, %s, is counted as %i µs', (type, bits, text, cost) => {
  expect(checkCost({ type, bits, text })).toBe(cost)
})

test('what a check costs goes by the key, and what is not taken costs more than anything', () => {
  const cost = (type: KeyAlgorithm, bits: number, exponentBits = 17) =>
    checkCost({ type, bits, exponentBits, text: '' })
  expect(cost('rsa', 8192, 33)).toBeLessThan(Infinity)
  expect([cost('rsa', 8193), cost('rsa', 2048, 34)]).toEqual([Infinity, Infinity])
  for (const type of ['ed25519', 'dsa', 'other'] as const) expect(cost(type, 9999)).toBe(200)
})
