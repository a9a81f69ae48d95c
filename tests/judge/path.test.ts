import type { X509Certificate } from 'node:crypto'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { buildPath, pathFault } from '../../src/judge/path.js'
import { type CertificateFacts, readCertificate } from '../../src/x509/certificate.js'
import { corruptSignature, type Forged, forge, forgeCa } from '../support/forge.js'

const day = 86_400_000
const read = ({ cert }: Forged): CertificateFacts => readCertificate(cert)

let root: Forged
let first: Forged
let second: Forged
let leaf: Forged
beforeAll(async () => {
  root = await forgeCa({ commonName: 'Root' })
  first = await forgeCa({ issuer: root, commonName: 'First' })
  second = await forgeCa({ issuer: first, commonName: 'Second' })
  leaf = await forge({ issuer: second })
})

const subjects = (path: { certificates: readonly CertificateFacts[] }) =>
  path.certificates.map(({ commonName }) => commonName)

test('the way leads over the intermediates to the anchor, in whatever order they come', () => {
  const strangers = [leaf, root]
  fc.assert(
    fc.property(fc.shuffledSubarray([first, second, ...strangers], { minLength: 4 }), (presented) => {
      const path = buildPath(read(leaf), presented.map(read), [read(root)])
      expect(path).toMatchObject({ anchored: true, selfSigned: false, badSignature: undefined })
      expect(subjects(path)).toEqual(['forged', 'Second', 'First', 'Root'])
    }),
    { numRuns: 24 },
  )
})

test('without a link it ends where it ends', () => {
  const path = buildPath(read(leaf), [read(second)], [read(root)])
  expect(path).toMatchObject({ anchored: false, badSignature: undefined })
  expect(subjects(path)).toEqual(['forged', 'Second'])
})

test('a trusted certificate that did not sign itself is a link, and no end', () => {
  expect(buildPath(read(leaf), [], [read(second)])).toMatchObject({ anchored: false })
  expect(buildPath(read(leaf), [], [second, first, root].map(read))).toMatchObject({ anchored: true })
})

test('a presented root is not an anchor', async () => {
  const [other, anchor] = [await forgeCa({ commonName: 'Other' }), read(root)]
  const stranger = await forge({ issuer: other })
  expect(buildPath(read(stranger), [read(other)], [anchor])).toMatchObject({
    anchored: false,
    selfSigned: false,
    badSignature: undefined,
  })
})

test('a self-signed leaf is told apart, and from one whose signature is wrong', async () => {
  const self = await forge()
  expect(buildPath(read(self), [], [])).toMatchObject({ anchored: false, selfSigned: true })
  const broken = read(corruptSignature(self))
  expect(buildPath(broken, [], [])).toMatchObject({ selfSigned: false, badSignature: broken })
})

test('a trusted certificate used as a leaf is anchored and self-signed', () => {
  expect(buildPath(read(root), [], [read(root)])).toMatchObject({ anchored: true, selfSigned: true })
})

test('a wrong signature of a known issuer is found, on the leaf and above', async () => {
  const bad = read(corruptSignature(await forge({ issuer: root })))
  expect(buildPath(bad, [], [read(root)])).toMatchObject({ anchored: false, badSignature: bad })
  const badSecond = read(corruptSignature(second))
  const path = buildPath(read(leaf), [badSecond, read(first)], [read(root)])
  expect(path).toMatchObject({ anchored: false, badSignature: badSecond })
})

test('a signature that cannot be checked is a wrong one', () => {
  const uncheckable = {
    ...read(leaf),
    x509: {
      verify: () => {
        throw new Error('no such algorithm')
      },
    } as unknown as X509Certificate,
  }
  expect(buildPath(uncheckable, [], [read(second)])).toMatchObject({
    anchored: false,
    badSignature: uncheckable,
  })
})

test('who may not sign certificates is nobody’s issuer', async () => {
  const noCa = await forge({ issuer: root, commonName: 'leaf' })
  const below = await forge({ issuer: noCa })
  expect(buildPath(read(below), [read(noCa)], [read(root)]).anchored).toBe(false)
  const noSigner = await forgeCa({ issuer: root, commonName: 'no signer', keyUsage: ['cRLSign'] })
  const beneath = await forge({ issuer: noSigner })
  expect(buildPath(read(beneath), [read(noSigner)], [read(root)]).anchored).toBe(false)
})

