import { execFileSync } from 'node:child_process'
import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  addCertificate,
  createAuthority,
  finishRotation,
  makeCertificateSet,
  renewCertificates,
  revokeCertificate,
  rotateAuthority,
} from '../../../src/pki/index.js'
import { readCertificate } from '../../../src/x509/certificate.js'
import { readCrls } from '../../../src/x509/crl.js'
import { readCertificates } from '../../../src/x509/pem.js'
import { forge, forgeCa, writeSet } from '../../support/forge.js'
import { refusalOf } from '../../support/refusal.js'
import { scratch } from '../../support/scratch.js'

let certDir: string
beforeEach(async () => {
  certDir = join(scratch(), 'certs')
  await makeCertificateSet({ certDir, organization: 'Example', country: 'NP', keyType: 'ec-p384' })
})

const read = (name: string, directory = certDir) => readFileSync(join(directory, name), 'utf8')
const cas = (directory = certDir) => readCertificates(read('ca.crt', directory), 'ca.crt')
const lists = (directory = certDir) => readCrls(read('ca.crl', directory), 'ca.crl')

/** Whether every leaf verifies by the CAs, and by the revocation lists when there are any. */
function verify(names: readonly string[], directory = certDir, withLists = false): string {
  const revocation = withLists ? ['-crl_check', '-CRLfile', 'ca.crl'] : []
  const args = ['verify', '-x509_strict', ...revocation, '-CAfile', 'ca.crt', ...names]
  return execFileSync('openssl', args, { cwd: directory, encoding: 'utf8' })
}

