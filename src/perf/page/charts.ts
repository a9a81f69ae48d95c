import type { CallFigures } from '../load/calls.js'
import { type ConnectionFigures, type ConnectionKind, connectionKinds } from '../load/handshakes.js'
import { transportNames } from '../load/target.js'
import type { PerfResult } from '../perf-test.js'
import { curveParts } from '../statistics.js'
import type { Chart } from './chart.js'
import { connectionNames } from './words.js'

export function charts(result: PerfResult): Chart[] {
  const { calls } = result
  const concurrencies = [...new Set(calls.map(({ concurrency }) => concurrency))]
  const middle = concurrencies[Math.floor((concurrencies.length - 1) / 2)]
  const shown = new Set([concurrencies[0], middle, concurrencies.at(-1)])
  const cpuKnown = calls.some(({ server_cpu_us: cpu }) => cpu !== null)
  return [
    ...[...shown].flatMap((one) => (one === undefined ? [] : [latencies(calls, one)])),
    bars(
      'Throughput by concurrency',
      'Calls per second, by calls in flight. Higher is better.',
      'calls/s',
      calls,
      (figures) => figures.calls_per_second,
    ),
    ...(cpuKnown
      ? [
          bars(
            'CPU of the server',
            'Microseconds of CPU for one call, by calls in flight. Lower is better.',
            'µs',
            calls,
            (figures) => figures.server_cpu_us,
          ),
        ]
      : []),
    handshakes(result),
  ]
}

function latencies(calls: readonly CallFigures[], concurrency: number): Chart {
  return {
    title: `Latency, ${concurrency} in flight`,
    about: 'Milliseconds within which so many percent of the calls were answered. Lower is better.',
    ...overParts,
    series: calls
      .filter((figures) => figures.concurrency === concurrency)
      .map(({ transport, curve }) => ({
        label: transportNames[transport],
        color: colors[transport],
        values: curve,
      })),
  }
}

function handshakes({ handshakes }: PerfResult): Chart {
  const measured = connectionKinds.flatMap((kind): [ConnectionKind, ConnectionFigures][] => {
    const figures = handshakes[kind]
    return figures ? [[kind, figures]] : []
  })
  return {
    title: 'Handshake cost',
    about:
      'Milliseconds within which so many percent of the connections had their first answer. Lower is better.',
    ...overParts,
    series: measured.map(([kind, { curve }]) => ({
      label: connectionNames[kind],
      color: kind,
      values: curve,
    })),
  }
}

const colors = { http: 'plain', mtls: 'full' } as const

/** Each nine as wide as the one before it; otherwise the slowest calls, which people notice, would be one pixel. */
const nines = (part: number) => -Math.log10(1 - part)

const overParts = {
  kind: 'curves',
  unit: 'ms',
  x: curveParts.map(nines),
  ticks: [0.5, 0.9, 0.99, 0.999].map(
    (part) => [nines(part), `${Number((part * 100).toFixed(1))} %`] as const,
  ),
} as const

function bars(
  title: string,
  about: string,
  unit: string,
  calls: readonly CallFigures[],
  value: (figures: CallFigures) => number | null,
): Chart {
  const concurrencies = [...new Set(calls.map(({ concurrency }) => concurrency))]
  const transports = [...new Set(calls.map(({ transport }) => transport))]
  return {
    title,
    about,
    kind: 'bars',
    unit,
    x: concurrencies.map((_, index) => index),
    ticks: concurrencies.map((concurrency, index) => [index, String(concurrency)] as const),
    series: transports.map((transport) => ({
      label: transportNames[transport],
      color: colors[transport],
      values: calls.filter((figures) => figures.transport === transport).map(value),
    })),
  }
}
