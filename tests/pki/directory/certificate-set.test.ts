import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { IssuedIndex } from '../../../src/pki/directory/issued-index.js'
import { addCertificate, makeCertificateSet } from '../../../src/pki/index.js'
import { readCertificate } from '../../../src/x509/certificate.js'
import { type Forged, forge, forgeCa, writeSet } from '../../support/forge.js'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'set-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const usual = ['ca.crt', 'ca.key', 'client.crt', 'client.key', 'server.crt', 'server.key']
const file = (name: string, folder = dir) => readFileSync(join(folder, name), 'utf8')
const facts = (name: string, folder = dir) => readCertificate(file(name, folder))
const visible = (folder = dir) =>
  readdirSync(folder)
    .filter((name) => /\.(crt|key)$/.test(name))
    .sort()
const all = (folder = dir) => Object.fromEntries(visible(folder).map((name) => [name, file(name, folder)]))
const issuedBy = (leaf: string, folder = dir) =>
  facts(leaf, folder).x509.verify(facts('ca.crt', folder).x509.publicKey)
const encrypted = ({ privateKey }: Forged, passphrase: string) =>
  privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase }).toString()

describe('a new set', () => {
  test('has a CA, a server with its loopback names, and a client', async () => {
    const set = await makeCertificateSet({ certDir: dir, subjectAltNames: ['weather.example'] })
    expect(visible()).toEqual(usual)
    expect(facts('server.crt').names).toMatchObject({
      dns: ['mcp-server', 'weather.example', 'localhost'],
      ip: ['127.0.0.1', '::1'],
    })
    expect(facts('client.crt').subject).toBe('CN=mcp-client')
    expect(issuedBy('server.crt') && issuedBy('client.crt')).toBe(true)
    expect(set.entries.map(({ type, isNew }) => [type, isNew])).toEqual([
      ['ca', true],
      ['server', true],
      ['client', true],
    ])
  })

  test('leaves what it issued in the index of the CA, without keys', async () => {
    const set = await makeCertificateSet({ certDir: dir })
    const issued = await new IssuedIndex(dir).list()
    const leaves = set.entries.slice(1).map((entry) => entry.facts.serial)
    expect(issued.map(({ serial }) => serial).sort()).toEqual(leaves.sort())
    for (const name of readdirSync(join(dir, 'issued'))) expect(file(`issued/${name}`)).not.toContain('KEY')
  })

  test('of self-signed certificates has no CA', async () => {
    await makeCertificateSet({ certDir: dir, demoMode: true })
    expect(visible()).toEqual(['client.crt', 'client.key', 'server.crt', 'server.key'])
    expect(facts('server.crt').selfIssued).toBe(true)
  })

  test('keeps the CA elsewhere when told so', async () => {
    const caDir = join(dir, 'ca')
    const certDir = join(dir, 'certs')
    await makeCertificateSet({ certDir, caDir })
    expect(visible(caDir)).toEqual(['ca.crt', 'ca.key'])
    expect(visible(certDir)).toEqual(usual.filter((name) => name !== 'ca.key'))
    expect(file('ca.crt', certDir)).toBe(file('ca.crt', caDir))
    expect((await new IssuedIndex(caDir).list()).length).toBe(2)
    const other = join(dir, 'others')
    await makeCertificateSet({ certDir: other, caDir })
    expect(file('ca.crt', other)).toBe(file('ca.crt', caDir))
    expect(issuedBy('server.crt', other)).toBe(true)
  })

  test('is not begun when anything is wrong with the options', async () => {
    const certDir = join(dir, 'never')
    const wrong = { certDir, country: 'Nepal', serverName: '', caValidityDays: 9999 }
    await expect(makeCertificateSet(wrong)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/commonName.*country.*9999/),
    })
    expect(existsSync(certDir)).toBe(false)
  })
})

