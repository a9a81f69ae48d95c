import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { SecurityEvents, teller } from '../../../src/tls/events.js'
import { ExpiryWatch, reachedThreshold, thresholdsOf } from '../../../src/tls/material/expiry-watch.js'
import type { Material } from '../../../src/tls/material/material.js'
import { readCertificate } from '../../../src/x509/certificate.js'
import { forge, forgeCa } from '../../support/forge.js'

const day = 86_400_000
const start = new Date('2026-01-01T00:00:00Z')
const inDays = (days: number) => new Date(start.getTime() + days * day)

describe('the thresholds of a certificate', () => {
  const ending = (days: number) => ({
    what: 'own' as const,
    subject: 'CN=x',
    serial: '1',
    key: 'x',
    begins: start,
    ends: inDays(days),
  })

  test('are 30, 14, 7 and 1 days before the end, and the end', () => {
    expect(thresholdsOf(ending(365))).toEqual([30, 14, 7, 1, 0])
  })

  test.each([
    [61, [30, 14, 7, 1, 0]],
    [60, [6, 1, 0]],
    [5, [0.5, 0]],
    [1 / 24, [0.1 / 24, 0]],
  ])('of a life of %d days begin where it is near its end: %j', (days, thresholds) => {
    expect(thresholdsOf(ending(days))).toEqual(thresholds.map((days) => expect.closeTo(days, 9)))
  })

  test('are those that were asked for, and none before the last tenth of a short life', () => {
    expect(thresholdsOf(ending(365), [90, 5])).toEqual([90, 5, 0])
    expect(thresholdsOf(ending(30), [90, 5, 2])).toEqual([3, 2, 0])
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
    const messages: string[] = []
    const events = new SecurityEvents([
      (event) => {
        if (event.event !== 'certificate-expiring') return
        told.push(`${event.what} ${event.daysLeft}`)
        messages.push(event.message)
      },
    ])
    const watch = new ExpiryWatch(teller(events, { side: 'server', name: 'test', mode: 'strict' }))
    const ca = await forgeCa({ notBefore: start, notAfter: inDays(3650) })
    const leaf = await forge({ issuer: ca, usage: 'server', notBefore: start, notAfter: inDays(days) })
    const material = {
      certificate: readCertificate(leaf.cert),
      anchors: [readCertificate(ca.cert)],
      crls: undefined,
    }
    const facts = { material: material as unknown as Material, leaf: readCertificate(leaf.cert) }
    return { told, messages, watch, ca, ...facts }
  }

  test('tells each threshold once, however far away it is', async () => {
    const { told, watch, material } = await watched(365)
    watch.watch(material)
    watch.watch(material)
    for (let days = 1; days <= 400; days++) {
      vi.setSystemTime(inDays(days)) // asleep but for half a minute each day
      await vi.advanceTimersByTimeAsync(31_000)
    }
    expect(told).toEqual(['own 30', 'own 14', 'own 7', 'own 1', 'own 0'])
    watch.stop()
  })

  test('tells at once of a threshold that was passed before it began', async () => {
    const { told, watch, material } = await watched(365)
    vi.setSystemTime(inDays(355))
    watch.watch(material)
    expect(told).toEqual(['own 10'])
    watch.stop()
    await vi.advanceTimersByTimeAsync(20 * day)
    expect(told).toEqual(['own 10'])
  })

  test('says nothing of a fresh certificate with a short life, and in words what is left of an old one', async () => {
    const { told, messages, watch, material } = await watched(1 / 24)
    watch.watch(material)
    await vi.advanceTimersByTimeAsync(54 * 60_000 - 1)
    expect(told).toEqual([])
    await vi.advanceTimersByTimeAsync(10)
    expect(messages).toEqual([expect.stringMatching(/^our certificate .* expires in 6 minutes, on /)])
    watch.stop()
  })

  test('tells of a peer once for each threshold, whatever certificate it comes with', async () => {
    const { told, watch, ca, leaf } = await watched(365)
    vi.setSystemTime(inDays(355))
    for (let visit = 0; visit < 3; visit++) watch.seen(leaf, 'cn:peer')
    const validity = { notBefore: start, notAfter: inDays(356) }
    const next = readCertificate((await forge({ issuer: ca, usage: 'client', ...validity })).cert)
    vi.setSystemTime(inDays(355.5))
    for (let visit = 0; visit < 3; visit++) watch.seen(next, 'cn:peer')
    watch.seen(next, 'cn:other')
    expect(told).toEqual(['peer 10', 'peer 1', 'peer 1'])
  })

  test('remembers what it told of ours, however many peers come', async () => {
    const { told, watch, material, leaf } = await watched(365)
    vi.setSystemTime(inDays(355))
    watch.watch(material)
    for (let peer = 0; peer < 11_000; peer++) watch.seen(leaf, `cn:${peer}`)
    watch.watch(material)
    expect(told.filter((one) => one.startsWith('own'))).toEqual(['own 10'])
    watch.seen(leaf, 'cn:10999')
    expect(told).toHaveLength(11_001)
    watch.seen(leaf, 'cn:0') // the oldest was forgotten
    expect(told).toHaveLength(11_002)
    watch.stop()
  })
})
