import { execFileSync } from 'node:child_process'
import { createPrivateKey } from 'node:crypto'
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { IssuedIndex } from '../../../src/pki/directory/issued-index.js'
import {
  addCertificate,
  createAuthority,
  createCrl,
  issue,
  makeCertificateSet,
  openAuthority,
  type Renewable,
  reissue,
  renewCertificates,
  revokeCertificate,
} from '../../../src/pki/index.js'
import { readCertificate } from '../../../src/x509/certificate.js'
import { readCrls } from '../../../src/x509/crl.js'
import { forge, forgeCa, writeSet } from '../../support/forge.js'
import { refusalOf } from '../../support/refusal.js'
import { scratch } from '../../support/scratch.js'

const day = 86_400_000
const inDays = (days: number) => new Date(Date.now() + days * day)

let certDir: string
beforeEach(() => {
  certDir = join(scratch(), 'certs')
})

const read = (name: string, directory = certDir) => readFileSync(join(directory, name), 'utf8')
const facts = (name: string, directory = certDir) => readCertificate(read(name, directory))
const outcomes = (certificates: readonly Renewable[]) =>
  Object.fromEntries(certificates.map(({ path, outcome }) => [path.split('/').at(-1), outcome]))
const visible = () => readdirSync(certDir).filter((name) => /\.(crt|key|crl)$/.test(name))
const isPair = (stem: string, directory = certDir) =>
  facts(`${stem}.crt`, directory).x509.checkPrivateKey(createPrivateKey(read(`${stem}.key`, directory)))

describe('a certificate that is issued again', () => {
  test.each(['ec-p256', 'ec-p384', 'ed25519', 'rsa'] as const)(
    'has the names, usage and kind of key of before (%s), a new key, serial number and life',
    async (keyType) => {
      const ca = await createAuthority({ keyType })
      const subjectAltNames = ['a.example', '10.0.0.1', 'x@example.org', 'spiffe://example.org/x']
      const request = { type: 'server', commonName: 'A', organization: 'O', country: 'NP' } as const
      const before = await issue(ca, { ...request, keyType, subjectAltNames, validityDays: 90 })
      const after = await reissue(ca, before.facts, { now: inDays(60) })
      for (const name of [
        'subject',
        'names',
        'keyUsage',
        'extendedKeyUsage',
        'isCa',
        'authorityKeyId',
      ] as const)
        expect(after.facts[name]).toEqual(before.facts[name])
      expect(after.facts.key).toEqual(before.facts.key)
      expect(after.facts.subjectKeyId).not.toBe(before.facts.subjectKeyId)
      expect(after.facts.serial).not.toBe(before.facts.serial)
      expect(after.facts.notAfter.getTime() - inDays(150).getTime()).toBeLessThan(60_000)

      const directory = scratch()
      writeFileSync(join(directory, 'ca'), ca.certificate)
      writeFileSync(join(directory, 'leaf'), after.certificate)
      const args = [
        'verify',
        '-x509_strict',
        '-no_check_time',
        '-purpose',
        'sslserver',
        '-CAfile',
        'ca',
        'leaf',
      ]
      expect(execFileSync('openssl', args, { cwd: directory, encoding: 'utf8' })).toContain('OK')
    },
  )

  test('may keep its key', async () => {
    const ca = await createAuthority()
    const before = await issue(ca, { type: 'client', commonName: 'A' })
    const after = await reissue(ca, before.facts, { privateKey: before.privateKey })
    expect(after.facts.subjectKeyId).toBe(before.facts.subjectKeyId)
  })

  test('never outlives its CA', async () => {
    const ca = await createAuthority({ validityDays: 10 })
    const before = await issue(ca, { type: 'client', commonName: 'A', validityDays: 8 })
    const after = await reissue(ca, before.facts, { now: inDays(6) })
    expect(after.facts.notAfter).toEqual(ca.facts.notAfter)
  })
})

