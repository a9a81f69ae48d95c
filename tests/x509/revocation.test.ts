import { beforeAll, describe, expect, test } from 'vitest'
import { type CertificateFacts, readCertificate } from '../../src/x509/certificate.js'
import { readCrls } from '../../src/x509/crl.js'
import { entryIn, listsBy, statusIn, withoutSuperseded } from '../../src/x509/revocation.js'
import { type Forged, forge, forgeCa, forgeCrl } from '../support/forge.js'

const day = 86_400_000
const thisUpdate = new Date(Math.floor(Date.now() / 1000) * 1000 - day)
const nextUpdate = new Date(thisUpdate.getTime() + 2 * day)
const later = (moment: Date, ms: number) => new Date(moment.getTime() + ms)

let ca: Forged
let leaf: CertificateFacts
beforeAll(async () => {
  ca = await forgeCa()
  leaf = readCertificate((await forge({ issuer: ca, serial: 'abba' })).cert)
})

async function listed(revoked: string[], of = ca) {
  const lists = readCrls(await forgeCrl({ issuer: of, revoked, thisUpdate, nextUpdate }), 'ca.crl')
  return listsBy(readCertificate(ca.cert), lists)
}

describe('a list', () => {
  test('vouches for whom it does not name, from its first moment to its last', async () => {
    const list = await listed(['dead'])
    expect(statusIn(list, leaf, later(thisUpdate, -1))).toBe('list-not-yet-valid')
    expect(statusIn(list, leaf, thisUpdate)).toBe('good')
    expect(statusIn(list, leaf, nextUpdate)).toBe('good')
    expect(statusIn(list, leaf, later(nextUpdate, 1))).toBe('list-expired')
  })

  test('revokes whom it names, whatever its dates', async () => {
    const list = await listed(['abba'])
    for (const now of [later(thisUpdate, -1), thisUpdate, later(nextUpdate, day)])
      expect(statusIn(list, leaf, now)).toBe('revoked')
  })

  test('of another CA says nothing', async () => {
    const list = await listed(['abba'], await forgeCa({ commonName: 'Other CA' }))
    expect(statusIn(list, leaf, thisUpdate)).toBe('no-list')
  })
})

test('of two lists of one moment the one with the higher number counts; where none is higher, both', async () => {
  const made = async (revoked: string[], number: number) =>
    readCrls(await forgeCrl({ issuer: ca, revoked, number, thisUpdate, nextUpdate }), 'ca.crl')
  const status = (...lists: Awaited<ReturnType<typeof made>>[]) =>
    statusIn(listsBy(readCertificate(ca.cert), lists.flat()), leaf, thisUpdate)
  const [empty, revoking] = [await made([], 1), await made(['abba'], 2)]
  expect([status(empty, revoking), status(revoking, empty)]).toEqual(['revoked', 'revoked'])
  const [former, latest] = [await made(['abba'], 1), await made([], 2)]
  expect([status(former, latest), status(latest, former)]).toEqual(['good', 'good'])
  const twin = await made(['abba'], 1)
  expect([status(empty, twin), status(twin, empty)]).toEqual(['revoked', 'revoked'])
  const all = [...empty, ...twin]
  expect(withoutSuperseded(all, [readCertificate(ca.cert)], thisUpdate)).toEqual(all)
})

describe('a list for some certificates', () => {
  const [here, elsewhere] = ['http://crl.example/1', 'http://crl.example/2']

  test.each([
    [{ only: 'ca' }, { isCa: true }, 'revoked'],
    [{ only: 'ca' }, {}, 'no-list'],
    [{ only: 'user' }, {}, 'revoked'],
    [{ only: 'user' }, { isCa: true }, 'no-list'],
    [{ uri: here }, { crlPoints: [elsewhere, here] }, 'revoked'],
    [{ uri: here }, { crlPoints: [elsewhere] }, 'no-list'],
    [{ uri: here }, {}, 'no-list'],
    [{ uri: here, only: 'ca' }, { crlPoints: [here] }, 'no-list'],
  ] as const)('%j, says of a certificate with %j: %s', async (issuingPoint, options, status) => {
    for (const critical of [true, false]) {
      const list = await forgeCrl({
        issuer: ca,
        revoked: ['abba'],
        issuingPoint: { ...issuingPoint, critical },
      })
      const certificate = readCertificate(
        (
          await forge({
            issuer: ca,
            serial: 'abba',
            ...options,
            crlPoints: [...('crlPoints' in options ? options.crlPoints : [])],
          })
        ).cert,
      )
      const lists = listsBy(readCertificate(ca.cert), readCrls(list, 'ca.crl'))
      expect(statusIn(lists, certificate, new Date())).toBe(status)
    }
  })

  test('does not stand for the complete one, however new it is', async () => {
    const complete = await forgeCrl({ issuer: ca, revoked: ['abba'], thisUpdate, nextUpdate })
    const partial = await forgeCrl({ issuer: ca, issuingPoint: { only: 'ca' } })
    const lists = listsBy(readCertificate(ca.cert), readCrls(partial + complete, 'ca.crl'))
    expect(statusIn(lists, leaf, new Date())).toBe('revoked')
  })
})