describe('a change of CA', () => {
  test('begins with both trusted, the new one first and issuing', async () => {
    const [before] = cas()
    const rotation = await rotateAuthority({ certDir })
    expect(rotation).toMatchObject({ stage: 'begun', current: cas()[0], previous: before })
    expect(cas().map(({ fingerprint256 }) => fingerprint256)).toEqual([
      rotation.current.fingerprint256,
      before?.fingerprint256,
    ])
    expect(rotation.current.subject).not.toBe(before?.subject)
    expect(rotation.current.subject).toMatch(/^CN=mcp-mtls CA .*,O=Example,C=NP$/)
    expect(rotation.current.key).toEqual(before?.key)
    expect(rotation.outstanding).toHaveLength(2)
    verify(['server.crt', 'client.crt'])

    await addCertificate({ certDir, type: 'client', name: 'agent' })
    expect(readCertificate(read('agent.crt')).issuer).toBe(rotation.current.subject)
  })

  test('goes on with the certificates, and ends without the old CA', async () => {
    const { previous } = await rotateAuthority({ certDir })
    const { certificates } = await renewCertificates({ certDir })
    expect(certificates.map((one) => one.outcome === 'renewed' && one.reason)).toEqual(['old CA', 'old CA'])
    verify(['server.crt', 'client.crt'])
    const keyOfBefore = read('ca.key').split(/(?=-----BEGIN)/)[1] ?? 'none'
    const finished = await finishRotation({ certDir })
    const everything = readdirSync(join(certDir, '.generations')).flatMap((generation) => {
      const path = join(certDir, '.generations', generation, 'ca.key')
      return existsSync(path) ? [readFileSync(path, 'utf8')] : []
    })
    expect(everything).toHaveLength(1)
    expect(everything[0]).not.toContain(keyOfBefore.trim())
    expect(finished).toMatchObject({ stage: 'finished', outstanding: [] })
    expect(cas()).toHaveLength(1)
    expect(cas()[0]?.subject).not.toBe(previous?.subject)
    expect(read('ca.key').match(/BEGIN/g)).toHaveLength(1)
    expect(cas()[0]?.x509.checkPrivateKey(createPrivateKey(read('ca.key')))).toBe(true)
    verify(['server.crt', 'client.crt'])
    await renewCertificates({ certDir, all: true })
  })

  test('keeps the lists of both while both are trusted, once a list is in use', async () => {
    const [before] = cas()
    await revokeCertificate({ certDir, certificate: join(certDir, 'client.crt') })
    await rotateAuthority({ certDir })
    expect(lists().map(({ issuer }) => issuer)).toEqual(cas().map(({ subject }) => subject))
    verify(['server.crt'], certDir, true)
    expect(() => verify(['client.crt'], certDir, true)).toThrow(/revoked/)

    // What the old CA issued can still be revoked.
    await revokeCertificate({ certDir, certificate: join(certDir, 'server.crt') })
    expect(() => verify(['server.crt'], certDir, true)).toThrow(/revoked/)
    const ofOld = lists().find(({ issuer }) => issuer === before?.subject)
    expect(ofOld?.revoked.size).toBe(2)

    await finishRotation({ certDir })
    expect(lists().map(({ issuer }) => issuer)).toEqual([cas()[0]?.subject])
    expect(lists()[0]?.revoked.size).toBe(0)
  })

  test('makes no list when none was in use', async () => {
    const { changed } = await rotateAuthority({ certDir })
    expect(changed).toEqual([join(certDir, 'ca.crt'), join(certDir, 'ca.key')])
  })

  test('begun twice makes no third CA, and tells what is still to be done', async () => {
    const first = await rotateAuthority({ certDir })
    const second = await rotateAuthority({ certDir })
    expect(second).toMatchObject({ stage: 'under way', changed: [] })
    expect(second.current.fingerprint256).toBe(first.current.fingerprint256)
    expect(second.outstanding).toHaveLength(2)
    await renewCertificates({ certDir })
    expect((await rotateAuthority({ certDir })).outstanding).toEqual([])
  })

  test('does not end while certificates of the old CA are in use, unless forced', async () => {
    await addCertificate({ certDir, type: 'client', name: 'agent' })
    await rotateAuthority({ certDir })
    await renewCertificates({ certDir, name: 'server' })
    await revokeCertificate({ certDir, certificate: join(certDir, 'client.crt') })
    const refused = await refusalOf(finishRotation({ certDir }))
    expect(refused.code).toBe('CERT_IN_USE')
    expect(refused.message).toContain(readCertificate(read('agent.crt')).serial)
    expect(refused.message).not.toMatch(/mcp-(server|client)/)
    expect(cas()).toHaveLength(2)
    await finishRotation({ certDir, force: true })
    expect(cas()).toHaveLength(1)
    // The index knows that it was ours: it can still be given a certificate of the new CA.
    await renewCertificates({ certDir })
    verify(['server.crt', 'agent.crt'])
  })

  test('asks for certificates that lie in the directory and not in the index', async () => {
    const ca = await forgeCa()
    const directory = scratch()
    await writeSet(directory, { ca, client: await forge({ issuer: ca, commonName: 'unlisted' }) })
    writeFileSync(join(directory, 'ca.key'), ca.key)
    await rotateAuthority({ certDir: directory })
    const refused = await refusalOf(finishRotation({ certDir: directory }))
    expect(refused.message).toContain('CN=unlisted')
    await renewCertificates({ certDir: directory })
    await finishRotation({ certDir: directory })
    verify(['client.crt'], directory)
  })

  test('does not ask for what has expired', async () => {
    await rotateAuthority({ certDir })
    const now = new Date(Date.now() + 400 * 86_400_000)
    expect(await finishRotation({ certDir, now })).toMatchObject({ stage: 'finished' })
  })

  test('cannot be ended before it was begun; ended twice says that it is', async () => {
    expect((await refusalOf(finishRotation({ certDir }))).message).toMatch(/no change of CA is under way/)
    await rotateAuthority({ certDir })
    await finishRotation({ certDir, force: true })
    expect(await finishRotation({ certDir })).toMatchObject({ stage: 'finished', changed: [] })
    expect((await rotateAuthority({ certDir })).stage).toBe('begun')
  })

  test('follows wishes for the new CA, and refuses bad ones before anything changes', async () => {
    const before = read('ca.crt')
    const bad = await refusalOf(rotateAuthority({ certDir, country: 'Nepal', validityDays: 9999 }))
    expect(bad).toMatchObject({ code: 'CONFIG_INVALID' })
    expect(read('ca.crt')).toBe(before)
    const { current } = await rotateAuthority({
      certDir,
      keyType: 'rsa',
      organization: 'Other',
      validityDays: 30,
    })
    expect(current).toMatchObject({ key: { text: 'RSA 2048' } })
    expect(current.subject).toMatch(/O=Other,C=NP$/)
    verify(['server.crt'])
  })

  test('keeps the curve of a CA that another program made, and takes the size of an RSA key alone', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'secp521r1' })
    const ca = await createAuthority({}, { privateKey })
    writeFileSync(join(certDir, 'ca.crt'), ca.certificate)
    writeFileSync(join(certDir, 'ca.key'), ca.privateKey)
    expect((await rotateAuthority({ certDir })).current.key.text).toBe('EC P-521')
    await finishRotation({ certDir, force: true })
    expect(await refusalOf(rotateAuthority({ certDir, keySize: 3072 }))).toMatchObject({
      code: 'CONFIG_INVALID',
    })
    await rotateAuthority({ certDir, keyType: 'rsa' })
    await finishRotation({ certDir, force: true })
    expect((await rotateAuthority({ certDir, keySize: 3072 })).current.key.text).toBe('RSA 3072')
  })

  test('keeps trust that was added by hand', async () => {
    const other = await forgeCa({ commonName: 'Added by hand' })
    writeFileSync(join(certDir, 'ca.crt'), read('ca.crt') + other.cert)
    await rotateAuthority({ certDir })
    expect(cas()).toHaveLength(3)
    await finishRotation({ certDir, force: true })
    expect(cas().map(({ commonName }) => commonName)).toContain('Added by hand')
    expect(cas()).toHaveLength(2)
  })

  test('gives a life of a year to what the end of the old CA had cut short', async () => {
    const directory = join(scratch(), 'certs')
    await makeCertificateSet({ certDir: directory, caValidityDays: 20 })
    await rotateAuthority({ certDir: directory, validityDays: 3650 })
    await renewCertificates({ certDir: directory })
    const { notAfter } = readCertificate(read('server.crt', directory))
    expect((notAfter.getTime() - Date.now()) / 86_400_000).toBeCloseTo(365, 0)
  })

  test('keeps the key of the CA encrypted when it was', async () => {
    const passphrase = 'correct horse'
    const cipher = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase } as const
    writeFileSync(join(certDir, 'ca.key'), createPrivateKey(read('ca.key')).export(cipher))
    await rotateAuthority({ certDir, passphrase })
    expect(read('ca.key').match(/BEGIN ENCRYPTED/g)).toHaveLength(2)
    await renewCertificates({ certDir, passphrase })
    await finishRotation({ certDir, passphrase })
    expect(read('ca.key').match(/BEGIN ENCRYPTED/g)).toHaveLength(1)
  })
})

