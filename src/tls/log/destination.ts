import { closeSync, constants, fstatSync, openSync, readSync, writeSync } from 'node:fs'
import { isatty } from 'node:tty'
import type { DestinationStream } from 'pino'

const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK, O_NOCTTY } = constants
/** Bytes of lines that wait. */
const room = 1024 * 1024
/** Milliseconds until a full pipe is tried again, and anything else. */
const soon = 50
const later = 1000
/** Milliseconds after which lines that wait for a reader are a problem. */
const patience = 10_000

export interface LogProblem {
  readonly message: string
  readonly since: Date
}

export interface LogDestinationOptions {
  /** As problems call it. */
  readonly name: string
  /** Gives a descriptor on which a write never waits for a reader. Throws what `node:fs` does. */
  readonly open: () => number
  /** The line that tells how many are missing. */
  readonly lineOf: (dropped: number) => string
  /** Gets the code of the first failure of several. */
  readonly onFailure?: (code: string) => void
}

/**
 * Writes lines in one step and never waits: what cannot be written now stays in a bounded buffer and is tried again. What
 * finds no room is dropped, and counted by a line where it is missing.
 */
export class LogDestination implements DestinationStream {
  readonly #options: LogDestinationOptions
  #descriptor: number
  readonly #waiting: Buffer[] = []
  #size = 0
  /** Bytes of the first line that are written already. */
  #written = 0
  #dropped = 0
  /** Dropped, and not told yet. */
  #untold = 0
  /** When a reader began to be missing. */
  #unreadSince: number | undefined
  #failure: { readonly code: string; readonly since: Date } | undefined
  #reopenFailure: LogProblem | undefined
  #reopening: NodeJS.Timeout | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(options: LogDestinationOptions) {
    this.#options = options
    this.#descriptor = options.open()
  }

  /** Lines that were dropped so far. */
  get dropped(): number {
    return this.#dropped
  }

  /** Why lines wait or are missing; undefined while all is written. */
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

  /** Writes what waits, as far as that is possible now. */
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

  /** Opens the file again and goes on there; until that succeeds, in the one that is open. */
  reopen(): void {
    clearTimeout(this.#reopening)
    try {
      const next = this.#options.open()
      this.flush()
      closeSync(this.#descriptor)
      this.#descriptor = next
      this.#written = 0 // a line that was cut there stands here as a whole
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

  /** Writes what waits, as far as that is possible now, and closes it. */
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

/**
 * Opens standard output (1) or error (2). A pipe or terminal is opened again, so that others who hold it are left alone;
 * where that cannot be (a socket, a pipe of another user, no /proc), Node's own stream makes the descriptor non-blocking.
 */
export function openStandard(descriptor: 1 | 2): number {
  const kind = fstatSync(descriptor)
  if (kind.isFIFO() || isatty(descriptor)) {
    try {
      return openSync(`/proc/self/fd/${descriptor}`, O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY)
    } catch {
      // the way below
    }
  }
  if (kind.isFIFO() || kind.isSocket()) void (descriptor === 1 ? process.stdout : process.stderr)
  return descriptor
}

/** Opens a file, or a pipe that somebody reads (`ENXIO` otherwise). A new one is for its owner alone. */
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
    // It may not be read, or the disk is still full: then the lines meet.
  }
}
