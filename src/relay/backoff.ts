const first = 500
const usualLongest = 30_000
/** What has run for so long has come up well. */
const steady = 60_000

/** How long to wait before something that fails is started once more: not at all at first, then longer each time. */
export class Backoff {
  readonly #now: () => number
  readonly #longest: number
  #failures = 0
  #since = 0
  #notBefore = 0
  #failingSince: Date | undefined

  constructor(now: () => number = () => performance.now(), longest = usualLongest) {
    this.#now = now
    this.#longest = longest
  }

  /** Milliseconds until it may be started. */
  get wait(): number {
    return Math.max(0, this.#notBefore - this.#now())
  }

  /** Since when it fails again and again; undefined when it has run for a while since, or failed once. */
  get failingSince(): Date | undefined {
    return this.#failures > 1 && this.#now() - this.#since < steady ? this.#failingSince : undefined
  }

  /** It works: what failed before does not count. */
  succeeded(): void {
    this.#failures = 0
    this.#notBefore = 0
  }

  /** It has been started. */
  started(): void {
    this.#since = this.#now()
  }

  /** It has ended, or did not come up. */
  failed(): void {
    const now = this.#now()
    if (now - this.#since >= steady) this.#failures = 0
    this.#notBefore =
      this.#failures === 0 ? 0 : now + Math.min(this.#longest, first * 2 ** (this.#failures - 1))
    if (this.#failures === 0) this.#failingSince = new Date()
    this.#failures++
  }
}
