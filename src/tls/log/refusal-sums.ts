import { eventKinds, type SecurityEvent } from '../events.js'

type Kinds = typeof eventKinds
/** An event that is summed up. */
type RefusalEvent = Extract<
  SecurityEvent,
  { event: { [Name in keyof Kinds]: Kinds[Name] extends { summed: true } ? Name : never }[keyof Kinds] }
>

/** The number of refusals in a row, beside the one that was reported. */
export interface Repeated {
  readonly count: number
  /** Their address, without port; undefined if there were many. */
  readonly address: string | undefined
  readonly last: RefusalEvent
}

interface Sum {
  readonly address: string | undefined
  count: number
  last: RefusalEvent
}

/** Milliseconds covered by one sum. */
const second = 1000
/** Beyond this many addresses and reasons at once, one sum covers the rest. */
const mostSums = 100

/**
 * Sums up repeated refusals of one address, for one reason, once a second: otherwise each takes a log line, and a
 * stranger decides how many there are.
 */
export class RefusalSums {
  readonly #tell: (repeated: Repeated) => void
  readonly #sums = new Map<string, Sum>()
  #timer: NodeJS.Timeout | undefined

  constructor(tell: (repeated: Repeated) => void) {
    this.#tell = tell
  }

  /** Whether to report this event separately; otherwise it will be part of a sum. */
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

  /** Reports what has not been reported yet; at the end of a process. */
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
    // An address that continues is reported in sums only.
    for (const [key, sum] of repeated) this.#sums.set(key, { ...sum, count: 0 })
    if (repeated.length > 0) this.#timer = setTimeout(() => this.#tick(), second).unref()
  }
}

function isRefusal(event: SecurityEvent): event is RefusalEvent {
  return 'summed' in eventKinds[event.event]
}
