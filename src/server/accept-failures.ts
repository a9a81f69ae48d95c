import { closeSync, openSync } from 'node:fs'
import { devNull } from 'node:os'
import type { HealthProblem } from './ops/health.js'

/** Milliseconds between two looks, and without a failure until all is well again. */
const lookEvery = 1000
const quiet = 3000

interface Lasting {
  readonly message: string
  readonly since: Date
  readonly latest: Date
}

/**
 * Notices that connections cannot be accepted. When a process has no descriptors left, libuv takes such connections,
 * closes them and tells nobody (`uv__emfile_trick`): so a descriptor is asked for now and then.
 */
export class AcceptFailures {
  readonly #tell: (message: string) => void
  #timer: NodeJS.Timeout | undefined
  #count = 0
  #lasting: Lasting | undefined

  /** `tell` gets the first failure of several, and again when it comes back. */
  constructor(tell: (message: string) => void) {
    this.#tell = tell
  }

  /** Looks that found no descriptor, and failures that the system told. */
  get count(): number {
    return this.#count
  }

  /** Looks once a second from now on. */
  watch(): void {
    this.#timer = setInterval(() => this.look(), lookEvery).unref()
  }

  look(): void {
    try {
      closeSync(openSync(devNull, 'r'))
    } catch (error) {
      this.failed(error as NodeJS.ErrnoException)
    }
  }

  failed({ code = 'unknown' }: NodeJS.ErrnoException): void {
    this.#count++
    const now = new Date()
    const message = `no connection can be accepted: ${reasons[code] ?? code}`
    const lasting = this.#lastingAt(now)
    this.#lasting = { message, since: lasting?.since ?? now, latest: now }
    if (!lasting) this.#tell(message)
  }

  /** What of it belongs into `/health`. */
  problems(now: Date): HealthProblem[] {
    const lasting = this.#lastingAt(now)
    if (!lasting) return []
    return [{ code: 'CONNECTION_FAILED', message: lasting.message, since: lasting.since.toISOString() }]
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #lastingAt(now: Date): Lasting | undefined {
    const latest = this.#lasting?.latest.getTime() ?? Number.NEGATIVE_INFINITY
    return Math.abs(now.getTime() - latest) < quiet ? this.#lasting : undefined
  }
}

const reasons: Readonly<Record<string, string>> = {
  EMFILE:
    'this process has as many files and connections open as it may (EMFILE); raise its limit (ulimit -n)',
  ENFILE: 'this machine has as many files and connections open as it may (ENFILE)',
}