describe('of several paths one is taken that is valid', () => {
  const now = new Date()
  const ended = { notBefore: new Date(now.getTime() - 2 * day), notAfter: new Date(now.getTime() - day) }
  const early = { notBefore: new Date(now.getTime() + day) }

  test.each([
    ['expired', ended],
    ['not-yet-valid', early],
  ] as const)('whose root is not %s, in whatever order they stand', async (kind, dates) => {
    const bad = await forgeCa({ commonName: 'Root', keyOf: root, ...dates })
    const one = read(await forge({ issuer: root }))
    for (const order of [
      [bad, root],
      [root, bad],
    ]) {
      const path = buildPath(one, [], order.map(read), { now })
      expect(path.certificates.at(-1)?.serial).toBe(root.serial)
      expect(pathFault(path, { now })).toBeUndefined()
    }
    const alone = buildPath(one, [], [read(bad)], { now })
    expect(alone.anchored).toBe(true)
    expect(pathFault(alone, { now })).toMatchObject({ kind, certificate: { serial: bad.serial } })
    expect(pathFault(alone, {})).toBeUndefined()
  })

  test('at the first and the last moment of each certificate', async () => {
    const { notBefore, notAfter } = read(root)
    const path = buildPath(read(await forge({ issuer: root })), [], [read(root)])
    for (const [moment, kind] of [
      [notBefore, undefined],
      [notAfter, undefined],
      [new Date(notBefore.getTime() - 1), 'not-yet-valid'],
      [new Date(notAfter.getTime() + 1), 'expired'],
    ] as const)
      expect(pathFault(path, { now: moment })?.kind).toBe(kind)
  })

  test('whose CAs may issue for the purpose', async () => {
    const forServers = await forge({
      ...{ issuer: root, commonName: 'First', keyOf: first },
      isCa: true,
      usage: 'server',
    })
    const one = read(await forge({ issuer: first }))
    for (const order of [
      [forServers, first],
      [first, forServers],
    ]) {
      const rules = { now, purpose: 'clientAuth' } as const
      const path = buildPath(one, order.map(read), [read(root)], rules)
      expect(path.certificates[1]?.serial).toBe(first.serial)
    }
  })

  test('that is anchored rather than long', async () => {
    const elsewhere = await forgeCa({ commonName: 'Elsewhere' })
    const cross = await forgeCa({ commonName: 'First', keyOf: first, issuer: elsewhere })
    const one = read(await forge({ issuer: first }))
    const path = buildPath(one, [cross, elsewhere, first].map(read), [read(root)], { now })
    expect(path.anchored).toBe(true)
    const unanchored = buildPath(one, [cross, elsewhere].map(read), [read(root)], { now })
    expect(unanchored).toMatchObject({ anchored: false, selfSigned: false, badSignature: undefined })
  })
})

test('who bears the name of a known CA, and not its key, is told as its namesake', async () => {
  const stranger = await forge({ issuer: { ...(await forgeCa()), subject: root.subject } })
  const path = buildPath(read(stranger), [], [read(root)])
  expect(path).toMatchObject({
    anchored: false,
    badSignature: undefined,
    namesake: { serial: stranger.serial },
  })
  const unknown = buildPath(read(await forge({ issuer: await forgeCa() })), [], [read(root)])
  expect(unknown.namesake).toBeUndefined()
})

test('more than ten presented certificates are not looked at', async () => {
  const others = await Promise.all(
    Array.from({ length: 10 }, (_, at) => forgeCa({ commonName: `Other ${at}` })),
  )
  const last = [...others, first, second].map(read)
  expect(buildPath(read(leaf), last, [read(root)]).anchored).toBe(false)
  expect(buildPath(read(leaf), last.slice(2), [read(root)]).anchored).toBe(true)
})

test('two anchors of one name, as while a CA is replaced, are both tried', async () => {
  const renewed = await forgeCa({ commonName: 'Root' })
  for (const issuer of [root, renewed]) {
    const one = read(await forge({ issuer }))
    expect(buildPath(one, [], [read(root), read(renewed)])).toMatchObject({ anchored: true })
  }
})

test('an intermediate of the same name and another key does not hide the right one', async () => {
  const other = await forgeCa({ issuer: root, commonName: 'Second' })
  const path = buildPath(read(leaf), [read(other), read(second), read(first)], [read(root)])
  expect(path.anchored).toBe(true)
})

