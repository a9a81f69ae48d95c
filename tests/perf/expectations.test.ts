import { expect, test } from 'vitest'
import { expectations, ratios } from '../../src/perf/expectations.js'
import type { CallFigures } from '../../src/perf/load/calls.js'
import { sampleFigures } from '../support/perf-figures.js'

const verdicts = (figures: Parameters<typeof expectations>[0]) => expectations(figures).map(({ met }) => met)

test('what mTLS adds is held against what is expected', () => {
  expect(expectations(sampleFigures())).toEqual([
    { what: 'a full handshake adds', expected: '5–10 ms', measured: '3 ms', met: true },
    { what: 'a request gets slower by', expected: 'under 5 ms', measured: '0.2 ms', met: true },
    { what: 'CPU for TLS at 100 calls/s', expected: '1–2 %', measured: '1 %', met: true },
    { what: 'memory of an idle connection', expected: '10 kB', measured: '56 kB', met: false },
  ])
})

test('a cost beyond the expectation is not met', () => {
  const { handshakes, calls, memory } = sampleFigures()
  const slow = (figures: CallFigures) =>
    figures.transport === 'mtls' ? { ...figures, p50_ms: 8, server_cpu_us: 900 } : figures
  const full = handshakes.full && { ...handshakes.full, p50_ms: 30 }
  expect(verdicts({ handshakes: { ...handshakes, full }, calls: calls.map(slow), memory })).toEqual([
    false,
    false,
    false,
    false,
  ])
})

test('what was not measured is neither met nor missed', () => {
  const { handshakes, calls } = sampleFigures()
  const foreign = calls
    .filter(({ transport }) => transport === 'mtls')
    .map((figures) => ({ ...figures, server_cpu_us: null }))
  const figures = { handshakes: { ...handshakes, plain: undefined }, calls: foreign, memory: {} }
  expect(verdicts(figures)).toEqual([null, null, null, null])
  expect(ratios(figures)).toEqual({
    full_connection: null,
    resumed_connection: null,
    memory_per_connection: null,
    calls: [],
  })
})

test('ratios are mTLS over HTTP at the same concurrency', () => {
  const { full_connection, memory_per_connection, calls } = ratios(sampleFigures())
  expect({ full_connection, memory_per_connection }).toEqual({
    full_connection: 4,
    memory_per_connection: 5.6,
  })
  expect(calls).toEqual([
    { concurrency: 1, calls_per_second: 0.8, p50_ms: 1.2, p90_ms: 1.2, p99_ms: 1.2, server_cpu_us: 1.25 },
    { concurrency: 4, calls_per_second: 0.8, p50_ms: 1.2, p90_ms: 1.2, p99_ms: 1.2, server_cpu_us: 1.25 },
  ])
})
