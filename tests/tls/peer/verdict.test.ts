import { beforeAll, describe, expect, test } from 'vitest'
import { CrlSet } from '../../../src/judge/crl-set.js'
import type { CertificatePath } from '../../../src/judge/path.js'
import { type PeerFacts, type Verdict, type Verification, verdict } from '../../../src/tls/peer/verdict.js'
import { type CertificateFacts, readCertificate } from '../../../src/x509/certificate.js'
import { readCrls } from '../../../src/x509/crl.js'
import { forge, forgeCa, forgeCrl } from '../../support/forge.js'

const now = new Date()
const day = 86_400_000
const soon = new Date(now.getTime() + day)
const ago = new Date(now.getTime() - day)

let root: CertificateFacts
let client: CertificateFacts
let server: CertificateFacts
let crls: CrlSet
beforeAll(async () => {
  const ca = await forgeCa()
  root = readCertificate(ca.cert)
  client = readCertificate((await forge({ issuer: ca, usage: 'client', commonName: 'agent' })).cert)
  server = readCertificate((await forge({ issuer: ca, usage: 'server' })).cert)
  crls = new CrlSet(readCrls(await forgeCrl({ issuer: ca, revoked: ['dead'] }), 'ca.crl'))
})

type Peer = Partial<CertificatePath> & { leaf?: Partial<CertificateFacts>; error?: string }

/** A good client, or server, but for what is said. */
function peer({ leaf, error, ...path }: Peer = {}, of = client): PeerFacts {
  const certificates = [{ ...of, ...leaf }, root] as const
  return {
    path: { certificates, anchored: true, selfSigned: false, badSignature: undefined, ...path },
    authorizationError: error,
  }
}

const asClient = (mode: 'strict' | 'demo'): Verification => ({ peer: 'client', mode, crls: undefined })
const asServer = (mode: 'strict' | 'demo', serverName = 'localhost'): Verification => ({
  peer: 'server',
  mode,
  crls: undefined,
  serverName,
})

describe.each(['strict', 'demo'] as const)('in %s mode', (mode) => {
  test('a good client is accepted as itself', () => {
    expect(verdict(peer(), asClient(mode), now)).toMatchObject({
      accepted: true,
      relaxed: [],
      identity: { id: 'cn:agent', verified: true },
    })
  })

  test('a good server is accepted as itself', () => {
    expect(verdict(peer({}, server), asServer(mode), now)).toMatchObject({
      accepted: true,
      identity: { id: 'dns:localhost' },
    })
  })

  test.each<[string, Peer, string]>([
    ['expired', { leaf: { notAfter: ago } }, 'CERT_EXPIRED'],
    ['not valid yet', { leaf: { notBefore: soon } }, 'CERT_NOT_YET_VALID'],
    ['for another usage', { leaf: { extendedKeyUsage: ['1.2.3'] } }, 'CERT_INVALID'],
    ['for no usage', { leaf: { extendedKeyUsage: [] } }, 'CERT_INVALID'],
    ['without a usage', { leaf: { extendedKeyUsage: undefined } }, 'CERT_INVALID'],
    ['a CA', { leaf: { isCa: true } }, 'CERT_INVALID'],
    ['a signer of certificates', { leaf: { keyUsage: ['digitalSignature', 'keyCertSign'] } }, 'CERT_INVALID'],
    ['not for signatures', { leaf: { keyUsage: ['keyEncipherment'] } }, 'CERT_INVALID'],
    ['critically unknown', { leaf: { unknownCritical: ['1.2.3'] } }, 'CERT_INVALID'],
    ['RSA 2047', { leaf: { key: { type: 'rsa', bits: 2047, text: 'RSA 2047' } } }, 'CERT_INVALID'],
    ['EC P-224', { leaf: { key: { type: 'ec', bits: 224, text: 'EC P-224' } } }, 'CERT_INVALID'],
    ['DSA', { leaf: { key: { type: 'dsa', bits: 3072, text: 'DSA 3072' } } }, 'CERT_INVALID'],
    ['of an unknown key type', { leaf: { key: { type: 'other', bits: 9999, text: 'x' } } }, 'CERT_INVALID'],
    ['signed with MD5', { leaf: { signatureHash: 'md5' } }, 'CERT_INVALID'],
    ['signed with SHA-1', { leaf: { signatureHash: 'sha1' } }, 'CERT_INVALID'],
    ['signed with something unknown', { leaf: { signatureHash: undefined } }, 'CERT_INVALID'],
    ['revoked, says OpenSSL', { error: 'CERT_REVOKED' }, 'CERT_REVOKED'],
    ['of the wrong purpose, says OpenSSL', { error: 'INVALID_PURPOSE' }, 'CERT_INVALID'],
    ['whose list is missing, says OpenSSL', { error: 'UNABLE_TO_GET_CRL' }, 'CERT_INVALID'],
    ['something OpenSSL says for the first time', { error: 'MOON_PHASE' }, 'CERT_INVALID'],
  ])('a certificate that is %s is refused, on either side', (_what, facts, code) => {
    const judged = verdict(peer(facts), asClient(mode), now)
    expect(judged).toMatchObject({ accepted: false, code })
    const usage = facts.leaf && 'extendedKeyUsage' in facts.leaf ? {} : { extendedKeyUsage: ['serverAuth'] }
    const other = peer({ ...facts, leaf: { ...usage, ...facts.leaf } }, server)
    const ofServer = code === 'CERT_INVALID' ? 'SERVER_CERT_INVALID' : code
    expect(verdict(other, asServer(mode), now)).toMatchObject({ accepted: false, code: ofServer })
  })

  test('none shown, one that cannot be read, a wrong signature on the way', () => {
    const nothing = { path: undefined, authorizationError: undefined }
    expect(verdict(nothing, asClient(mode), now)).toMatchObject({ code: 'CLIENT_CERT_REQUIRED' })
    expect(verdict(nothing, asServer(mode), now)).toMatchObject({ code: 'SERVER_CERT_INVALID' })
    const unreadable = { ...nothing, unreadable: 'not readable' }
    expect(verdict(unreadable, asClient(mode), now)).toMatchObject({ code: 'CERT_INVALID' })
    const forged = peer({ anchored: false, badSignature: client })
    expect(verdict(forged, asClient(mode), now)).toMatchObject({ code: 'CERT_INVALID' })
  })

  test('a revoked serial number, and the same one of another issuer', () => {
    const rules = { ...asClient(mode), crls }
    expect(verdict(peer(), rules, now).accepted).toBe(true)
    expect(verdict(peer({ leaf: { serial: 'dead' } }), rules, now)).toMatchObject({ code: 'CERT_REVOKED' })
    const later = new Date(now.getTime() + 2 * day)
    expect(verdict(peer(), rules, later)).toMatchObject({ code: 'CLIENT_CERT_REJECTED' })
    const none = { ...rules, crls: new CrlSet([]) }
    expect(verdict(peer(), none, now)).toMatchObject({ code: 'CLIENT_CERT_REJECTED' })
  })

  test('the last second of a certificate is good, the next is not', () => {
    const { notAfter, notBefore } = client
    expect(verdict(peer(), asClient(mode), notAfter).accepted).toBe(true)
    expect(verdict(peer(), asClient(mode), new Date(notAfter.getTime() + 1))).toMatchObject({
      code: 'CERT_EXPIRED',
    })
    const rootFirst = peer()
    expect(verdict(rootFirst, asClient(mode), new Date(notBefore.getTime() - 1)).accepted).toBe(false)
  })

  test('a trusted root may have signed itself with anything, an untrusted one not', () => {
    const weak = { ...root, signatureHash: 'sha1' }
    const path: Peer = { certificates: [client, weak] }
    expect(verdict(peer(path), asClient(mode), now).accepted).toBe(true)
    expect(verdict(peer({ ...path, anchored: false }), asClient(mode), now).accepted).toBe(false)
  })
})

