import { sign } from 'node:crypto'
import { AsnConvert } from '@peculiar/asn1-schema'
import { beforeAll, describe, expect, test } from 'vitest'
import { type CertificateFacts, readCertificate } from '../../src/x509/certificate.js'
import { type CrlFacts, readCrls } from '../../src/x509/crl.js'
import { encoded } from '../../src/x509/der/der.js'
import { type Forged, forgeCa } from '../support/forge.js'
import { refusal } from '../support/refusal.js'

// Lists put together from their parts (RFC 5280 section 5.1), so that each part can be another.

const sequence = (...parts: Uint8Array[]) => encoded(0x30, ...parts)
const integer = (...bytes: number[]) => encoded(0x02, Uint8Array.from(bytes))
const utc = (text: string) => encoded(0x17, Buffer.from(text))
const octets = (value: Uint8Array) => encoded(0x04, value)
const boolean = (value: number) => encoded(0x01, Uint8Array.from([value]))

function oid(text: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number)
  const bytes = [first * 40 + second, ...rest].flatMap((arc) => {
    const digits = [arc & 0x7f]
    for (let left = arc >> 7; left > 0; left >>= 7) digits.unshift((left & 0x7f) | 0x80)
    return digits
  })
  return encoded(0x06, Uint8Array.from(bytes))
}

const extension = (id: string, value: Uint8Array, ...critical: Uint8Array[]) =>
  sequence(oid(id), ...critical, octets(value))
const reason = (code: number) => extension('2.5.29.21', encoded(0x0a, Uint8Array.from([code])))
const entry = (serial: number[], ...extensions: Uint8Array[]) =>
  sequence(
    integer(...serial),
    utc('260101000000Z'),
    ...(extensions.length > 0 ? [sequence(...extensions)] : []),
  )
const ed25519 = sequence(oid('1.3.101.112'))
const [thisUpdate, nextUpdate] = [utc('260101000000Z'), utc('490101000000Z')]

let ca: Forged
let issuer: Uint8Array
let facts: CertificateFacts
beforeAll(async () => {
  ca = await forgeCa({ keyType: 'ed25519' })
  issuer = new Uint8Array(AsnConvert.serialize(ca.subject))
  facts = readCertificate(ca.cert)
})

interface Parts {
  readonly version?: readonly Uint8Array[]
  readonly inner?: Uint8Array
  readonly outer?: Uint8Array
  readonly next?: readonly Uint8Array[]
  readonly entries?: readonly Uint8Array[]
  readonly extensions?: readonly Uint8Array[]
  /** After everything else in the signed part. */
  readonly more?: readonly Uint8Array[]
  readonly signature?: (signature: Uint8Array) => Uint8Array
  readonly after?: Uint8Array
}

function listOf(parts: Parts = {}): Buffer {
  const { version = [integer(1)], inner = ed25519, outer = ed25519, next = [nextUpdate], more = [] } = parts
  const { entries, extensions, after = new Uint8Array() } = parts
  const body = sequence(
    ...version,
    inner,
    issuer,
    thisUpdate,
    ...next,
    ...(entries ? [sequence(...entries)] : []),
    ...(extensions ? [encoded(0xa0, sequence(...extensions))] : []),
    ...more,
  )
  const { signature = (bytes: Uint8Array) => encoded(0x03, Uint8Array.from([0]), bytes) } = parts
  return Buffer.concat([sequence(body, outer, signature(sign(null, body, ca.privateKey))), after])
}

function read(parts?: Parts): CrlFacts {
  const [list] = readCrls(listOf(parts), 'ca.crl')
  if (!list) throw new Error('no list')
  expect(list.isSignedBy(facts)).toBe(true)
  return list
}

const why = (parts: Parts) => refusal(() => readCrls(listOf(parts), 'ca.crl')).message

describe('a list is read', () => {
  test('with each of its parts', () => {
    const list = read({
      entries: [entry([0x0a], reason(1)), entry([0x00, 0xff]), entry([0x7f, 0x01], reason(6))],
      extensions: [extension('2.5.29.20', integer(0x12, 0x34))],
    })
    expect([...list.revoked]).toEqual([
      ['a', { at: new Date('2026-01-01T00:00:00Z'), reason: 'keyCompromise' }],
      ['ff', { at: new Date('2026-01-01T00:00:00Z'), reason: undefined }],
      ['7f01', { at: new Date('2026-01-01T00:00:00Z'), reason: 'certificateHold' }],
    ])
    expect([list.revoked.size, [...list.revoked.keys()]]).toEqual([3, ['a', 'ff', '7f01']])
    expect([list.revoked.has('a'), list.revoked.has('b')]).toEqual([true, false])
    expect(list.revoked.get('ff')).toEqual({ at: new Date('2026-01-01T00:00:00Z'), reason: undefined })
    expect(list.revoked.get('b')).toBeUndefined()
    expect(list).toMatchObject({
      issuer: facts.subject,
      number: 0x1234n,
      thisUpdate: new Date('2026-01-01T00:00:00Z'),
      nextUpdate: new Date('2049-01-01T00:00:00Z'),
    })
    const [again] = readCrls(list.pem, 'ca.crl')
    expect(again?.isSignedBy(facts)).toBe(true)
    expect(list.pem).toMatch(
      /^-----BEGIN X509 CRL-----\n(?:[\w+/]{64}\n)+[\w+/=]{1,64}\n-----END X509 CRL-----\n$/,
    )
  })

  test.each<[string, Parts]>([
    ['of version 1, which has no number for it', { version: [] }],
    ['without entries', {}],
    ['with an empty list of entries', { entries: [] }],
    ['with extensions alone', { extensions: [extension('2.5.29.20', integer(1))] }],
    [
      'with an extension that is not known and not critical',
      { extensions: [extension('1.2.3', integer(1))] },
    ],
    ['with one that says it is not critical', { extensions: [extension('1.2.3', integer(1), boolean(0))] }],
    ['with a time of four digits for the year', { next: [encoded(0x18, Buffer.from('20500101000000Z'))] }],
  ])('%s', (_what, parts) => {
    expect(read(parts).revoked.size).toBe(0)
  })

  test.each([
    [0, 'unspecified'],
    [1, 'keyCompromise'],
    [2, 'cACompromise'],
    [3, 'affiliationChanged'],
    [4, 'superseded'],
    [5, 'cessationOfOperation'],
    [6, 'certificateHold'],
    [8, 'removeFromCRL'],
    [9, 'privilegeWithdrawn'],
    [10, 'aACompromise'],
    [7, undefined],
  ])('with the reason %d: %s', (code, name) => {
    expect(read({ entries: [entry([1], reason(code))] }).revoked.get('1')?.reason).toBe(name)
  })
})

