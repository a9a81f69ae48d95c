import type { RecordLine } from './chain.js'
import { inOrder } from './files-of-record.js'
import type { ReadOptions } from './read-lines.js'
import { type AuditFilter, fits, parsed } from './show.js'

export interface CallerSummary {
  /** Null for calls without a certificate. */
  readonly identity: string | null
  readonly calls: number
  readonly allowed: number
  readonly denied: number
  readonly limited: number
  /** Allowed, and ended in an error. */
  readonly failed: number
  /** Durations of the allowed calls, milliseconds, to three digits; null without any. */
  readonly p50_ms: number | null
  readonly p99_ms: number | null
  /** In the order of their letters. */
  readonly tools: readonly string[]
}

export interface AuditSummary {
  readonly calls: number
  /** Refused before anybody was known. */
  readonly refused_connections: number
  /** Those with most calls first. */
  readonly callers: readonly CallerSummary[]
}

/** What the files of a record say of each caller. Throws `CONFIG_INVALID` for files that cannot be read. */
export async function summarizeAudit(
  files: readonly string[],
  { signal, progress, ...filter }: AuditFilter & ReadOptions = {},
): Promise<AuditSummary> {
  const callers = new Map<string | null, Tally>()
  let [calls, refused] = [0, 0]
  for (const file of await inOrder(files))
    for await (const { record } of parsed(file, { signal, progress })) {
      if (!fits(record, filter)) continue
      if (record.event === 'refused') refused += Number(record.count) || 0
      if (record.event !== 'call') continue
      calls++
      const identity = typeof record.identity === 'string' ? record.identity : null
      const tally = callers.get(identity) ?? new Tally()
      callers.set(identity, tally)
      tally.add(record)
    }
  const summaries = [...callers].map(([identity, tally]) => tally.summary(identity))
  return { calls, refused_connections: refused, callers: summaries.toSorted((a, b) => b.calls - a.calls) }
}

class Tally {
  #calls = 0
  readonly #decisions = new Map<unknown, number>()
  #failed = 0
  readonly #tools = new Set<string>()
  /** How often each duration was: to three digits there are few. */
  readonly #durations = new Map<number, number>()

  add({ decision, outcome, tool, duration_ms: duration }: RecordLine): void {
    this.#calls++
    this.#decisions.set(decision, (this.#decisions.get(decision) ?? 0) + 1)
    if (typeof tool === 'string') this.#tools.add(tool)
    if (decision !== 'allowed') return
    if (outcome === 'tool_error' || outcome === 'error') this.#failed++
    if (typeof duration !== 'number') return
    const rounded = Number(duration.toPrecision(3))
    this.#durations.set(rounded, (this.#durations.get(rounded) ?? 0) + 1)
  }

  summary(identity: string | null): CallerSummary {
    const decided = (decision: string) => this.#decisions.get(decision) ?? 0
    return {
      identity,
      calls: this.#calls,
      allowed: decided('allowed'),
      denied: decided('denied'),
      limited: decided('limited'),
      failed: this.#failed,
      p50_ms: this.#percentile(0.5),
      p99_ms: this.#percentile(0.99),
      tools: [...this.#tools].toSorted(),
    }
  }

  /** The smallest duration that is not exceeded by this share of them. */
  #percentile(share: number): number | null {
    const sorted = [...this.#durations].toSorted(([a], [b]) => a - b)
    let left = Math.ceil(share * sorted.reduce((sum, [, count]) => sum + count, 0))
    for (const [duration, count] of sorted) {
      left -= count
      if (left <= 0) return duration
    }
    return null
  }
}