test.each([
  [{ dns: ['elsewhere'], ip: ['10.0.0.1'] }, 'does not cover localhost, only elsewhere, 10.0.0.1'],
  [{}, 'does not cover localhost, only no name at all'],
])('a server with the names %j is another one', (some, message) => {
  const names = { dns: [], ip: [], email: [], uri: [], ...some }
  const facts = peer({ leaf: { names } }, server)
  expect(verdict(facts, asServer('strict'), now)).toMatchObject({
    accepted: false,
    code: 'SERVER_NAME_MISMATCH',
    message: expect.stringContaining(message),
  })
  expect(verdict(facts, asServer('demo'), now)).toMatchObject({
    accepted: true,
    relaxed: ['name-mismatch'],
    identity: { verified: false },
  })
  expect(verdict(peer({ leaf: { names } }), asClient('strict'), now).accepted).toBe(true)
})

test.each([
  ['has expired', 2 * day, 'ca.crl'],
  ['is not valid yet', -day / 2, 'ca.crl'],
  ['there is no revocation list of', 0, undefined],
])('a list of which "%s" is told in these words', (words, passed, file) => {
  const rules = { ...asClient('strict'), crls: file ? crls : new CrlSet([]) }
  const leaf = { notBefore: new Date(now.getTime() - day), notAfter: new Date(now.getTime() + 9 * day) }
  expect(verdict(peer({ leaf }), rules, new Date(now.getTime() + passed))).toMatchObject({
    code: 'CLIENT_CERT_REJECTED',
    message: expect.stringContaining(words),
  })
})

test.each([
  ['CERT_HAS_EXPIRED', 'CERT_EXPIRED'],
  ['CERT_NOT_YET_VALID', 'CERT_NOT_YET_VALID'],
])('demo mode lets no unknown chain in of which OpenSSL says %s', (error, code) => {
  expect(verdict(peer({ error, anchored: false }), asClient('demo'), now)).toMatchObject({ code })
})

