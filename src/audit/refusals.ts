import type { Refusals } from './line.js'

/** Milliseconds covered by one line. */
const second = 1000
/** Beyond this many addresses and reasons at once, one line for each reason counts the rest. */
const mostSums = 100

/** Sums up refusals of connections: otherwise strangers decide how long a record is. */
export class RefusalCounts {
  readonly #write: (refusals: Refusals) => void
  readonly #sums = new Map<string, { -readonly [Field in keyof Refusals]: Refusals[Field] }>()
  #timer: NodeJS.Timeout | undefined

  constructor(write: (refusals: Refusals) => void) {
    this.#write = write
  }

  add(address: string | undefined, reason: string, server: string | undefined): void {
    const own = JSON.stringify([address, reason, server])
    const key = this.#sums.has(own) || this.#sums.size < mostSums ? own : JSON.stringify([reason])
    const sum = this.#sums.get(key)
    if (sum) sum.count++
    else if (key === own) this.#sums.set(key, { server, address, reason, count: 1 })
    else this.#sums.set(key, { server: undefined, address: undefined, reason, count: 1 })
    this.#timer ??= setTimeout(() => this.flush(), second).unref()
  }

  /** Writes what is counted. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const sums = [...this.#sums.values()]
    this.#sums.clear()
    for (const sum of sums) this.#write(sum)
  }
}
