import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { SecurityEvents, teller } from '../../src/tls/events.js'
import { ExpiryWatch, reachedThreshold, thresholdsOf } from '../../src/tls/expiry-watch.js'
import type { Material } from '../../src/tls/material.js'
import { readCertificate } from '../../src/x509/certificate.js'
import { forge, forgeCa } from '../support/forge.js'

const day = 86_400_000
const start = new Date('2026-01-01T00:00:00Z')
const inDays = (days: number) => new Date(start.getTime() + days * day)

describe('the thresholds of a certificate', () => {
  const ending = (days: number, what: 'own' | 'crl' = 'own') => ({
    what,
    subject: 'CN=x',
    serial: '1',
    key: 'x',
    begins: start,
    ends: inDays(days),
  })

  test('are 30, 14, 7 and 1 days before the end, and the end', () => {
    expect(thresholdsOf(ending(365))).toEqual([30, 14, 7, 1, 0])
  })

  test('of a list are no longer than half of its life', () => {
    expect(thresholdsOf(ending(30, 'crl'))).toEqual([14, 7, 1, 0])
    expect(thresholdsOf(ending(1, 'crl'))).toEqual([0])
  })

  test.each([
    [0, undefined],
    [334.9, undefined],
    [335, 30],
    [351, 14],
    [364.5, 1],
    [365, 0],
    [400, 0],
  ])('after %s of 365 days it has reached %s', (days, reached) => {
    expect(reachedThreshold(ending(365), inDays(days))).toBe(reached)
  })
})

describe('the watch over what ends', () => {
  beforeEach(() => void vi.useFakeTimers({ now: start }))
  afterEach(() => void vi.useRealTimers())

  async function watched(days: number) {
    const told: string[] = []
    const events = new SecurityEvents([
      (event) => event.event === 'certificate-expiring' && told.push(`${event.what} ${event.daysLeft}`),
    ])
    const watch = new ExpiryWatch(teller(events, { side: 'server', name: 'test', mode: 'strict' }))
    const ca = await forgeCa({ notBefore: start, notAfter: inDays(3650) })
    const leaf = await forge({ issuer: ca, usage: 'server', notBefore: start, notAfter: inDays(days) })
    const material = {
      certificate: readCertificate(leaf.cert),
      anchors: [readCertificate(ca.cert)],
      crls: undefined,
    }
    return { told, watch, material: material as unknown as Material, leaf: readCertificate(leaf.cert) }
  }

  test('tells each threshold once, however far away it is', async () => {
    const { told, watch, material } = await watched(365)
    watch.watch(material)
    watch.watch(material)
    await vi.advanceTimersByTimeAsync(400 * day)
    expect(told).toEqual(['own 30', 'own 14', 'own 7', 'own 1', 'own 0'])
    watch.stop()
  })

  test('tells at once of a threshold that was passed before it began', async () => {
    const { told, watch, material } = await watched(10)
    watch.watch(material)
    expect(told).toEqual(['own 10'])
    watch.stop()
    await vi.advanceTimersByTimeAsync(20 * day)
    expect(told).toEqual(['own 10'])
  })

  test('tells of the certificate of a peer once for each threshold', async () => {
    const { told, watch, leaf } = await watched(10)
    for (let visit = 0; visit < 3; visit++) watch.seen(leaf)
    vi.setSystemTime(inDays(5))
    for (let visit = 0; visit < 3; visit++) watch.seen(leaf)
    expect(told).toEqual(['peer 10', 'peer 5'])
  })
})