describe('a list is refused', () => {
  const [critical, unreadable] = [boolean(0xff), 'ca.crl: not a readable revocation list']
  test.each<[string, Parts | (() => Parts), string | RegExp]>([
    ['of another version', { version: [integer(0)] }, unreadable],
    ['of a version of two bytes', { version: [integer(1, 1)] }, unreadable],
    ['with a part too many', { extensions: [], more: [integer(1)] }, unreadable],
    ['with a part that is none', { more: [integer(1)] }, unreadable],
    ['with bytes after it', { after: Uint8Array.from([0]) }, unreadable],
    ['whose signature is no bit string', { signature: octets }, unreadable],
    ['with entries that are none', { entries: [integer(1)] }, unreadable],
    [
      'with a serial number that is none',
      { entries: [sequence(octets(integer(1)), thisUpdate)] },
      unreadable,
    ],
    ['with an entry that ends too soon', { entries: [sequence(integer(1))] }, unreadable],
    ['with an extension without a value', { extensions: [sequence()] }, unreadable],
    ['with an id alone', { extensions: [sequence(oid('1.2.3'))] }, unreadable],
    ['whose reason is no reason', { entries: [entry([1], extension('2.5.29.21', integer(1)))] }, unreadable],
    [
      'that names another algorithm outside',
      { outer: sequence(oid('1.3.101.113')) },
      /two different signature algorithms/,
    ],
    [
      'without the next one',
      { next: [], entries: [entry([1]), entry([2])] },
      /does not say when the next one comes/,
    ],
    [
      'with a critical extension',
      { extensions: [extension('2.999.1', integer(1), critical)] },
      /not supported \(2\.999\.1\)/,
    ],
    ['with another', { extensions: [extension('0.9.2342', integer(1), critical)] }, /\(0\.9\.2342\)/],
    [
      'with another',
      { extensions: [extension('1.2.840.113549.1', integer(1), critical)] },
      /\(1\.2\.840\.113549\.1\)/,
    ],
    [
      'with one at an entry',
      { entries: [entry([1], extension('1.2.3', integer(1), critical))] },
      /\(1\.2\.3\)/,
    ],
    ['that is a delta list', { extensions: [extension('2.5.29.27', integer(1))] }, /delta list/],
    ['of other issuers', { entries: [entry([1], extension('2.5.29.29', sequence()))] }, /indirect list/],
  ])('%s: %o', (_what, parts, words) => {
    expect(why(typeof parts === 'function' ? parts() : parts)).toMatch(words)
  })

  test('in PEM that begins and does not end, or the other way round', () => {
    const pem = read().pem
    const refused = (text: string) => refusal(() => readCrls(text, 'ca.crl')).message
    expect(refused(pem.slice(0, -30))).toBe('ca.crl: a revocation list in it is cut off')
    expect(refused(pem + pem.slice(0, 100))).toBe('ca.crl: a revocation list in it is cut off')
    expect(refused('0 lists')).toBe('ca.crl: no revocation list in it')
    expect(readCrls(pem + pem.replaceAll('X509 CRL', 'CRL'), 'ca.crl')).toHaveLength(2)
  })
})

test('who signed it: the CA of that name, with its key, if it may', async () => {
  const [list] = readCrls(listOf(), 'ca.crl')
  expect(list?.isSignedBy(facts)).toBe(true)
  expect([list?.isNamedAfter(facts), list?.isNamedAfter({ ...facts, subjectRdns: [] })]).toEqual([
    true,
    false,
  ])
  expect(list?.isSignedBy({ ...facts, subjectRdns: ['2.5.4.3=other'] })).toBe(false)
  expect(list?.isSignedBy({ ...facts, keyUsage: ['keyCertSign'] })).toBe(false)
  expect(list?.isSignedBy({ ...facts, keyUsage: undefined })).toBe(true)
  const rsa = readCertificate((await forgeCa({ keyType: 'rsa' })).cert)
  expect(list?.isSignedBy({ ...rsa, subjectRdns: facts.subjectRdns })).toBe(false)
  expect(list?.isSignedBy(readCertificate((await forgeCa({ keyType: 'ed25519' })).cert))).toBe(false)
})