test('a CA as a peer: demo mode takes it when it signed itself, whatever OpenSSL calls that', () => {
  const authority: Peer = { leaf: { isCa: true, keyUsage: ['keyCertSign'] }, error: 'INVALID_PURPOSE' }
  const itself = { ...authority, anchored: false, selfSigned: true }
  expect(verdict(peer(itself), asClient('demo'), now)).toMatchObject({
    relaxed: ['issuer-unknown', 'self-signed-ca'],
  })
  expect(verdict(peer(authority), asClient('demo'), now)).toMatchObject({ code: 'CERT_INVALID' })
  const leaf = { ...itself, leaf: {} }
  expect(verdict(peer(leaf), asClient('demo'), now)).toMatchObject({ code: 'CERT_INVALID' })
  expect(verdict(peer(itself), asClient('strict'), now)).toMatchObject({ code: 'CLIENT_CERT_REJECTED' })
})

test('what comes from a peer and stands in a message cannot break a line', () => {
  const refused = verdict(peer({ leaf: { serial: 'dead' } }), { ...asClient('strict'), crls }, now)
  expect('message' in refused && refused.message).not.toMatch(/\p{C}/u)
})

test('a verdict holds to the first end: of a certificate on the path, of a list that counts', async () => {
  const ca = await forgeCa()
  const listUntil = async (nextUpdate: Date) =>
    new CrlSet(readCrls(await forgeCrl({ issuer: ca, nextUpdate, thisUpdate: ago }), 'ca.crl'))
  const until = (...[leaf, lists]: [Date, CrlSet?]) =>
    validUntilOf(verdict(peer({ leaf: { notAfter: leaf } }), { ...asClient('strict'), crls: lists }, now))
  const later = new Date(root.notAfter.getTime() + day)
  expect(until(soon)).toEqual(soon)
  expect(until(later)).toEqual(root.notAfter)
  // Of a stranger's, so that it is not asked; it is never taken for longer than it counts.
  const lists = new CrlSet([...(await listUntil(soon)).lists, ...(await listUntil(ago)).lists], true)
  expect(until(later, lists)?.getTime()).toBe(Math.floor(soon.getTime() / 1000) * 1000)
})

function validUntilOf(judged: Verdict): Date | undefined {
  return judged.accepted ? judged.validUntil : undefined
}

test.each([
  ['INVALID_PURPOSE', 'is not for this use, or a CA above it is not, says OpenSSL'],
  ['INVALID_CA', 'has a CA above it that may not sign certificates, says OpenSSL'],
  ['PATH_LENGTH_EXCEEDED', 'has more CAs above it than one of them allows, says OpenSSL'],
  ['CERT_CHAIN_TOO_LONG', 'has too many CAs above it, says OpenSSL'],
  ['UNSPECIFIED', 'gives no reason'],
  ['EE certificate key too weak', 'key that is weaker than the machine that refuses it demands'],
  ['CA certificate key too weak', 'CA above it with a key that is weaker'],
  ['CA signature digest algorithm too weak', 'signature on its chain that is weaker'],
  ['constructor', 'gives no reason'],
])('what OpenSSL alone says has words: %s', (error, words) => {
  const judged = verdict(peer({ error }), asClient('strict'), now)
  expect(judged).toMatchObject({ code: 'CERT_INVALID', message: expect.stringContaining(words) })
  expect(judged).not.toMatchObject({ message: expect.stringContaining(error) })
})

const unknownIssuer = [
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
]

describe('two locks', () => {
  test.each([...unknownIssuer, 'CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'])(
    'OpenSSL followed another path and says %s: ours counts where it is complete and valid, and only there',
    (error) => {
      expect(verdict(peer({ error }), asClient('strict'), now)).toMatchObject({ accepted: true, relaxed: [] })
      expect(verdict(peer({ error }, server), asServer('strict'), now)).toMatchObject({ accepted: true })
      for (const broken of [{ anchored: false }, { selfSigned: true }, { leaf: { notAfter: ago } }])
        expect(verdict(peer({ error, ...broken }), asClient('strict'), now).accepted).toBe(false)
    },
  )

  test.each([
    'CERT_UNTRUSTED',
    'INVALID_CA',
    'PATH_LENGTH_EXCEEDED',
    'PERMITTED_VIOLATION',
    'UNSPECIFIED',
    '',
  ])('whatever else OpenSSL says stands: "%s"', (error) => {
    for (const mode of ['strict', 'demo'] as const)
      expect(verdict(peer({ error }), asClient(mode), now)).toMatchObject({ code: 'CERT_INVALID' })
  })

  test.each([{ anchored: false }, { selfSigned: true }, { anchored: false, selfSigned: true }])(
    'OpenSSL says nothing, and strict mode refuses a path that is %j',
    (path) => {
      expect(verdict(peer(path), asClient('strict'), now)).toMatchObject({ code: 'CLIENT_CERT_REJECTED' })
      expect(verdict(peer(path, server), asServer('strict'), now)).toMatchObject({
        code: 'SERVER_CERT_INVALID',
      })
      expect(verdict(peer(path), asClient('demo'), now)).toMatchObject({ relaxed: ['issuer-unknown'] })
    },
  )
})