describe('a second run', () => {
  test('changes nothing, not even on a read-only disk', async () => {
    await makeCertificateSet({ certDir: dir })
    const before = all()
    chmodSync(dir, 0o500)
    const set = await makeCertificateSet({ certDir: dir })
    chmodSync(dir, 0o700)
    expect(all()).toEqual(before)
    expect(set.entries.some(({ isNew }) => isNew)).toBe(false)
    expect(readdirSync(join(dir, '.generations'))).toEqual(['0001'])
  })

  test.each([
    [['server.crt', 'server.key']],
    [['client.crt', 'client.key']],
    [['server.crt']],
    [['client.key']],
    [['ca.crt']],
    [['server.crt', 'client.key']],
  ])('without %j makes what is missing and touches nothing else', async (removed) => {
    await makeCertificateSet({ certDir: dir })
    const before = all()
    for (const name of removed) rmSync(join(dir, name))
    await makeCertificateSet({ certDir: dir })
    expect(visible()).toEqual(usual)
    for (const name of usual.filter((name) => !removed.includes(name))) expect(file(name)).toBe(before[name])
    expect(issuedBy('server.crt') && issuedBy('client.crt')).toBe(true)
    await makeCertificateSet({ certDir: dir })
  })

  test('is content without the key of the CA while nothing is to be issued', async () => {
    await makeCertificateSet({ certDir: dir })
    rmSync(join(dir, 'ca.key'))
    await makeCertificateSet({ certDir: dir })
    rmSync(join(dir, 'client.crt'))
    rmSync(join(dir, 'client.key'))
    await expect(makeCertificateSet({ certDir: dir })).rejects.toMatchObject({
      code: 'CERT_NOT_FOUND',
      message: expect.stringContaining('ca.key'),
    })
  })

  test('says that an existing certificate has not what is asked for', async () => {
    await makeCertificateSet({ certDir: dir, subjectAltNames: ['a.example'] })
    await makeCertificateSet({ certDir: dir, subjectAltNames: ['A.example', 'dns:localhost'] })
    await expect(makeCertificateSet({ certDir: dir, subjectAltNames: ['b.example'] })).rejects.toThrow(
      /b.example/,
    )
    await expect(makeCertificateSet({ certDir: dir, serverName: 'other' })).rejects.toThrow(/other/)
  })

  test('with force replaces everything, says so, and keeps what was there', async () => {
    await makeCertificateSet({ certDir: dir })
    await addCertificate({ certDir: dir, type: 'client', name: 'agent' })
    const before = all()
    const set = await makeCertificateSet({ certDir: dir, force: true })
    expect(set.replacedCa).toBe(true)
    expect(set.orphaned).toEqual([join(dir, 'agent.crt')])
    for (const name of usual) expect(file(name)).not.toBe(before[name])
    expect(all(set.previous)).toEqual(before)
    expect(issuedBy('server.crt')).toBe(true)
  })

  test('many at once make one set', async () => {
    await Promise.all(Array.from({ length: 5 }, () => makeCertificateSet({ certDir: dir })))
    expect((await new IssuedIndex(dir).list()).length).toBe(2)
    expect(issuedBy('server.crt') && issuedBy('client.crt')).toBe(true)
  })
})

describe("a user's own files", () => {
  test('are a complete set when they fit together', async () => {
    const ca = await forgeCa()
    await writeSet(dir, {
      ca,
      server: await forge({ issuer: ca, usage: 'server' }),
      client: await forge({ issuer: ca }),
    })
    const before = readdirSync(dir)
    await makeCertificateSet({ certDir: dir })
    expect(readdirSync(dir)).toEqual(before)
  })

  test('issue and get what is missing, and stay plain files', async () => {
    const ca = await forgeCa({ keyType: 'rsa' })
    await writeSet(dir, { ca, server: await forge({ issuer: ca, usage: 'server' }) })
    writeFileSync(join(dir, 'ca.key'), encrypted(ca, 'geheim'))
    await expect(makeCertificateSet({ certDir: dir })).rejects.toMatchObject({ code: 'KEY_ENCRYPTED' })
    await makeCertificateSet({ certDir: dir, passphrase: 'geheim' })
    await makeCertificateSet({ certDir: dir })
    expect(issuedBy('client.crt')).toBe(true)
    for (const name of ['ca.crt', 'ca.key', 'server.crt', 'server.key'])
      expect(lstatSync(join(dir, name)).isFile()).toBe(true)
  })

  test('keep their key when its certificate is missing', async () => {
    const { key } = await forge({ keyType: 'ec-p384' })
    writeFileSync(join(dir, 'server.key'), key)
    await makeCertificateSet({ certDir: dir })
    expect(file('server.key')).toBe(key)
    expect(facts('server.crt').key.text).toBe('EC P-384')
  })

  test('that do not fit together are an error, and stay as they are', async () => {
    const [ca, stranger] = await Promise.all([forgeCa(), forgeCa({ commonName: 'Stranger' })])
    const [server, foreign] = await Promise.all([
      forge({ issuer: ca, usage: 'server' }),
      forge({ issuer: stranger, usage: 'server' }),
    ])
    const attempt = async (code: string, message: RegExp) => {
      const before = all()
      await expect(makeCertificateSet({ certDir: dir })).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message),
      })
      expect(all()).toEqual(before)
    }
    await writeSet(dir, { ca, server: { ...server, key: foreign.key } })
    await attempt('KEY_MISMATCH', /server\.key is not the key of .*server\.crt/)
    await writeSet(dir, { ca, server: foreign })
    await attempt('CERT_INVALID', /server\.crt was not issued by .*ca\.crt/)
    rmSync(join(dir, 'ca.crt'))
    await attempt('CERT_INVALID', /certificate of its CA is not/)
    await writeSet(dir, { ca, server, client: server })
    writeFileSync(join(dir, 'ca.key'), stranger.key)
    await attempt('KEY_MISMATCH', /ca\.key is not the key of .*ca\.crt/)
    rmSync(join(dir, 'ca.key'))
    await writeSet(dir, { ca, server })
    rmSync(join(dir, 'server.key'))
    await attempt('CERT_NOT_FOUND', /server\.key is missing/)
    writeFileSync(join(dir, 'server.crt'), 'rubbish')
    writeFileSync(join(dir, 'server.key'), 'rubbish')
    await attempt('CERT_INVALID', /server\.crt/)
  })

  test('are replaced with force only, and kept then', async () => {
    const ca = await forgeCa()
    await writeSet(dir, { ca, server: await forge({ issuer: ca, usage: 'server' }) })
    const before = all()
    const set = await makeCertificateSet({ certDir: dir, force: true })
    expect(visible()).toEqual(usual)
    expect(issuedBy('server.crt')).toBe(true)
    expect(all(set.previous)).toEqual(before)
  })
})

