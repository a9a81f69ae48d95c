import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { readCertificate } from '../../src/x509/certificate.js'
import { weakKey } from '../../src/x509/strength.js'

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
