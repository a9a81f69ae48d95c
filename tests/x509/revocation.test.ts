import { beforeAll, describe, expect, test } from 'vitest'
import { type CertificateFacts, readCertificate } from '../../src/x509/certificate.js'
import { readCrls } from '../../src/x509/crl.js'
import { listFor, listsBy, statusIn } from '../../src/x509/revocation.js'
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
  return listFor(leaf, listsBy(readCertificate(ca.cert), lists))
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
      expect(statusIn(listFor(certificate, lists), certificate, new Date())).toBe(status)
    }
  })

  test('does not stand for the complete one, however new it is', async () => {
    const complete = await forgeCrl({ issuer: ca, revoked: ['abba'], thisUpdate, nextUpdate })
    const partial = await forgeCrl({ issuer: ca, issuingPoint: { only: 'ca' } })
    const lists = listsBy(readCertificate(ca.cert), readCrls(partial + complete, 'ca.crl'))
    expect(statusIn(listFor(leaf, lists), leaf, new Date())).toBe('revoked')
  })
})

test('the newest list of an issuer counts, in whatever order they come', async () => {
  const older = await forgeCrl({ issuer: ca, revoked: ['abba'], thisUpdate, nextUpdate })
  const newer = await forgeCrl({ issuer: ca, revoked: [], thisUpdate: later(thisUpdate, 60_000), nextUpdate })
  for (const text of [older + newer, newer + older]) {
    const list = listFor(leaf, listsBy(readCertificate(ca.cert), readCrls(text, 'ca.crl')))
    expect(statusIn(list, leaf, later(thisUpdate, day))).toBe('good')
  }
})
