import { closeSync, constants, fstatSync, openSync, readSync, writeSync } from 'node:fs'
import type { DestinationStream } from 'pino'

const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK, O_NOCTTY } = constants
/** Bytes of waiting lines. */
const room = 1024 * 1024
/** Milliseconds until a full pipe is tried again, and until anything else is. */
const soon = 50
const later = 1000
/** Milliseconds after which lines waiting for a reader are a problem. */
const patience = 10_000

export interface LogProblem {
  readonly message: string
  readonly since: Date
}

export interface LogDestinationOptions {
  /** Its name in problems. */
  readonly name: string
  /** Returns a descriptor on which a write never waits for a reader. Throws what `node:fs` does. */
  readonly open: () => number
  /** The line that reports how many are missing. */
  readonly lineOf: (dropped: number) => string
  /** Receives the code of the first failure of several. */
  readonly onFailure?: (code: string) => void
}

/**
 * Writes lines in one step and never waits: what cannot be written now stays in a bounded buffer and is tried again.
 * Lines that do not fit are dropped, and a line in their place counts them.
 */
export class LogDestination implements DestinationStream {
  readonly #options: LogDestinationOptions
  #descriptor: number
  readonly #waiting: Buffer[] = []
  #size = 0
  /** Bytes of the first line already written. */
  #written = 0
  #dropped = 0
  /** Dropped, and not reported yet. */
  #untold = 0
  /** Since when a reader has been missing. */
  #unreadSince: number | undefined
  #failure: { readonly code: string; readonly since: Date } | undefined
  #reopenFailure: LogProblem | undefined
  #reopening: NodeJS.Timeout | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(options: LogDestinationOptions) {
    this.#options = options
    this.#descriptor = options.open()
  }

  /** Lines dropped so far. */
  get dropped(): number {
    return this.#dropped
  }

  /** Why lines wait or are missing; undefined while everything is written. */
  get problem(): LogProblem | undefined {
    const failure = this.#failure ?? this.#neglect()
    if (!failure) return this.#reopenFailure
    const { code, since } = failure
    const why = code === 'EAGAIN' ? 'nobody reads it' : code
    const missing = this.#untold === 0 ? '' : `, ${this.#untold} lines were dropped`
    return { message: `${this.#options.name} cannot be written (${why})${missing}`, since }
  }

  #neglect(): { readonly code: string; readonly since: Date } | undefined {
    const since = this.#unreadSince
    return since !== undefined && Date.now() - since >= patience
      ? { code: 'EAGAIN', since: new Date(since) }
      : undefined
  }

  write(line: string): void {
    const bytes = Buffer.from(line)
    const isFull = this.#size > 0 && this.#size + bytes.length > room
    if (this.#untold > 0 || isFull) return this.#drop()
    this.#push(bytes)
    if (this.#timer === undefined) this.flush()
  }

  /** Writes waiting lines, as far as possible now. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    try {
      for (let line = this.#waiting[0]; line; line = this.#waiting[0]) {
        this.#written += writeSync(this.#descriptor, line, this.#written)
        this.#unreadSince = undefined
        if (this.#written === line.length) this.#shift(line)
      }
      this.#failure = undefined
    } catch (error) {
      const { code = 'unknown' } = error as NodeJS.ErrnoException
      if (code !== 'EAGAIN') this.#fail(code)
      else this.#unreadSince ??= Date.now()
      this.#timer = setTimeout(() => this.flush(), code === 'EAGAIN' ? soon : later).unref()
    }
  }

  /** Opens the file again and continues there; until that succeeds, continues in the open one. */
  reopen(): void {
    clearTimeout(this.#reopening)
    try {
      const next = this.#options.open()
      this.flush()
      closeSync(this.#descriptor)
      this.#descriptor = next
      this.#written = 0 // a line that was cut there is written whole here
      this.#reopenFailure = undefined
      this.flush()
    } catch (error) {
      const { code = 'unknown' } = error as NodeJS.ErrnoException
      const message = `${this.#options.name} could not be reopened (${code}): still writing to the old file`
      if (!this.#reopenFailure) this.#options.onFailure?.(code)
      this.#reopening = setTimeout(() => this.reopen(), later).unref()
      this.#reopenFailure = { message, since: this.#reopenFailure?.since ?? new Date() }
    }
  }

  /** Writes waiting lines, as far as possible now, and closes it. */
  close(): void {
    this.flush()
    clearTimeout(this.#timer)
    clearTimeout(this.#reopening)
    closeSync(this.#descriptor)
  }

  #push(line: Buffer): void {
    this.#waiting.push(line)
    this.#size += line.length
  }

  #shift(line: Buffer): void {
    this.#waiting.shift()
    this.#size -= line.length
    this.#written = 0
    if (this.#untold === 0 || this.#size > room / 2) return
    this.#push(Buffer.from(this.#options.lineOf(this.#untold)))
    this.#untold = 0
  }

  #drop(): void {
    this.#dropped++
    this.#untold++
    this.#fail('EAGAIN')
  }

  #fail(code: string): void {
    if (!this.#failure) this.#options.onFailure?.(code)
    this.#failure ??= { code, since: new Date() }
  }
}

/** Opens a file, or a pipe that has a reader (`ENXIO` otherwise). A new file is readable by its owner only. */
export function openAppending(path: string): number {
  const descriptor = openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY, 0o600)
  endLastLine(path, descriptor)
  return descriptor
}

/** A full disk or a kill may have cut the last line of another process. */
function endLastLine(path: string, descriptor: number): void {
  const file = fstatSync(descriptor)
  if (!file.isFile() || file.size === 0) return
  try {
    const reader = openSync(path, 'r')
    const last = Buffer.alloc(1)
    readSync(reader, last, 0, 1, file.size - 1)
    closeSync(reader)
    if (last.toString() !== '\n') writeSync(descriptor, '\n')
  } catch {
    // The file may be unreadable, or the disk still full: then two lines run together.
  }
}
