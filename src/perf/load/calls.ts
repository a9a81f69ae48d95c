import { curve, median, type Percentiles, percentiles, round, spread } from '../statistics.js'
import { type Caller, caller } from './caller.js'
import type { Transport } from './server-under-test.js'
import { type Progress, type Target, transportNames } from './target.js'

export interface CallFigures extends Percentiles {
  readonly transport: Transport
  /** Calls in flight, each on a connection that stays open. */
  readonly concurrency: number
  readonly calls_per_second: number
  /** Microseconds of the server's CPU per call; null if the server is not ours. */
  readonly server_cpu_us: number | null
  /** Spread of the calls per second between the rounds. */
  readonly spread_percent: number
  readonly curve: readonly number[]
  /** One of each round; the rounds of all transports and concurrencies alternate. */
  readonly rounds: readonly CallRound[]
}

export interface CallRound {
  readonly p50_ms: number
  readonly server_cpu_us: number | null
}

interface Series {
  readonly target: Target
  readonly caller: Caller
  readonly concurrency: number
  readonly latencies: number[][]
  readonly perSecond: number[]
  readonly cpu: number[]
}

/** Short enough that a noisy machine disturbs all turns alike, long enough for hundreds of calls. */
const longestSliceMs = 500
/** Fewer could not tell where a median is. */
const fewestRounds = 6

/** Measures latency and calls per second, alternating between transports and concurrencies. */
export async function measureCalls(
  targets: readonly Target[],
  concurrencies: readonly number[],
  durationMs: number,
  signal: AbortSignal,
  progress: Progress,
): Promise<CallFigures[]> {
  const callers = targets.map((target) => ({
    target,
    caller: caller(target.call, target.secureContext, target.checkServerIdentity),
  }))
  const series: Series[] = concurrencies.flatMap((concurrency) =>
    callers.map((one) => ({ ...one, concurrency, latencies: [], perSecond: [], cpu: [] })),
  )
  const rounds = Math.max(fewestRounds, Math.ceil(durationMs / series.length / longestSliceMs))
  const sliceMs = durationMs / series.length / rounds
  try {
    for (const one of series) await slice(one, Math.min(sliceMs, 300), signal)
    for (const { latencies, perSecond, cpu } of series)
      for (const warmUp of [latencies, perSecond, cpu]) warmUp.length = 0
    for (let round = 0; round < rounds; round++)
      for (const [index, one] of series.entries()) {
        const what = `calls: ${transportNames[one.target.transport]}, ${one.concurrency} in flight`
        progress((round + index / series.length) / rounds, what)
        await slice(one, sliceMs, signal)
      }
  } finally {
    for (const { caller } of callers) caller.close()
  }
  return series.map(({ target, concurrency, latencies, perSecond, cpu }) => ({
    transport: target.transport,
    concurrency,
    calls_per_second: round(median(perSecond), 1),
    ...percentiles(latencies.flat()),
    server_cpu_us: target.server ? round(median(cpu), 1) : null,
    spread_percent: spread(perSecond),
    curve: curve(latencies.flat()),
    rounds: latencies.map((times, index) => ({ p50_ms: median(times), server_cpu_us: cpu[index] ?? null })),
  }))
}

async function slice(
  { target: { server }, caller, concurrency, latencies, perSecond, cpu }: Series,
  durationMs: number,
  signal: AbortSignal,
): Promise<void> {
  const before = await server?.usage('collect')
  const begun = performance.now()
  const times: number[] = []
  const worker = async () => {
    for (let now = begun; now - begun < durationMs && !signal.aborted; ) {
      const sent = performance.now()
      await caller.call()
      now = performance.now()
      times.push(now - sent)
    }
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
  const elapsed = performance.now() - begun
  signal.throwIfAborted()
  const after = await server?.usage()
  latencies.push(times)
  perSecond.push((times.length / elapsed) * 1000)
  if (before && after) cpu.push((after.cpu - before.cpu) / times.length)
}
