import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { IssuedIndex } from '../../../src/pki/directory/issued-index.js'
import {
  addCertificate,
  createCrl,
  makeCertificateSet,
  openAuthority,
  renewCertificates,
  revokeCertificate,
} from '../../../src/pki/index.js'
import { readCertificate } from '../../../src/x509/certificate.js'
import { readCrls } from '../../../src/x509/crl.js'
import { callAsBareClient } from '../../support/bare-peers.js'
import { forge, forgeCa, forgeCrl, writeSet } from '../../support/forge.js'
import { refusalOf } from '../../support/refusal.js'
import { scratch } from '../../support/scratch.js'
import { serveTest } from '../../support/world.js'

let certDir: string
beforeEach(async () => {
  certDir = join(scratch(), 'certs')
  await makeCertificateSet({ certDir })
})

const read = (name: string, directory = certDir) => readFileSync(join(directory, name), 'utf8')
const serialOf = (name: string, directory = certDir) => readCertificate(read(name, directory)).serial
const list = (directory = certDir) => {
  const [list] = readCrls(read('ca.crl', directory), 'ca.crl')
  if (!list) throw new TypeError('no list')
  return list
}

describe('a certificate is revoked', () => {
  test('by its file: it is recorded and stands in a list of the CA', async () => {
    const revoked = await revokeCertificate({
      certDir,
      certificate: join(certDir, 'client.crt'),
      reason: 'keyCompromise',
    })
    const serial = serialOf('client.crt')
    expect(revoked).toMatchObject({ serial, already: false, reason: 'keyCompromise' })
    expect(list().revoked.get(serial)?.reason).toBe('keyCompromise')
    expect(list().isSignedBy(readCertificate(read('ca.crt')))).toBe(true)
    expect([...(await new IssuedIndex(certDir).revocations()).keys()]).toEqual([serial])
  })

  test.each([
    ['lower case', (serial: string) => serial],
    ['upper case', (serial: string) => serial.toUpperCase()],
    ['colons', (serial: string) => serial.replace(/..(?=.)/g, '$&:')],
    ['0x', (serial: string) => `0x${serial}`],
  ])('by its serial number in %s', async (_, write) => {
    const serial = serialOf('server.crt')
    await revokeCertificate({ certDir, certificate: write(serial) })
    expect([...list().revoked.keys()]).toEqual([serial])
  })

  test('beside thousands that were revoked before, and everything that reads the list goes on', async () => {
    const issuer = await forgeCa()
    const dir = scratch()
    const client = await forge({ issuer, usage: 'client', notAfter: new Date(Date.now() + 86_400_000) })
    const server = await forge({ issuer, usage: 'server' })
    const revoked = Array.from({ length: 4000 }, (_, index) => (0x70000 + index).toString(16))
    await writeSet(dir, { ca: issuer, client, server, crl: await forgeCrl({ issuer, revoked }) })
    writeFileSync(join(dir, 'ca.key'), issuer.key, { mode: 0o600 })
    const { list } = await revokeCertificate({ certDir: dir, certificate: join(dir, 'client.crt') })
    expect(list.revoked.size).toBe(4001)
    await renewCertificates({ certDir: dir })
    await using served = await serveTest({ tls: { certDir: dir } })
    expect(await callAsBareClient(served.server.port, { shown: client })).toMatchObject({ status: 403 })
  })

  test('and the answer says where the lists are, of the party and of its CA', async () => {
    const both = { certDir: join(scratch(), 'certs'), caDir: join(scratch(), 'ca') }
    await makeCertificateSet(both)
    const certificate = join(both.certDir, 'client.crt')
    const { paths } = await revokeCertificate({ ...both, certificate })
    expect(paths).toEqual([join(both.caDir, 'ca.crl'), join(both.certDir, 'ca.crl')])
    const alone = await revokeCertificate({ certDir, certificate: join(certDir, 'client.crt') })
    expect(alone.paths).toEqual([join(certDir, 'ca.crl')])
  })

  test('by a file whose name could be a serial number', async () => {
    const file = join(certDir, 'cafe')
    writeFileSync(file, read('client.crt'))
    const { serial } = await revokeCertificate({ certDir, certificate: file })
    expect(serial).toBe(serialOf('client.crt'))
  })

  test('already, when a list of its CA that is kept here has it; one of another CA does not count', async () => {
    const authority = openAuthority(
      { text: read('ca.crt'), path: 'ca.crt' },
      { text: read('ca.key'), path: 'ca.key' },
    )
    const at = new Date(Math.floor(Date.now() / 1000) * 1000 - 86_400_000)
    const listed = (name: string) => new Map([[serialOf(name), { at, reason: 'superseded' as const }]])
    const other = await forgeCrl({ issuer: await forgeCa(), revoked: [serialOf('server.crt')] })
    writeFileSync(join(certDir, 'ca.crl'), createCrl(authority, listed('client.crt')).pem + other)
    const certificate = (name: string) => ({
      certDir,
      certificate: join(certDir, name),
      reason: 'keyCompromise' as const,
    })
    expect(await revokeCertificate(certificate('client.crt'))).toMatchObject({
      already: true,
      at,
      reason: 'superseded',
    })
    expect(await revokeCertificate(certificate('server.crt'))).toMatchObject({
      already: false,
      reason: 'keyCompromise',
    })
  })

  test('once: a second time says so and keeps date and reason', async () => {
    const certificate = join(certDir, 'client.crt')
    const first = await revokeCertificate({ certDir, certificate, reason: 'superseded' })
    const now = new Date(Date.now() + 86_400_000)
    const second = await revokeCertificate({ certDir, certificate, reason: 'keyCompromise', now })
    expect(second).toMatchObject({ already: true, at: first.at, reason: 'superseded' })
    expect(list().number).toBe(first.list.number)
  })

  test('with others: lists grow and their numbers go up', async () => {
    const first = await revokeCertificate({ certDir, certificate: serialOf('client.crt') })
    const second = await revokeCertificate({ certDir, certificate: serialOf('server.crt') })
    expect(second.list.revoked.size).toBe(2)
    expect(second.list.number).toBeGreaterThan(first.list.number ?? 0n)
  })

  test('with the list in both directories when the CA is elsewhere', async () => {
    const caDir = join(scratch(), 'ca')
    const party = join(scratch(), 'party')
    await makeCertificateSet({ certDir: party, caDir })
    await revokeCertificate({ certDir: party, caDir, certificate: join(party, 'client.crt') })
    expect(read('ca.crl', party)).toBe(read('ca.crl', caDir))
  })

  test('on a machine that keeps nothing but the CA', async () => {
    const caDir = join(scratch(), 'ca')
    const party = join(scratch(), 'party')
    await makeCertificateSet({ certDir: party, caDir })
    const absent = join(scratch(), 'certs')
    await revokeCertificate({ certDir: absent, caDir, certificate: serialOf('client.crt', party) })
    expect(list(caDir).revoked.has(serialOf('client.crt', party))).toBe(true)
  })
})

