import { MtlsError } from '../../errors.js'

/** The time that servers may take. It stands still while a person is asked. */
export class TimeLimit {
  readonly #over = new AbortController()
  readonly #text: string
  #left: number
  #since = 0
  #pauses = 1
  #timer: NodeJS.Timeout | undefined

  constructor(ms: number, what: string) {
    this.#left = ms
    this.#text = `${what} did not answer within ${ms} ms`
    this.resume()
  }

  /** Aborts with `CONNECTION_TIMEOUT`. */
  get signal(): AbortSignal {
    return this.#over.signal
  }

  pause(): void {
    if (this.#pauses++ > 0) return
    clearTimeout(this.#timer)
    this.#left -= performance.now() - this.#since
  }

  resume(): void {
    if (--this.#pauses > 0) return
    this.#since = performance.now()
    const end = () =>
      this.#over.abort(
        new MtlsError('CONNECTION_TIMEOUT', this.#text, {
          hint: 'Give it more time with --timeout, or look at the server.',
        }),
      )
    this.#timer = setTimeout(end, Math.max(1, this.#left))
  }

  end(): void {
    this.#pauses++
    clearTimeout(this.#timer)
  }
}
