import { EventEmitter } from 'node:events'
import type { TLSSocket } from 'node:tls'
import { afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { CrlSet } from '../../../src/judge/crl-set.js'
import { ConnectionRecord } from '../../../src/tls/peer/connection.js'
import { PeerConnection } from '../../../src/tls/peer/peer-connection.js'
import { PeerJudge } from '../../../src/tls/peer/peer-judge.js'
import type { PeerFacts, Refusal } from '../../../src/tls/peer/verdict.js'
import { type CertificateFacts, readCertificate } from '../../../src/x509/certificate.js'
import { readCrls } from '../../../src/x509/crl.js'
import { type Forged, forge, forgeCa, forgeCrl } from '../../support/forge.js'

const begin = new Date('2030-01-01T00:00:00Z')
const hour = 3_600_000
const at = (hours: number) => new Date(begin.getTime() + hours * hour)

let ca: Forged
let root: CertificateFacts
let longer: CertificateFacts
let leaf: CertificateFacts
beforeAll(async () => {
  ca = await forgeCa({ notBefore: at(-2), notAfter: at(48) })
  root = readCertificate(ca.cert)
  const renewed = { commonName: 'Forged CA', isCa: true, keyOf: ca, usage: 'none' } as const
  longer = readCertificate((await forge({ ...renewed, notBefore: at(-1), notAfter: at(96) })).cert)
  const client = { issuer: ca, usage: 'client', notBefore: at(-1), notAfter: at(72) } as const
  leaf = readCertificate((await forge(client)).cert)
})

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'], now: begin })
})
afterEach(() => vi.useRealTimers())

const trusting = (anchors: readonly CertificateFacts[], crls?: CrlSet) =>
  new PeerJudge({ anchors, mode: 'strict', crls }, 'client')

function admitted(judge: PeerJudge) {
  const socket = Object.assign(new EventEmitter(), {
    getEphemeralKeyInfo: () => null,
    getProtocol: () => 'TLSv1.3',
    getCipher: () => ({ standardName: 'TLS_AES_256_GCM_SHA384' }),
    isSessionReused: () => false,
    bytesRead: 0,
    bytesWritten: 0,
  }) as unknown as TLSSocket
  const record = new ConnectionRecord(undefined, 8443, undefined)
  record.become('handshaking')
  const told: string[] = []
  const ends: Refusal[] = []
  const judged = vi.spyOn(judge, 'verdict')
  const connection = PeerConnection.admit(
    {
      socket,
      record,
      peerAddress: '127.0.0.1:1',
      tell: (event) => told.push(event),
      end: (refusal) => ends.push(refusal),
    },
    judge,
    judge.rebase({ path: unknownPath(), presented: [], authorizationError: undefined }, true),
  )
  if (!(connection instanceof PeerConnection)) throw new Error(connection.message)
  return { connection, told, ends, judged }
}

const unknownPath = (): NonNullable<PeerFacts['path']> => ({
  certificates: [leaf],
  anchored: false,
  selfSigned: false,
  badSignature: undefined,
})

test('a verdict is kept while it cannot be another, and asked for anew when the clock is set back', () => {
  const { connection, judged, told } = admitted(trusting([root]))
  for (let hours = 0; hours <= 48; hours += 12) {
    vi.setSystemTime(at(hours))
    expect(connection.verdict().accepted).toBe(true)
  }
  expect(judged).toHaveBeenCalledTimes(1)
  vi.setSystemTime(at(-3))
  expect(connection.verdict()).toMatchObject({ accepted: false, code: 'CERT_NOT_YET_VALID' })
  expect(told).toEqual(['connection-accepted', 'connection-ended'])
})

test('at the end of its path it ends by itself; that is told once and stays so', () => {
  const { connection, told, ends } = admitted(trusting([root]))
  vi.advanceTimersByTime(48 * hour)
  expect(ends).toEqual([])
  vi.advanceTimersByTime(1)
  expect(ends).toMatchObject([{ code: 'CERT_EXPIRED' }])
  vi.setSystemTime(begin)
  expect(connection.verdict().accepted).toBe(false)
  connection.rejudge(trusting([longer]))
  expect(connection.verdict().accepted).toBe(false)
  connection.closed()
  expect(told).toEqual(['connection-accepted', 'connection-ended', 'connection-closed'])
})

test('where another way goes on, so does the connection, to the end of that way', () => {
  const { connection, ends } = admitted(trusting([root, longer]))
  vi.advanceTimersByTime(71 * hour)
  expect(connection.verdict().accepted).toBe(true)
  expect(ends).toEqual([])
  vi.advanceTimersByTime(hour + 1)
  expect(ends).toMatchObject([{ code: 'CERT_EXPIRED' }])
})

test('a change of trust moves the end both ways', () => {
  const later = admitted(trusting([root]))
  later.connection.rejudge(trusting([longer]))
  const sooner = admitted(trusting([longer]))
  sooner.connection.rejudge(trusting([root]))
  vi.advanceTimersByTime(48 * hour + 1)
  expect([later.ends, sooner.ends]).toMatchObject([[], [{ code: 'CERT_EXPIRED' }]])
  vi.advanceTimersByTime(24 * hour)
  expect(later.ends).toMatchObject([{ code: 'CERT_EXPIRED' }])
})

test('a revocation list that ends without a new one vouches for nobody any more', async () => {
  vi.useRealTimers()
  const list = readCrls(await forgeCrl({ issuer: ca, thisUpdate: at(-1), nextUpdate: at(5) }), 'ca.crl')
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'], now: begin })
  const { ends } = admitted(trusting([root], new CrlSet(list)))
  vi.advanceTimersByTime(5 * hour)
  expect(ends).toEqual([])
  vi.advanceTimersByTime(1)
  expect(ends).toMatchObject([{ code: 'CLIENT_CERT_REJECTED' }])
})

test('one that is closed is not looked at again', () => {
  const { connection, ends, told } = admitted(trusting([root]))
  connection.closed()
  vi.advanceTimersByTime(100 * hour)
  expect(ends).toEqual([])
  expect(told).toEqual(['connection-accepted', 'connection-closed'])
})

test('a certificate that expired while the machine slept ends its connection within half a minute', () => {
  const { ends } = admitted(trusting([root]))
  vi.setSystemTime(at(60))
  vi.advanceTimersByTime(30_000)
  expect(ends).toMatchObject([{ code: 'CERT_EXPIRED' }])
})
