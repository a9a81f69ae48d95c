import type { Rule } from './policy/rule.js'

/** Who calls what: each has budgets of its own. */
export interface LimitedCall {
  readonly server: string
  /** `PolicySubject.id`. */
  readonly identity: string
}

export type Taken =
  | {
      readonly ok: true
      /** To be called when the call has ended; once, more do nothing. One that was refused all the same does not count. */
      readonly release: (isRefused?: boolean) => void
    }
  | {
      readonly ok: false
      /** The first rule in the file whose limit is reached. */
      readonly rule: Rule
      /** Milliseconds after which it can go on, if nobody else calls: a whole number > 0. */
      readonly retryAfterMs: number
    }

/** What a rule has let in for one identity on one server. */
interface Budget {
  readonly windowMs: number
  /** When calls came in, oldest first; from `first` on they count. */
  times: number[]
  first: number
  running: number
}

/** How long until a call that ends makes room: nobody knows. */
const whenOneEndsMs = 1000
const sweepEveryMs = 60_000

/**
 * Budgets of calls, in any window of their rule's length, and of calls at the same time. Exact: `take` counts at once, so that calls in
 * parallel cannot both have the last one. A budget belongs to what a rule says: it outlives a reload that leaves the rule as it was. Kept
 * in this process alone; what is idle is forgotten.
 */
export class Limits {
  readonly #budgets = new Map<string, Budget>()
  #sweepAt = Number.NEGATIVE_INFINITY

  /** The number of budgets that are kept. */
  get size(): number {
    return this.#budgets.size
  }

  /**
   * Takes one call from the budgets of all these rules, or from none: a call that is refused does not count. `now` is in milliseconds, of a
   * clock that never goes back.
   */
  take(rules: readonly Rule[], call: LimitedCall, now: number): Taken {
    this.#sweep(now)
    const limited = [...new Map(rules.filter(({ limit }) => limit).map((rule) => [rule.key, rule])).values()]
    const waits = limited.map((rule) => ({ rule, wait: this.#wait(rule, this.#find(rule, call), now) }))
    const reached = waits.find(({ wait }) => wait > 0)
    if (reached !== undefined)
      return { ok: false, rule: reached.rule, retryAfterMs: Math.max(...waits.map(({ wait }) => wait)) }
    const budgets = limited.map((rule) => this.#take(rule, call, now))
    let isRunning = true
    const release = (isRefused = false) => {
      if (!isRunning) return
      isRunning = false
      for (const budget of budgets) {
        budget.running -= 1
        if (isRefused) forgetCall(budget, now)
      }
    }
    return { ok: true, release }
  }

  /** Milliseconds until the rule lets another call in; 0 for now. */
  #wait({ limit = {} }: Rule, budget: Budget | undefined, now: number): number {
    if (budget === undefined) return 0
    const { calls = Number.POSITIVE_INFINITY, concurrent = Number.POSITIVE_INFINITY } = limit
    forgetOld(budget, now)
    const { times, first, windowMs, running } = budget
    // The oldest of as many calls as there may be: when it no longer counts, there is room for one.
    const isFull = times.length - first >= calls
    const oldest = times[times.length - calls] ?? now
    const untilRoom = isFull ? Math.max(1, Math.ceil(oldest + windowMs - now)) : 0
    return Math.max(untilRoom, running >= concurrent ? whenOneEndsMs : 0)
  }

  #take(rule: Rule, call: LimitedCall, now: number): Budget {
    const { perMs = 0 } = rule.limit ?? {}
    const budget = this.#find(rule, call) ?? { windowMs: perMs, times: [], first: 0, running: 0 }
    if (perMs > 0) budget.times.push(now)
    budget.running += 1
    this.#budgets.set(keyOf(rule, call), budget)
    return budget
  }

  #find(rule: Rule, call: LimitedCall): Budget | undefined {
    return this.#budgets.get(keyOf(rule, call))
  }

  /** Forgets budgets in which nothing runs and nothing counts. */
  #sweep(now: number): void {
    if (now < this.#sweepAt) return
    this.#sweepAt = now + sweepEveryMs
    for (const [key, budget] of this.#budgets) {
      forgetOld(budget, now)
      if (budget.running === 0 && budget.times.length === budget.first) this.#budgets.delete(key)
    }
  }
}

function keyOf({ key }: Rule, { server, identity }: LimitedCall): string {
  return JSON.stringify([server, identity, key])
}

/** A call counts until its window has passed. */
function forgetOld(budget: Budget, now: number): void {
  const { times, windowMs } = budget
  while (budget.first < times.length && (times[budget.first] ?? now) + windowMs <= now) budget.first += 1
  // Moved together once half is old, so that each call is moved once on average.
  if (budget.first > 32 && 2 * budget.first > times.length) {
    budget.times = times.slice(budget.first)
    budget.first = 0
  }
}

function forgetCall(budget: Budget, at: number): void {
  const index = budget.times.lastIndexOf(at)
  if (index >= budget.first) budget.times.splice(index, 1)
}