test('certificates that sign each other in every combination are each climbed over once', () => {
  let checks = 0
  const verify = () => ++checks > 0
  // Two names that issue each other, with signatures that always fit: what a stranger could prepare.
  const ring = Array.from({ length: 20 }, (_, index) => ({
    ...read(root),
    subject: index % 2 ? 'CN=A' : 'CN=B',
    issuer: index % 2 ? 'CN=B' : 'CN=A',
    authorityKeyId: undefined,
    fingerprint256: String(index),
    x509: { verify, publicKey: undefined } as unknown as X509Certificate,
  }))
  const [victim = read(leaf), ...presented] = ring
  expect(buildPath(victim, presented, [read(root)]).anchored).toBe(false)
  expect(checks).toBeLessThanOrEqual(50 + 20) // a search, and a look at each whether it signed itself
})

test('what a search may not check any more counts as not signed', () => {
  let checks = 0
  const signs = (answer: boolean) =>
    ({ verify: () => ++checks > 0 && answer, publicKey: undefined }) as unknown as X509Certificate
  const victim = {
    ...read(leaf),
    issuer: 'CN=Same',
    issuerRdns: ['Same'],
    authorityKeyId: undefined,
    x509: signs(false),
  }
  const same = Array.from({ length: 150 }, (_, at) => ({
    ...{
      ...read(root),
      subject: 'CN=Same',
      subjectRdns: ['Same'],
      issuer: 'CN=Same',
      fingerprint256: String(at),
      keyId: String(at),
    },
    x509: signs(true),
  }))
  expect(buildPath(victim, [], same)).toMatchObject({ anchored: false })
  expect(checks).toBe(150 + 150) // each looked at once whether it signed itself
  checks = 0
  const costly = same.map((one) => ({ ...one, key: { type: 'ec', bits: 521, text: 'EC P-521' } as const }))
  expect(buildPath(victim, [], costly)).toMatchObject({ anchored: false })
  expect(checks).toBe(150 + 8)
  checks = 0
  expect(
    buildPath(
      victim,
      [],
      costly.map((one) => ({ ...one })),
      { maximumCost: 5000 },
    ),
  ).toMatchObject({ anchored: false })
  expect(checks).toBe(150 + 2)
})

test('key usage and key identifiers are asked for where they are', async () => {
  const plain = await forgeCa({ commonName: 'Plain', keyUsage: [] })
  const one = read(await forge({ issuer: plain }))
  const anchor = read(plain)
  expect(buildPath(one, [], [anchor]).anchored).toBe(true)
  expect(buildPath({ ...one, authorityKeyId: undefined }, [], [anchor]).anchored).toBe(true)
  expect(buildPath(one, [], [{ ...anchor, subjectKeyId: undefined }]).anchored).toBe(true)
  expect(buildPath({ ...one, authorityKeyId: 'ab' }, [], [anchor]).anchored).toBe(false)
})

test('a chain of more than ten certificates is not followed', async () => {
  let issuer = root
  const chain: CertificateFacts[] = []
  for (let index = 0; index < 10; index++) {
    issuer = await forgeCa({ issuer, commonName: `CA ${index}` })
    chain.push(read(issuer))
  }
  expect(buildPath(read(await forge({ issuer })), chain, [read(root)]).anchored).toBe(false)
})

test('a key that is not taken is never used, and no way over it is good', async () => {
  const intermediate = read(await forgeCa({ issuer: root, commonName: 'Costly' }))
  const leaf = read(await forge({ issuer: await forgeCa({ issuer: root, commonName: 'Costly' }) }))
  let checks = 0
  const verify = () => ++checks > 0
  const below = {
    ...leaf,
    authorityKeyId: undefined,
    x509: { ...leaf.x509, verify } as unknown as X509Certificate,
  }
  for (const key of [
    { type: 'rsa', bits: 3072, exponentBits: 3072, text: 'RSA 3072' },
    { type: 'ec', bits: 571, text: 'EC sect571r1' },
  ] as const) {
    const costly = { ...intermediate, key }
    for (const path of [
      buildPath(below, [costly], [read(root)]),
      buildPath(below, [], [read(root), costly]),
    ]) {
      expect(path.certificates).toContain(costly)
      expect(pathFault(path, {})).toMatchObject({ kind: 'fabric', certificate: costly })
    }
    expect(buildPath(below, [costly, intermediate], [read(root)]).certificates).toContain(intermediate)
  }
})
