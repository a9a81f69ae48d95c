import { expect, test } from 'vitest'
import { type Expectation, expectations, ratios } from '../../src/perf/expectations.js'
import type { CallFigures } from '../../src/perf/load/calls.js'
import { sampleFigures } from '../support/perf-figures.js'

const verdicts = (figures: Parameters<typeof expectations>[0]) => expectations(figures).map(({ met }) => met)

const expectation = (
  what: string,
  expected: string,
  measured: string,
  interval: Expectation['interval'],
  verdict: 'met' | 'not met',
): Expectation => ({ what, expected, measured, interval, met: verdict === 'met', verdict })

test('what mTLS adds is held against what is expected', () => {
  expect(expectations(sampleFigures())).toEqual([
    expectation('a full handshake adds', '5–10 ms', '3 ms', [3, 3], 'met'),
    expectation('a request gets slower by', 'under 5 ms', '0.2 ms', [0.2, 0.2], 'met'),
    expectation('CPU for TLS at 100 calls/s', '1–2 %', '1 %', [1, 1], 'met'),
    expectation('memory of an idle connection', '10 kB', '56 kB', null, 'not met'),
  ])
})

test('a cost beyond the expectation is not met', () => {
  const { handshakes, calls, memory } = sampleFigures()
  const slow = (figures: CallFigures) =>
    figures.transport === 'mtls'
      ? { ...figures, rounds: figures.rounds.map(() => ({ p50_ms: 8, server_cpu_us: 900 })) }
      : figures
  const full = handshakes.full && { ...handshakes.full, rounds: handshakes.full.rounds.map(() => 30) }
  expect(verdicts({ handshakes: { ...handshakes, full }, calls: calls.map(slow), memory })).toEqual([
    false,
    false,
    false,
    false,
  ])
})

test('what rounds disagree about is inconclusive', () => {
  const { handshakes, calls, memory } = sampleFigures()
  const rounds = (values: readonly number[]) => handshakes.full && { ...handshakes.full, rounds: values }
  const judged = (full: ReturnType<typeof rounds>) =>
    expectations({ handshakes: { ...handshakes, full }, calls, memory })[0]
  expect(judged(rounds([4, 4, 4, 16, 16, 16, 16, 16]))).toMatchObject({
    interval: [3, 15],
    met: null,
    verdict: 'inconclusive',
  })
  expect(judged(rounds([4, 4, 4, 4, 4]))?.verdict).toBe('inconclusive')
  expect(judged(rounds([4, 4, 4, 4, 4, 4]))?.verdict).toBe('met')
})

test('what was not measured is neither met nor missed', () => {
  const { handshakes, calls } = sampleFigures()
  const foreign = calls
    .filter(({ transport }) => transport === 'mtls')
    .map((figures) => ({ ...figures, server_cpu_us: null, rounds: [] }))
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
