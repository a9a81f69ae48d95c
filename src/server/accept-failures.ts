import { closeSync, openSync } from 'node:fs'
import { devNull } from 'node:os'
import type { HealthProblem } from './ops/health.js'

/** Milliseconds between two checks, and without a failure until the state is good again. */
const lookEvery = 1000
const quiet = 3000

interface Lasting {
  readonly message: string
  readonly since: Date
  readonly latest: Date
}

/**
 * Detects that connections cannot be accepted. When a process has no descriptors left, libuv takes such connections and
 * closes them without an event (`uv__emfile_trick`): so this opens a descriptor from time to time.
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

  /** Checks that found no descriptor, and failures that the system reported. */
  get count(): number {
    return this.#count
  }

  /** Checks once a second from now on. */
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

  /** The part of it for `/health`. */
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