test('the newest list of an issuer counts, in whatever order they come', async () => {
  const older = await forgeCrl({ issuer: ca, revoked: ['abba'], thisUpdate, nextUpdate })
  const newer = await forgeCrl({ issuer: ca, revoked: [], thisUpdate: later(thisUpdate, 60_000), nextUpdate })
  for (const text of [older + newer, newer + older]) {
    const list = listsBy(readCertificate(ca.cert), readCrls(text, 'ca.crl'))
    expect(statusIn(list, leaf, later(thisUpdate, day))).toBe('good')
  }
})

describe('lists that follow one another', () => {
  const begins = (days: number) => new Date(thisUpdate.getTime() + days * day)
  const series = async (...all: { from: number; revoked?: string[]; only?: 'ca' | 'user' }[]) =>
    Promise.all(
      all.map(async ({ from, revoked = [], only }) => {
        const times = { thisUpdate: begins(from), nextUpdate: begins(from + 2) }
        const part = only && { issuingPoint: { only } }
        const [list] = readCrls(await forgeCrl({ issuer: ca, revoked, ...times, ...part }), 'ca.crl')
        if (!list) throw new Error('no list')
        return list
      }),
    )
  const root = () => readCertificate(ca.cert)

  test('count from their own beginning on: one that is to come locks nobody out, and revokes already', async () => {
    const lists = listsBy(root(), await series({ from: 0 }, { from: 1.5, revoked: ['dead'] }))
    const status = (days: number, of = leaf) => statusIn(lists, of, begins(days))
    expect([status(-0.1), status(0), status(1.4), status(1.5), status(3.4), status(3.6)]).toEqual([
      'list-not-yet-valid',
      'good',
      'good',
      'good',
      'good',
      'list-expired',
    ])
    const dead = { ...leaf, serial: 'dead' }
    expect(status(1, dead)).toBe('revoked')
    expect(entryIn(lists, dead)?.at).toEqual(begins(1.5))
    expect(entryIn(lists, leaf)).toBeUndefined()
  })

  test('what an old one revoked and the new one does not is good again', async () => {
    const lists = listsBy(root(), await series({ from: 0, revoked: ['abba'] }, { from: 1 }))
    expect(statusIn(lists, leaf, begins(0.5))).toBe('revoked')
    expect(statusIn(lists, leaf, begins(1.5))).toBe('good')
  })

  test('are superseded by a newer one that has begun, of the same CA and about as much', async () => {
    const lists = await series({ from: 0 }, { from: 1 }, { from: 0.5, only: 'ca' }, { from: 3 })
    const left = (days: number, authorities = [root()]) =>
      withoutSuperseded(lists, authorities, begins(days)).map((list) => lists.indexOf(list))
    expect(left(0.7)).toEqual([0, 1, 2, 3])
    expect(left(1)).toEqual([1, 3])
    expect(left(3)).toEqual([3])
    expect(left(3, [])).toEqual([0, 1, 2, 3])
    const stranger = readCertificate((await forgeCa()).cert)
    expect(left(3, [stranger])).toEqual([0, 1, 2, 3])
    const parts = await series({ from: 0, only: 'ca' }, { from: 1, only: 'user' }, { from: 2, only: 'ca' })
    expect(withoutSuperseded(parts, [root()], begins(2))).toEqual(parts.slice(1))
  })
})
