import { beforeAll, expect, test } from 'vitest'
import { CrlSet } from '../../src/judge/crl-set.js'
import { findings, type Question } from '../../src/judge/findings.js'
import { buildPath } from '../../src/judge/path.js'
import { readCertificate } from '../../src/x509/certificate.js'
import { readCrls } from '../../src/x509/crl.js'
import { type Forged, forge, forgeCa, forgeCrl } from '../support/forge.js'

const day = 86_400_000
let ca: Forged
beforeAll(async () => {
  ca = await forgeCa({ nameConstraints: { excluded: [{ dns: 'localhost' }] } })
})

function of(leaf: Forged, trusted: readonly Forged[], question: Partial<Question> = {}) {
  const [facts, ...anchors] = [leaf, ...trusted].map(({ cert }) => readCertificate(cert))
  if (!facts) throw new TypeError('no leaf')
  const path = buildPath(facts, [], anchors)
  return [...findings(path, { now: new Date(), purpose: 'serverAuth', ...question })]
}

test('every finding is told, in the order of the verdict', async () => {
  const leaf = await forge({
    issuer: ca,
    usage: 'client',
    dns: ['localhost'],
    keyUsage: ['keyEncipherment'],
    keyType: 'rsa',
    keySize: 1024,
    hash: 'SHA-1',
    criticalUnknown: true,
    notBefore: new Date(Date.now() - 2 * day),
    notAfter: new Date(Date.now() - day),
  })
  const list = readCrls(await forgeCrl({ issuer: ca, revoked: [leaf.serial] }), 'ca.crl')
  const found = of(leaf, [ca], { serverName: 'elsewhere', revocation: new CrlSet(list) })
  expect(found.map(({ kind, words }) => `${kind}: ${words}`)).toEqual([
    expect.stringMatching(/^expired: expired on /),
    `revoked: (serial ${leaf.serial}) is revoked`,
    expect.stringMatching(/^constraint: has the name localhost, which .* must not give/),
    'purpose: is for clientAuth, not for serverAuth',
    'purpose: may not sign (key usage)',
    expect.stringMatching(
      /^fabric: has a critical extension that is not known here, the one with the number 1\./,
    ),
    'fabric: has a weak key (RSA 1024)',
    'fabric: has a weak signature (sha1)',
    'name: does not cover elsewhere, only localhost',
  ])
  expect(found[1]?.detail).toMatch(/^on \d{4}-/)
})

test('demo mode relaxes an unknown issuer, a CA for a leaf, and a name, and nothing else', async () => {
  const own = await forgeCa({ keyUsage: ['keyCertSign'] })
  expect(of(own, [], { serverName: 'localhost' }).map(({ kind, relaxed }) => [kind, relaxed])).toEqual([
    ['issuer', 'issuer-unknown'],
    ['purpose', 'self-signed-ca'],
    ['purpose', 'self-signed-ca'],
    ['name', 'name-mismatch'],
  ])
  const stranger = await forge({ issuer: await forgeCa(), usage: 'server' })
  expect(of(stranger, []).map(({ kind, relaxed }) => [kind, relaxed])).toEqual([['issuer', 'issuer-unknown']])
})

test('a list that does not vouch is a finding at each certificate whose issuer it is of', async () => {
  const root = await forgeCa({ commonName: 'Root' })
  const leaf = await forge({ issuer: root, usage: 'server' })
  expect(of(leaf, [root], { revocation: new CrlSet([]) })).toMatchObject([
    { kind: 'no-list', words: expect.stringContaining('there is no revocation list of CN=Root') },
  ])
  expect(of(leaf, [root], { revocation: new CrlSet([], true) })).toEqual([])
})
