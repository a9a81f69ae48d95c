import { atMoment } from '../../alarm.js'

/** What is to be looked at when a moment has passed. */
export interface Checked {
  check(): void
}

/**
 * Looks at many at the same moment with one timer: all connections of a peer end with its certificate. Saves each idle
 * connection a timer that the event loop goes through every half minute, and 0.7 kB.
 */
export class Moments {
  readonly #waiting = new Map<number, { readonly all: Set<Checked>; readonly cancel: () => void }>()

  /** `moment` in milliseconds since 1970. */
  add(moment: number, one: Checked): void {
    const waiting = this.#waiting.get(moment)
    if (waiting) waiting.all.add(one)
    else
      this.#waiting.set(moment, {
        all: new Set([one]),
        cancel: atMoment(new Date(moment), () => this.#passed(moment)),
      })
  }

  remove(moment: number, one: Checked): void {
    const waiting = this.#waiting.get(moment)
    if (!waiting?.all.delete(one) || waiting.all.size > 0) return
    waiting.cancel()
    this.#waiting.delete(moment)
  }

  #passed(moment: number): void {
    const waiting = this.#waiting.get(moment)
    this.#waiting.delete(moment)
    for (const one of waiting?.all ?? []) one.check()
  }
}