describe('cert-renew', () => {
  beforeEach(async () => {
    await makeCertificateSet({ certDir, validityDays: 90 })
  })

  test('leaves alone what has not passed two thirds of its life, and writes nothing', async () => {
    const renewal = await renewCertificates({ certDir, now: inDays(59) })
    expect(outcomes(renewal.certificates)).toEqual({ 'client.crt': 'kept', 'server.crt': 'kept' })
    expect(renewal.changed).toEqual([])
    expect(readdirSync(join(certDir, '.generations'))).toEqual(['0001'])
    expect(renewal.nextDue?.getTime()).toBeLessThan(inDays(61).getTime())
  })

  test('renews what has, all of it at once, with keys that fit', async () => {
    await addCertificate({ certDir, type: 'client', name: 'agent', validityDays: 300 })
    const before = facts('server.crt')
    const renewal = await renewCertificates({ certDir, now: inDays(61) })
    expect(outcomes(renewal.certificates)).toEqual({
      'agent.crt': 'kept',
      'client.crt': 'renewed',
      'server.crt': 'renewed',
    })
    expect(facts('server.crt')).toMatchObject({ subject: before.subject, names: before.names })
    expect(facts('server.crt').serial).not.toBe(before.serial)
    expect(isPair('server') && isPair('client') && isPair('agent')).toBe(true)
    expect(statSync(join(certDir, 'server.key')).mode & 0o777).toBe(0o600)
    const index = new IssuedIndex(certDir)
    expect((await index.read()).replacements.get(before.serial)).toBe(facts('server.crt').serial)
    expect(await index.serials()).toContain(facts('server.crt').serial)
  })

  test('renews everything with all, one with its name, and tells what it would do on a dry run', async () => {
    const before = visible().map((name) => read(name))
    const dry = await renewCertificates({ certDir, all: true, dryRun: true })
    expect(outcomes(dry.certificates)).toEqual({ 'client.crt': 'renewed', 'server.crt': 'renewed' })
    expect(visible().map((name) => read(name))).toEqual(before)

    const one = await renewCertificates({ certDir, all: true, name: 'client' })
    expect(one.changed).toEqual([join(certDir, 'client.crt'), join(certDir, 'client.key')])
    const missing = await refusalOf(renewCertificates({ certDir, name: 'nobody' }))
    expect(missing.message).toContain('nobody.crt')
  })

  test('keeps keys when asked to', async () => {
    const key = read('server.key')
    await renewCertificates({ certDir, all: true, reuseKey: true })
    expect(read('server.key')).toBe(key)
    expect(isPair('server')).toBe(true)
  })

  test('does not renew what is revoked', async () => {
    await revokeCertificate({ certDir, certificate: join(certDir, 'client.crt') })
    const { certificates } = await renewCertificates({ certDir, all: true })
    expect(outcomes(certificates)).toEqual({ 'client.crt': 'left', 'server.crt': 'renewed' })
  })

  test('leaves alone what another CA has issued, and what has its key elsewhere', async () => {
    const ca = await forgeCa()
    const stranger = await forge({ issuer: ca })
    writeFileSync(join(certDir, 'stranger.crt'), stranger.cert)
    writeFileSync(join(certDir, 'stranger.key'), stranger.key)
    writeFileSync(join(certDir, 'remote.crt'), read('client.crt'))
    const { certificates } = await renewCertificates({ certDir, all: true })
    expect(outcomes(certificates)).toMatchObject({ 'stranger.crt': 'left', 'remote.crt': 'left' })
  })

  test('signs the revocation list anew at half its life, and not before', async () => {
    await revokeCertificate({ certDir, certificate: join(certDir, 'client.crt') })
    const before = read('ca.crl')
    expect((await renewCertificates({ certDir, now: inDays(14) })).lists).toEqual([])
    expect(read('ca.crl')).toBe(before)
    expect((await renewCertificates({ certDir, now: inDays(16) })).lists).toHaveLength(1)
    const [old, list] = [before, read('ca.crl')].map((text) => readCrls(text, 'ca.crl')[0])
    expect(list?.number).toBeGreaterThan(old?.number ?? 0n)
    expect([...(list?.revoked ?? [])]).toEqual([...(old?.revoked ?? [])])
    expect(list?.nextUpdate.getTime()).toBeGreaterThan(inDays(45).getTime())
  })

  test('makes a deleted revocation list anew from the index', async () => {
    await revokeCertificate({ certDir, certificate: join(certDir, 'client.crt') })
    rmSync(join(certDir, 'ca.crl'))
    await renewCertificates({ certDir })
    expect(readCrls(read('ca.crl'), 'ca.crl')[0]?.revoked.has(facts('client.crt').serial)).toBe(true)
  })

  test('without the key of the CA says where it looked, and names --ca-dir', async () => {
    rmSync(join(certDir, 'ca.key'))
    expect(await refusalOf(renewCertificates({ certDir }))).toMatchObject({
      code: 'CERT_NOT_FOUND',
      message: expect.stringContaining(join(certDir, 'ca.key')),
      hint: expect.stringContaining('--ca-dir'),
    })
    const nowhere = join(certDir, 'nowhere')
    expect((await refusalOf(renewCertificates({ certDir: nowhere }))).code).toBe('CERT_DIR_NOT_FOUND')
  })

  test('that cannot write leaves no trace in the index', async () => {
    const plain = scratch()
    const ca = await forgeCa()
    await writeSet(plain, { ca, client: await forge({ issuer: ca }) })
    writeFileSync(join(plain, 'ca.key'), ca.key)
    // In the place of the folder of generations: even root cannot write there.
    writeFileSync(join(plain, '.generations'), 'in the way')
    const failed = await refusalOf(renewCertificates({ certDir: plain, all: true }))
    expect(failed.code).toBe('CERT_WRITE_FAILED')
    expect((await new IssuedIndex(plain).serials()).size).toBe(0)
  })

  test('brings the list and the CA of a party up to date with a CA that is elsewhere', async () => {
    const party = join(scratch(), 'party')
    await addCertificate({ certDir: party, caDir: certDir, type: 'client', name: 'agent' })
    await revokeCertificate({ certDir, certificate: join(certDir, 'client.crt') })
    const { changed } = await renewCertificates({ certDir: party, caDir: certDir })
    expect(changed).toEqual([join(party, 'ca.crl')])
    expect(read('ca.crl', party)).toBe(read('ca.crl'))
    const other = scratch()
    await makeCertificateSet({ certDir: other })
    const wrong = await refusalOf(renewCertificates({ certDir: party, caDir: other }))
    expect(wrong.message).toMatch(/is another CA/)
  })

  test('renews encrypted keys as encrypted ones', async () => {
    const passphrase = 'correct horse'
    const encrypt = (name: string) =>
      createPrivateKey(read(name)).export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase })
    for (const name of ['server.key', 'ca.key']) writeFileSync(join(certDir, name), encrypt(name))
    const issued = (await new IssuedIndex(certDir).serials()).size
    expect((await refusalOf(renewCertificates({ certDir, all: true }))).code).toBe('KEY_ENCRYPTED')
    expect((await new IssuedIndex(certDir).serials()).size).toBe(issued)
    await renewCertificates({ certDir, all: true, passphrase })
    expect(read('server.key')).toContain('ENCRYPTED')
    const key = createPrivateKey({ key: read('server.key'), passphrase })
    expect(facts('server.crt').x509.checkPrivateKey(key)).toBe(true)
    expect(read('client.key')).not.toContain('ENCRYPTED')
  })
})

