import type { CallFigures } from './load/calls.js'
import type { Handshakes } from './load/handshakes.js'
import { median, round } from './statistics.js'

export interface Figures {
  readonly handshakes: Handshakes
  readonly calls: readonly CallFigures[]
  /** Bytes, by transport; undefined if the server is not ours. */
  readonly memory: { readonly http?: number | undefined; readonly mtls?: number | undefined }
}

export interface Expectation {
  readonly what: string
  readonly expected: string
  /** Null if it could not be measured; then `met` is null too. */
  readonly measured: string | null
  readonly met: boolean | null
}

/** The call rate used for the CPU share. */
const callsPerSecond = 100

/** Common expectations of mTLS, beside the measurements. */
export function expectations({ handshakes, calls, memory }: Figures): Expectation[] {
  const alone = pairs(calls)[0]
  const handshake = minus(handshakes.full?.p50_ms, handshakes.plain?.p50_ms)
  const slower = minus(alone?.mtls.p50_ms, alone?.http.p50_ms)
  const cpus = pairs(calls).flatMap(({ http, mtls }) => minus(mtls.server_cpu_us, http.server_cpu_us) ?? [])
  const percent = cpus.length === 0 ? undefined : (median(cpus) * callsPerSecond) / 10_000
  const kilobytes = memory.mtls === undefined ? undefined : memory.mtls / 1000
  return [
    expectation('a full handshake adds', '5–10 ms', 10, handshake, 'ms', 2),
    expectation('a request gets slower by', 'under 5 ms', 5, slower, 'ms', 3),
    expectation(`CPU for TLS at ${callsPerSecond} calls/s`, '1–2 %', 2, percent, '%', 1),
    expectation('memory of an idle connection', '10 kB', 10, kilobytes, 'kB', 0),
  ]
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

/** Both transports at the same concurrency, where both were measured. */
function pairs(calls: readonly CallFigures[]): { http: CallFigures; mtls: CallFigures }[] {
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

const over = (one: Measured, other: Measured) =>
  typeof one === 'number' && typeof other === 'number' && other > 0 ? round(one / other, 2) : null

function expectation(
  what: string,
  expected: string,
  limit: number,
  value: number | undefined,
  unit: string,
  digits: number,
): Expectation {
  if (value === undefined) return { what, expected, measured: null, met: null }
  return { what, expected, measured: `${round(value, digits)} ${unit}`, met: value <= limit }
}