describe('one certificate more', () => {
  test('comes from the same CA, in files of its own name', async () => {
    await makeCertificateSet({ certDir: dir })
    const before = all()
    await addCertificate({
      certDir: dir,
      type: 'client',
      name: 'agent-7',
      subjectAltNames: ['spiffe://example.org/agent/7'],
    })
    await addCertificate({ certDir: dir, type: 'server', name: 'weather.example' })
    await addCertificate({ certDir: dir, type: 'server', name: 'echo', subjectAltNames: ['echo.example'] })
    expect(issuedBy('agent-7.crt') && issuedBy('weather.example.crt')).toBe(true)
    expect(facts('agent-7.crt').names.uri).toEqual(['spiffe://example.org/agent/7'])
    expect(facts('weather.example.crt').names.dns).toEqual(['weather.example', 'localhost'])
    expect(facts('echo.crt').names).toMatchObject({ dns: ['echo', 'echo.example'], ip: [] })
    expect(all()).toMatchObject(before)
  })

  test('is not made twice, and made anew with force while the CA stays', async () => {
    await addCertificate({ certDir: dir, type: 'client', name: 'agent' })
    const before = all()
    await addCertificate({ certDir: dir, type: 'client', name: 'agent' })
    expect(all()).toEqual(before)
    const set = await addCertificate({ certDir: dir, type: 'client', name: 'agent', force: true })
    expect(set.replacedCa).toBe(false)
    expect(file('ca.crt')).toBe(before['ca.crt'])
    expect(file('agent.key')).not.toBe(before['agent.key'])
    expect(issuedBy('agent.crt')).toBe(true)
  })

  test.each(['../x', 'a/b', 'a\\b', 'ca', 'Server', 'client', '.hidden', '-x', '', 'a\nb', '*.example'])(
    'cannot be called %j',
    async (name) => {
      await expect(addCertificate({ certDir: dir, type: 'client', name })).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
      })
      expect(readdirSync(dir)).toEqual([])
    },
  )

  test('is refused from another CA than the one that is trusted', async () => {
    const [certDir, caDir] = [join(dir, 'certs'), join(dir, 'ca')]
    await makeCertificateSet({ certDir })
    await makeCertificateSet({ certDir: caDir })
    const adding = addCertificate({ certDir, caDir, type: 'client', name: 'agent' })
    await expect(adding).rejects.toMatchObject({ code: 'CERT_INVALID' })
    rmSync(join(certDir, 'ca.crt'))
    copyFileSync(join(caDir, 'ca.crt'), join(certDir, 'ca.crt'))
    await addCertificate({ certDir, caDir, type: 'client', name: 'agent' })
    expect(issuedBy('agent.crt', certDir)).toBe(true)
  })
})

test('a serial number is never recorded twice', async () => {
  const { cert, key } = await forge()
  const index = new IssuedIndex(dir)
  const issued = { certificate: cert, facts: readCertificate(cert), privateKey: key }
  await index.record(issued)
  await expect(index.record(issued)).rejects.toMatchObject({ code: 'CERT_INVALID' })
})