describe('nothing is revoked', () => {
  test('for a serial number that this CA never issued, unless forced', async () => {
    const never = { certDir, certificate: 'abcdef' }
    expect(await refusalOf(revokeCertificate(never))).toMatchObject({
      code: 'CERT_NOT_FOUND',
      hint: expect.stringMatching(/--force/),
    })
    expect(readdirSync(certDir)).not.toContain('ca.crl')
    await revokeCertificate({ ...never, force: true })
    expect([...list().revoked.keys()]).toEqual(['abcdef'])
  })

  test('for the certificate of another CA', async () => {
    const stranger = join(certDir, 'stranger.crt')
    writeFileSync(stranger, (await forge({ issuer: await forgeCa() })).cert)
    expect(await refusalOf(revokeCertificate({ certDir, certificate: stranger }))).toMatchObject({
      code: 'CERT_INVALID',
      message: expect.stringMatching(/was issued by .*Forged CA/),
    })
  })

  test('for the CA itself, which is rotated', async () => {
    const certificate = join(certDir, 'ca.crt')
    expect(await refusalOf(revokeCertificate({ certDir, certificate }))).toMatchObject({
      hint: expect.stringMatching(/cert-rotate-ca/),
    })
  })

  test('for an unknown reason or a missing file', async () => {
    const reason = 'because' as 'unspecified'
    const unknown = revokeCertificate({ certDir, certificate: 'aa', reason })
    expect((await refusalOf(unknown)).message).toMatch(/reason.*keyCompromise/)
    const missing = revokeCertificate({ certDir, certificate: join(certDir, 'nobody.crt') })
    expect((await refusalOf(missing)).code).toBe('CERT_NOT_FOUND')
  })

  test('without the key of the CA, and the error names --ca-dir', async () => {
    rmSync(join(certDir, 'ca.key'))
    expect(await refusalOf(revokeCertificate({ certDir, certificate: 'aa' }))).toMatchObject({
      code: 'CERT_NOT_FOUND',
      hint: expect.stringMatching(/--ca-dir/),
    })
  })

  test('when the list cannot be written: the record goes back too', async () => {
    const plain = scratch()
    const ca = await forgeCa()
    const client = await forge({ issuer: ca })
    await writeSet(plain, { ca, client })
    writeFileSync(join(plain, 'ca.key'), ca.key)
    // In the place of the folder of generations: even root cannot write there.
    writeFileSync(join(plain, '.generations'), 'in the way')
    const certificate = join(plain, 'client.crt')
    expect((await refusalOf(revokeCertificate({ certDir: plain, certificate }))).code).toBe(
      'CERT_WRITE_FAILED',
    )
    expect((await new IssuedIndex(plain).revocations()).size).toBe(0)
    rmSync(join(plain, '.generations'))
    expect(await revokeCertificate({ certDir: plain, certificate })).toMatchObject({ already: false })
  })
})

