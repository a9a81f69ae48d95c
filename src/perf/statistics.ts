/** Milliseconds below which so many of the measurements lie. */
export interface Percentiles {
  readonly p50_ms: number
  readonly p90_ms: number
  readonly p99_ms: number
}

/** The parts a distribution is drawn with; the last ones are what people wait for. */
export const curveParts = [...Array.from({ length: 95 }, (_, index) => (index + 5) / 100), 0.995, 0.999]

/** The value below which this part of them lies; `NaN` of none. */
export function percentile(values: readonly number[], part: number): number {
  return inOrder(values, [part])[0] ?? Number.NaN
}

export const median = (values: readonly number[]): number => percentile(values, 0.5)

export function percentiles(values: readonly number[]): Percentiles {
  const [p50 = Number.NaN, p90 = Number.NaN, p99 = Number.NaN] = inOrder(values, [0.5, 0.9, 0.99])
  return { p50_ms: round(p50, 3), p90_ms: round(p90, 3), p99_ms: round(p99, 3) }
}

/** One value for each of `curveParts`. */
export function curve(values: readonly number[]): number[] {
  return inOrder(values, curveParts).map((value) => round(value, 3))
}

/** How far repetitions lie apart: from the least to the greatest, in percent of the middle one. */
export function spread(repetitions: readonly number[]): number {
  const range = Math.max(...repetitions) - Math.min(...repetitions)
  return repetitions.length < 2 ? 0 : round((range / median(repetitions)) * 100, 1)
}

/** The same values in so many consecutive parts of about one length: repetitions, after the fact. */
export function split<Value>(values: readonly Value[], parts: number): Value[][] {
  const at = (part: number) => Math.round((part * values.length) / parts)
  return Array.from({ length: parts }, (_, part) => values.slice(at(part), at(part + 1))).filter(
    (slice) => slice.length > 0,
  )
}

export function round(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}

function inOrder(values: readonly number[], parts: readonly number[]): number[] {
  const sorted = Float64Array.from(values).sort()
  return parts.map(
    (part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN,
  )
}
