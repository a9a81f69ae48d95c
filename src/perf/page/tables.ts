import type { CallFigures } from '../load/calls.js'
import { connectionKinds } from '../load/handshakes.js'
import { transportNames } from '../load/target.js'
import type { PerfResult } from '../perf-test.js'
import type { Percentiles } from '../statistics.js'
import { connectionNames } from './words.js'

/** The first row is the header. */
export type Rows = readonly (readonly string[])[]

export function connectionRows({ handshakes }: PerfResult): Rows {
  const rows = connectionKinds.flatMap((kind) => {
    const figures = handshakes[kind]
    return figures ? [[connectionNames[kind], ...milliseconds(figures), percent(figures)]] : []
  })
  return [['', 'p50 ms', 'p90 ms', 'p99 ms', 'spread'], ...rows]
}

export function callRows({ calls, ratios }: PerfResult): Rows {
  const rows = calls.flatMap((figures) => {
    const { concurrency, transport } = figures
    const row = [String(concurrency), transportNames[transport], ...callCells(figures), percent(figures)]
    const ratio = ratios.calls.find((one) => one.concurrency === concurrency)
    if (transport === 'http' || !ratio) return [row]
    const { calls_per_second: perSecond, p50_ms, p90_ms, p99_ms, server_cpu_us: cpu } = ratio
    const cells = [perSecond, p50_ms, p90_ms, p99_ms, cpu].map((value) =>
      value === null ? '–' : `× ${value.toFixed(2)}`,
    )
    return [row, ['', 'mTLS / HTTP', ...cells, '']]
  })
  return [['in flight', '', 'calls/s', 'p50 ms', 'p90 ms', 'p99 ms', 'CPU µs', 'spread'], ...rows]
}

const milliseconds = ({ p50_ms, p90_ms, p99_ms }: Percentiles) =>
  [p50_ms, p90_ms, p99_ms].map((value) => value.toFixed(2))
const percent = ({ spread_percent }: { readonly spread_percent: number }) => `${spread_percent.toFixed(0)} %`
const callCells = (figures: CallFigures) => [
  figures.calls_per_second.toFixed(0),
  ...milliseconds(figures),
  figures.server_cpu_us === null ? '–' : figures.server_cpu_us.toFixed(0),
]