describe('with the CA in a directory of its own', () => {
  test('each party is brought up to date by itself, and the end waits for all', async () => {
    const caDir = join(scratch(), 'ca')
    const parties = [join(scratch(), 'server'), join(scratch(), 'agent')] as const
    const [server, agent] = parties
    await makeCertificateSet({ certDir: server, caDir })
    await addCertificate({ certDir: agent, caDir, type: 'client', name: 'agent' })
    await revokeCertificate({ certDir: server, caDir, certificate: join(server, 'client.crt') })

    await rotateAuthority({ certDir: server, caDir })
    expect([cas(caDir).length, cas(server).length, cas(agent).length]).toEqual([2, 2, 1])
    expect((await rotateAuthority({ certDir: agent, caDir })).stage).toBe('under way')
    expect(cas(agent)).toHaveLength(2)
    expect(lists(agent)).toHaveLength(2)

    await renewCertificates({ certDir: server, caDir })
    expect((await refusalOf(finishRotation({ certDir: server, caDir }))).message).toContain('CN=agent')
    await renewCertificates({ certDir: agent, caDir })
    await finishRotation({ certDir: server, caDir })
    expect([cas(caDir).length, cas(server).length, cas(agent).length]).toEqual([1, 1, 2])
    expect((await finishRotation({ certDir: agent, caDir })).stage).toBe('finished')
    expect(cas(agent)).toHaveLength(1)
    verify(['server.crt'], server, true)
    verify(['agent.crt'], agent, true)
  })
})