describe('near the end of the CA', () => {
  test('it says so, and does not renew in circles what cannot last longer', async () => {
    await makeCertificateSet({ certDir, validityDays: 90, caValidityDays: 100 })
    const first = await renewCertificates({ certDir, now: inDays(61) })
    expect(outcomes(first.certificates)['server.crt']).toBe('renewed')
    expect(first.endingCa?.subject).toBe(facts('ca.crt').subject)
    expect(facts('server.crt').notAfter).toEqual(facts('ca.crt').notAfter)
    const second = await renewCertificates({ certDir, now: inDays(99) })
    expect(outcomes(second.certificates)).toEqual({ 'client.crt': 'kept', 'server.crt': 'kept' })
    expect(second.endingCa).toBeDefined()
  })
})

test('a directory of another maker is renewed too, and its files become a generation', async () => {
  const ca = await forgeCa()
  const server = await forge({ issuer: ca, usage: 'server', organization: 'Else', notAfter: inDays(5) })
  await writeSet(certDir, { ca, server })
  writeFileSync(join(certDir, 'ca.key'), ca.key)
  const authority = openAuthority({ text: ca.cert, path: 'ca.crt' }, { text: ca.key, path: 'ca.key' })
  writeFileSync(join(certDir, 'ca.crl'), createCrl(authority, new Map()).pem)
  await renewCertificates({ certDir, all: true })
  expect(facts('server.crt').subject).toBe(readCertificate(server.cert).subject)
  expect(isPair('server')).toBe(true)
  const args = ['verify', '-crl_check', '-CAfile', 'ca.crt', '-CRLfile', 'ca.crl', 'server.crt']
  expect(execFileSync('openssl', args, { cwd: certDir, encoding: 'utf8' })).toContain('OK')
})
