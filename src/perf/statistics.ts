/** Percentiles, in milliseconds. */
export interface Percentiles {
  readonly p50_ms: number
  readonly p90_ms: number
  readonly p99_ms: number
}

/** The quantiles a distribution is drawn with; the last ones are what people wait for. */
export const curveParts = [...Array.from({ length: 95 }, (_, index) => (index + 5) / 100), 0.995, 0.999]

/** The value at this quantile; `NaN` for no values. */
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

/** The spread of repetitions: from the smallest to the largest, in percent of the median. */
export function spread(repetitions: readonly number[]): number {
  const range = Math.max(...repetitions) - Math.min(...repetitions)
  return repetitions.length < 2 ? 0 : round((range / median(repetitions)) * 100, 1)
}

/** Both ends of a range. */
export type Interval = readonly [low: number, high: number]

/**
 * Where the true median is, with at least 95 % confidence, by the sign test: whatever the distribution of the values.
 * Undefined for fewer than six values, which cannot tell.
 */
export function medianInterval(values: readonly number[]): Interval | undefined {
  const sorted = Float64Array.from(values).sort()
  const count = sorted.length
  // How many values at either end lie beyond the median in all but 5 % of all samples.
  let beyond = 0
  let term = 0.5 ** count
  for (let sum = term; sum <= 0.025 && beyond < count / 2; sum += term) {
    beyond++
    term *= (count - beyond + 1) / beyond
  }
  const [low, high] = [sorted[beyond - 1], sorted[count - beyond]]
  return low === undefined || high === undefined ? undefined : [low, high]
}

/** Whether a median is at most this; undefined where its interval does not tell. */
export function isAtMost(limit: number, interval: Interval | undefined): boolean | undefined {
  if (!interval) return undefined
  const [low, high] = interval
  return high <= limit ? true : low > limit ? false : undefined
}

/** The values split into this many consecutive parts of about equal length: repetitions, after the fact. */
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
