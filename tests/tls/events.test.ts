import { once } from 'node:events'
import { expect, test } from 'vitest'
import { type SecurityEvent, SecurityEvents, teller } from '../../src/tls/events.js'

const from = { side: 'server', name: 'test-mcp', mode: 'strict' } as const
const failure = { peerAddress: '127.0.0.1:1', reason: 'NOT_TLS', message: 'speaks plain HTTP' } as const

test('every subscriber gets an event with its time and where it comes from', () => {
  const seen: SecurityEvent[] = []
  const events = new SecurityEvents([(event) => seen.push(event)])
  events.subscribe((event) => seen.push(event))
  teller(events, from)('handshake-failed', failure)
  expect(seen).toHaveLength(2)
  expect(seen[0]).toEqual({ event: 'handshake-failed', time: expect.any(Date), ...from, ...failure })
  expect(seen[1]).toBe(seen[0])
})

test('who stops gets no more', () => {
  const seen: SecurityEvent[] = []
  const events = new SecurityEvents()
  const stop = events.subscribe((event) => seen.push(event))
  stop()
  teller(events, from)('handshake-failed', failure)
  expect(seen).toEqual([])
})

test('a subscriber that throws harms no other, and is heard of as a warning', async () => {
  const seen: SecurityEvent[] = []
  const warned = once(process, 'warning')
  const events = new SecurityEvents([
    () => {
      throw new Error('disk full')
    },
    (event) => seen.push(event),
  ])
  teller(events, from)('handshake-failed', failure)
  expect(seen).toHaveLength(1)
  expect(String((await warned)[0])).toContain('disk full')
})
