import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type CheckOptions, check, createAuthority, inspect, issue } from '../../../src/pki/index.js'
import { readCertificate } from '../../../src/x509/certificate.js'
import { readCrls } from '../../../src/x509/crl.js'
import {
  corruptSignature,
  type ForgeCrlOptions,
  type Forged,
  type ForgeOptions,
  forge,
  forgeCa,
  forgeCrl,
} from '../../support/forge.js'

let ca: Forged
let dir: string
beforeAll(async () => {
  ca = await forgeCa({ keyType: 'rsa' })
  dir = mkdtempSync(join(tmpdir(), 'check-'))
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const day = 86_400_000
const trusted = () => [readCertificate(ca.cert)]
const codes = (forged: Forged, options: CheckOptions = {}) =>
  check(readCertificate(forged.cert), { trusted: trusted(), type: 'server', ...options }).map(
    ({ code }) => code,
  )
const forgeServer = (options: ForgeOptions = {}) => forge({ issuer: ca, usage: 'server', ...options })

test('what this package issues has no problems', async () => {
  const authority = await createAuthority()
  expect(check(authority.facts, { trusted: [authority.facts] })).toEqual([])
  for (const type of ['server', 'client'] as const) {
    const { facts, privateKey } = await issue(authority, { type, commonName: 'one.example' })
    const options = { trusted: [authority.facts], type, privateKey }
    expect(check(facts, type === 'server' ? { ...options, serverName: 'one.example' } : options)).toEqual([])
  }
})

test.each<[string, ForgeOptions, string[]]>([
  ['expired', { notAfter: new Date(Date.now() - day / 2) }, ['CERT_EXPIRED']],
  ['not yet valid', { notBefore: new Date(Date.now() + day) }, ['CERT_NOT_YET_VALID']],
  ['for clients', { usage: 'client', dns: ['localhost'] }, ['CERT_INVALID']],
  ['without extended key usage', { usage: 'none', dns: ['localhost'] }, ['CERT_INVALID']],
  ['without a name of a host', { dns: [], ip: [] }, ['CERT_INVALID']],
  ['of two SPIFFE IDs', { dns: ['localhost'], uri: ['spiffe://a/1', 'spiffe://a/2'] }, ['CERT_INVALID']],
  [
    'of a SPIFFE ID beside another URI',
    { dns: ['localhost'], uri: ['spiffe://a/1', 'urn:x'] },
    ['CERT_INVALID'],
  ],
  ['a CA', { isCa: true }, ['CERT_INVALID']],
  ['unable to sign', { keyUsage: ['keyAgreement'] }, ['CERT_INVALID']],
  ['with a weak key', { keyType: 'rsa', keySize: 1024 }, ['CERT_INVALID']],
  ['signed with SHA-1', { hash: 'SHA-1' }, ['CERT_INVALID']],
  ['with an unknown critical extension', { criticalUnknown: true }, ['CERT_INVALID']],
  [
    'expired and weak',
    { notAfter: new Date(0), notBefore: new Date(0), hash: 'MD5' },
    ['CERT_EXPIRED', 'CERT_INVALID'],
  ],
])('a server certificate that is %s has that problem', async (_title, options, expected) => {
  expect(codes(await forgeServer(options))).toEqual(expected)
})

test('a client is somebody by its e-mail address too, and nobody without a name', async () => {
  const client = async (names: ForgeOptions) => {
    const leaf = await forge({ issuer: ca, usage: 'client', commonName: '', dns: [], ...names })
    return check(readCertificate(leaf.cert), { trusted: trusted(), type: 'client' }).map(({ code }) => code)
  }
  expect(await client({ email: ['agent@example.org'] })).toEqual([])
  expect(await client({ ip: ['10.0.0.1'] })).toEqual(['CERT_INVALID'])
  expect(await client({ dns: ['*.example.org'] })).toEqual(['CERT_INVALID'])
})

test('a bad signature, a stranger, a self-signed certificate and an expired CA are problems of the chain', async () => {
  expect(codes(corruptSignature(await forgeServer()))).toEqual(['CERT_INVALID'])
  expect(codes(await forgeServer({ issuer: await forgeCa({ commonName: 'Stranger' }) }))).toEqual([
    'CERT_INVALID',
  ])
  const selfSigned = readCertificate((await forge({ usage: 'server' })).cert)
  expect(check(selfSigned, { trusted: trusted() })[0]?.message).toContain('self-signed')
  expect(check(selfSigned)).toEqual([])
  const old = await forgeCa({ notAfter: new Date(Date.now() - day / 2) })
  const leaf = await forgeServer({ issuer: old })
  expect(codes(leaf, { trusted: [readCertificate(old.cert)] })).toEqual(['CERT_EXPIRED'])
})

test('a chain over an intermediate is followed', async () => {
  const intermediate = await forgeCa({ issuer: ca })
  const leaf = await forgeServer({ issuer: intermediate })
  expect(codes(leaf)).toEqual(['CERT_INVALID'])
  expect(codes(leaf, { chain: [readCertificate(intermediate.cert)] })).toEqual([])
})

test('a host that is not covered and a key of another certificate are problems', async () => {
  const [leaf, other] = await Promise.all([forgeServer(), forgeServer()])
  expect(codes(leaf, { serverName: 'elsewhere.example' })).toEqual(['SERVER_NAME_MISMATCH'])
  expect(codes(leaf, { privateKey: leaf.key, serverName: 'localhost' })).toEqual([])
  expect(codes(leaf, { privateKey: other.key })).toEqual(['KEY_MISMATCH'])
  expect(codes(leaf, { privateKey: 'rubbish' })).toEqual(['CERT_INVALID'])
  const key = leaf.privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-128-cbc', passphrase: 'p' })
  expect(codes(leaf, { privateKey: key.toString() })).toEqual(['KEY_ENCRYPTED'])
  expect(codes(leaf, { privateKey: key.toString(), passphrase: 'p' })).toEqual([])
})

test('what ends soon, or after its CA, is warned of; a day more or less is not', async () => {
  const leaf = await forgeServer({ notAfter: new Date(Date.now() + 10 * day) })
  expect(codes(leaf, { withinDays: 9 })).toEqual([])
  expect(codes(leaf, { withinDays: 11 })).toEqual(['CERT_EXPIRING'])
  expect(codes(leaf)).toEqual([]) // of a life of 11 days
  const { notBefore, notAfter } = readCertificate(leaf.cert)
  const near = (part: number) => +notAfter - (+notAfter - +notBefore) * part
  expect(codes(leaf, { now: new Date(near(0.101)) })).toEqual([])
  expect(codes(leaf, { now: new Date(near(0.1)) })).toEqual(['CERT_EXPIRING'])
  const afterCa = (days: number) => {
    const [{ notAfter = new Date() } = {}] = trusted()
    return { notAfter: new Date(notAfter.getTime() + days * day) }
  }
  expect(codes(await forgeServer(afterCa(0.5)))).toEqual([])
  expect(codes(await forgeServer(afterCa(2)))).toEqual(['CERT_OUTLIVES_CA'])
})

test('a revoked certificate, and a list that is absent, late or early, are problems', async () => {
  const [good, bad] = await Promise.all([forgeServer(), forgeServer()])
  const list = async (options: Partial<ForgeCrlOptions> = {}) =>
    readCrls(await forgeCrl({ issuer: ca, revoked: [bad.serial], ...options }), 'list')
  expect(codes(good, { crls: await list() })).toEqual([])
  expect(codes(bad, { crls: await list() })).toEqual(['CERT_REVOKED'])
  expect(codes(good, { crls: [] })).toEqual(['CRL_INVALID'])
  expect(codes(good, { crls: [], crlMissingAllowed: true })).toEqual([])
  const stranger = await forgeCa()
  expect(codes(bad, { crls: await list({ issuer: stranger }) })).toEqual(['CRL_INVALID'])
  const past = { thisUpdate: new Date(Date.now() - 2 * day), nextUpdate: new Date(Date.now() - day) }
  expect(codes(good, { crls: await list(past) })).toEqual(['CRL_EXPIRED'])
  expect(codes(bad, { crls: await list(past) })).toEqual(['CERT_REVOKED'])
  expect(codes(bad, { crls: [...(await list(past)), ...(await list({ revoked: [] }))] })).toEqual([])
  const future = { thisUpdate: new Date(Date.now() + day), nextUpdate: new Date(Date.now() + 2 * day) }
  expect(codes(good, { crls: await list(future) })).toEqual(['CRL_INVALID'])
})

test('a CA that allows no CA below it, or another use, is a problem of the chain', async () => {
  const narrow = await forgeCa({ commonName: 'Narrow', pathLength: 0 })
  const below = await forgeCa({ issuer: narrow })
  const leaf = await forgeServer({ issuer: below })
  const options = { chain: [readCertificate(below.cert)], trusted: [readCertificate(narrow.cert)] }
  expect(codes(leaf, options)).toEqual(['CERT_INVALID'])
  const clientsOnly = await forge({ issuer: ca, isCa: true, usage: 'client', commonName: 'Clients' })
  const server = await forgeServer({ issuer: clientsOnly })
  expect(codes(server, { chain: [readCertificate(clientsOnly.cert)] })).toEqual(['CERT_INVALID'])
})

test('demo mode accepts unknown issuers and self-signed certificates, and nothing that has expired', async () => {
  const stranger = await forgeCa({ commonName: 'Stranger' })
  const demo = { demoMode: true }
  expect(codes(await forgeServer({ issuer: stranger }), demo)).toEqual([])
  expect(codes(await forge({ usage: 'server', isCa: true }), demo)).toEqual([])
  expect(codes(await forge({ usage: 'server', notAfter: new Date(Date.now() - day / 2) }), demo)).toEqual([
    'CERT_EXPIRED',
  ])
  expect(codes(corruptSignature(await forge({ usage: 'server' })), demo)).toEqual(['CERT_INVALID'])
})

test('every problem has a message with the subject and a hint', async () => {
  const problems = check(readCertificate((await forgeServer({ commonName: 'tired' })).cert), {
    now: new Date(Date.now() + 99 * day),
  })
  expect(problems[0]).toEqual({
    code: 'CERT_EXPIRED',
    message: expect.stringContaining('CN=tired'),
    hint: expect.stringMatching(/./),
  })
})

test('inspect reads PEM text, PEM files with a chain, and DER files', async () => {
  const leaf = await forgeServer()
  const paths = { pem: join(dir, 'chain.pem'), der: join(dir, 'leaf.der'), none: join(dir, 'none.pem') }
  writeFileSync(paths.pem, leaf.cert + ca.cert)
  writeFileSync(paths.der, leaf.der)
  const serials = async (source: string) => (await inspect(source)).map(({ serial }) => serial)
  expect(await serials(leaf.cert)).toEqual([leaf.serial])
  expect(await serials(paths.pem)).toEqual([leaf.serial, ca.serial])
  expect(await serials(paths.der)).toEqual([leaf.serial])
  await expect(inspect(paths.none)).rejects.toMatchObject({ code: 'CERT_NOT_FOUND' })
  writeFileSync(paths.none, 'nothing')
  await expect(inspect(paths.none)).rejects.toMatchObject({ code: 'CERT_INVALID' })
})
