import type { CallFigures, CallRound } from './load/calls.js'
import type { Handshakes } from './load/handshakes.js'
import { type Interval, isAtMost, median, medianInterval, round } from './statistics.js'

export interface Figures {
  readonly handshakes: Handshakes
  readonly calls: readonly CallFigures[]
  /** Bytes, by transport; undefined if the server is not ours. */
  readonly memory: { readonly http?: number | undefined; readonly mtls?: number | undefined }
}

export interface Expectation {
  readonly what: string
  readonly expected: string
  /** Null if it could not be measured. */
  readonly measured: string | null
  /** Where the true median is with 95 % confidence, in the unit of `measured`; null if one measurement is all there is. */
  readonly interval: Interval | null
  /** Null if it was not measured, or if the expectation is within the interval. */
  readonly met: boolean | null
  readonly verdict: Verdict
}

export type Verdict = 'met' | 'not met' | 'inconclusive' | 'not measured'

/** The call rate used for the CPU share. */
const callsPerSecond = 100

/** Common expectations of mTLS, beside the measurements. */
export function expectations({ handshakes, calls, memory }: Figures): Expectation[] {
  const { plain, full } = handshakes
  const handshake = full?.rounds.map((round, index) => minus(round, plain?.rounds[index]))
  const slower = differences(pairs(calls).slice(0, 1), 'p50_ms')
  const percents = differences(pairs(calls), 'server_cpu_us').map((cpu) => (cpu * callsPerSecond) / 10_000)
  const kilobytes = memory.mtls === undefined ? [] : [memory.mtls / 1000]
  return [
    expectation('a full handshake adds', '5–10 ms', 10, known(handshake ?? []), 'ms', 2),
    expectation('a request gets slower by', 'under 5 ms', 5, slower, 'ms', 3),
    expectation(`CPU for TLS at ${callsPerSecond} calls/s`, '1–2 %', 2, percents, '%', 1),
    expectation('memory of an idle connection', '10 kB', 10, kilobytes, 'kB', 0),
  ]
}

/** What mTLS adds in each round; the median of the concurrencies. */
function differences(pairs: readonly Pair[], figure: keyof CallRound): number[] {
  const rounds = pairs[0]?.mtls.rounds ?? []
  const added = rounds.map((_, index) =>
    known(pairs.map(({ http, mtls }) => minus(mtls.rounds[index]?.[figure], http.rounds[index]?.[figure]))),
  )
  return added.filter((values) => values.length > 0).map(median)
}

/** mTLS relative to HTTP, where both were measured: 2 is twice as much. */
export interface Ratios {
  readonly full_connection: number | null
  readonly resumed_connection: number | null
  readonly memory_per_connection: number | null
  readonly calls: readonly ({
    readonly concurrency: number
  } & Readonly<Record<(typeof callRatios)[number], number | null>>)[]
}

const callRatios = ['calls_per_second', 'p50_ms', 'p90_ms', 'p99_ms', 'server_cpu_us'] as const

export function ratios({ handshakes, calls, memory }: Figures): Ratios {
  const { plain, full, resumed } = handshakes
  return {
    full_connection: over(full?.p50_ms, plain?.p50_ms),
    resumed_connection: over(resumed?.p50_ms, plain?.p50_ms),
    memory_per_connection: over(memory.mtls, memory.http),
    calls: pairs(calls).map(({ http, mtls }) => ({
      concurrency: mtls.concurrency,
      ...(Object.fromEntries(
        callRatios.map((figure) => [figure, over(mtls[figure], http[figure])]),
      ) as Record<(typeof callRatios)[number], number | null>),
    })),
  }
}

interface Pair {
  readonly http: CallFigures
  readonly mtls: CallFigures
}

/** Both transports at the same concurrency, where both were measured. */
function pairs(calls: readonly CallFigures[]): Pair[] {
  return calls
    .filter(({ transport }) => transport === 'mtls')
    .flatMap((mtls) =>
      calls
        .filter(({ transport, concurrency }) => transport === 'http' && concurrency === mtls.concurrency)
        .map((http) => ({ http, mtls })),
    )
}

type Measured = number | null | undefined

const minus = (one: Measured, other: Measured) =>
  typeof one === 'number' && typeof other === 'number' ? one - other : undefined

const known = (values: readonly (number | undefined)[]) => values.filter((value) => value !== undefined)

const over = (one: Measured, other: Measured) =>
  typeof one === 'number' && typeof other === 'number' && other > 0 ? round(one / other, 2) : null

function expectation(
  what: string,
  expected: string,
  limit: number,
  rounds: readonly number[],
  unit: string,
  digits: number,
): Expectation {
  const [only] = rounds
  if (only === undefined)
    return { what, expected, measured: null, interval: null, met: null, verdict: 'not measured' }
  // A single measurement is judged as it is.
  const interval = rounds.length === 1 ? ([only, only] as const) : medianInterval(rounds)
  const met = isAtMost(limit, interval) ?? null
  return {
    what,
    expected,
    measured: `${round(median(rounds), digits)} ${unit}`,
    interval: interval && rounds.length > 1 ? [round(interval[0], digits), round(interval[1], digits)] : null,
    met,
    verdict: met === null ? 'inconclusive' : met ? 'met' : 'not met',
  }
}
