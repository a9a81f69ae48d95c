import { BoundedMap } from './bounded-map.js'

const remembered = 10_000

/**
 * Addresses whose connections are closed before TLS for a while. Bounded in number: the oldest is admitted again first.
 */
export class TurnedAway {
  readonly #until = new BoundedMap<string, number>(remembered)
  readonly #forMs: number
  /** How many connections were closed this way. */
  count = 0

  /** `forMs`: how long, in milliseconds; 0 turns no address away. */
  constructor(forMs: number) {
    this.#forMs = forMs
  }

  add(address: string): void {
    if (this.#forMs === 0) return
    this.#until.set(address, performance.now() + this.#forMs)
  }

  /** Whether to close a connection from this address; counts it if so. */
  refuses(address: string): boolean {
    const until = this.#until.get(address)
    if (until === undefined) return false
    if (performance.now() < until) {
      this.count++
      return true
    }
    this.#until.delete(address)
    return false
  }
}
