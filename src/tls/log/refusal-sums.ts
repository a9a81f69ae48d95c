import { eventKinds, type SecurityEvent } from '../events.js'

type Kinds = typeof eventKinds
/** An event that is summed up. */
type RefusalEvent = Extract<
  SecurityEvent,
  { event: { [Name in keyof Kinds]: Kinds[Name] extends { summed: true } ? Name : never }[keyof Kinds] }
>

/** So many refusals in a row, beside the one that was told. */
export interface Repeated {
  readonly count: number
  /** Where they came from, without port; undefined when it was many places. */
  readonly address: string | undefined
  readonly last: RefusalEvent
}

interface Sum {
  readonly address: string | undefined
  count: number
  last: RefusalEvent
}

/** Milliseconds of one sum. */
const second = 1000
/** Beyond so many addresses and reasons at once, one sum stands for the rest. */
const mostSums = 100

/**
 * Tells repeated refusals of one address, for one reason, once a second: each takes a log line otherwise, and a stranger
 * decides how many there are.
 */
export class RefusalSums {
  readonly #tell: (repeated: Repeated) => void
  readonly #sums = new Map<string, Sum>()
  #timer: NodeJS.Timeout | undefined

  constructor(tell: (repeated: Repeated) => void) {
    this.#tell = tell
  }

  /** Whether this event is to be told by itself; otherwise it will be in a sum. */
  takes(event: SecurityEvent): boolean {
    if (!isRefusal(event)) return true
    const address = event.peerAddress.replace(/:\d+$/, '')
    const key = `${event.event} ${event.reason} ${address}`
    const isKnown = this.#sums.has(key) || this.#sums.size < mostSums
    const sum = this.#sums.get(isKnown ? key : 'others')
    if (sum) {
      sum.count++
      sum.last = event
      return false
    }
    this.#sums.set(isKnown ? key : 'others', {
      address: isKnown ? address : undefined,
      count: isKnown ? 0 : 1,
      last: event,
    })
    this.#timer ??= setTimeout(() => this.#tick(), second).unref()
    return isKnown
  }

  /** Tells what has not been told; at the end of a process. */
  flush(): void {
    for (const { count, address, last } of this.#sums.values())
      if (count > 0) this.#tell({ count, address, last })
    this.#sums.clear()
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #tick(): void {
    const repeated = [...this.#sums].filter(([, { count }]) => count > 0)
    this.flush()
    // Who goes on is told in sums alone.
    for (const [key, sum] of repeated) this.#sums.set(key, { ...sum, count: 0 })
    if (repeated.length > 0) this.#timer = setTimeout(() => this.#tick(), second).unref()
  }
}

function isRefusal(event: SecurityEvent): event is RefusalEvent {
  return 'summed' in eventKinds[event.event]
}