describe('what came before', () => {
  test('the list of another maker keeps its entries, and its date counts', async () => {
    const ca = await forgeCa()
    const [client, server] = await Promise.all([
      forge({ issuer: ca }),
      forge({ issuer: ca, usage: 'server' }),
    ])
    const directory = scratch()
    await writeSet(directory, {
      ca,
      client,
      server,
      crl: await forgeCrl({ issuer: ca, revoked: [client.serial] }),
    })
    writeFileSync(join(directory, 'ca.key'), ca.key)
    const before = list(directory).revoked.get(client.serial)
    const again = { certDir: directory, certificate: join(directory, 'client.crt') }
    expect(await revokeCertificate(again)).toMatchObject({ already: true, at: before?.at })
    await revokeCertificate({ certDir: directory, certificate: join(directory, 'server.crt') })
    expect([...list(directory).revoked.keys()].sort()).toEqual([client.serial, server.serial].sort())
    expect(list(directory).number).toBeGreaterThan(1n)
  })

  test('lists of other CAs stay in ca.crl', async () => {
    const other = await forgeCa({ commonName: 'Another CA' })
    writeFileSync(join(certDir, 'ca.crl'), await forgeCrl({ issuer: other }))
    await revokeCertificate({ certDir, certificate: serialOf('client.crt') })
    expect(readCrls(read('ca.crl'), 'ca.crl').map(({ issuer }) => issuer)).toEqual([
      readCertificate(read('ca.crt')).subject,
      'CN=Another CA',
    ])
  })

  test('a revocation that was recorded and not published is published by the next command', async () => {
    const serial = serialOf('client.crt')
    const authority = readCertificate(read('ca.crt')).fingerprint256
    await new IssuedIndex(certDir).recordRevocation(serial, {
      at: new Date(),
      reason: 'superseded',
      authority,
    })
    await renewCertificates({ certDir })
    expect([...list().revoked.keys()]).toEqual([serial])
  })

  test('cert-gen keeps the list, hands it to new parties, and makes one for a new CA', async () => {
    await revokeCertificate({ certDir, certificate: serialOf('client.crt') })
    const before = read('ca.crl')
    await addCertificate({ certDir, type: 'client', name: 'agent' })
    expect(read('ca.crl')).toBe(before)

    const party = join(scratch(), 'party')
    await addCertificate({ certDir: party, caDir: certDir, type: 'client', name: 'agent' })
    expect(read('ca.crl', party)).toBe(before)

    await makeCertificateSet({ certDir, force: true })
    expect(list().isSignedBy(readCertificate(read('ca.crt')))).toBe(true)
    expect(list().revoked.size).toBe(0)
  })

  test('a damaged record stops everything, and says which file', async () => {
    const serial = serialOf('client.crt')
    await revokeCertificate({ certDir, certificate: serial })
    const path = join(certDir, 'issued', `${serial}.revoked`)
    chmodSync(path, 0o644)
    writeFileSync(path, '{"at":')
    expect(await refusalOf(renewCertificates({ certDir }))).toMatchObject({
      code: 'CERT_INVALID',
      message: expect.stringContaining(path),
    })
  })
})

test('cert-gen --force replaces damaged files of a CA, its list too', async () => {
  await revokeCertificate({ certDir, certificate: serialOf('client.crt') })
  for (const name of ['ca.crt', 'ca.key', 'ca.crl', 'server.crt'])
    writeFileSync(join(certDir, name), '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n')
  await makeCertificateSet({ certDir, force: true })
  expect(list().isSignedBy(readCertificate(read('ca.crt')))).toBe(true)
  await renewCertificates({ certDir, all: true })
})
