import { createInterface, type Interface } from 'node:readline'
import type { Io } from '../io/io.js'
import type { Teller } from './teller.js'

/** Somebody who can be asked: stdin and stderr are terminals. One question at a time; each line is one answer. */
export class Terminal {
  readonly #io: Pick<Io, 'stdin' | 'stderr'>
  readonly #teller: Teller
  readonly #signal: AbortSignal
  #reader: Interface | undefined
  #waiting: ((line: string) => void) | undefined
  /** Lines that came together with one that was waited for. */
  readonly #early: string[] = []
  #isClosed = false
  #turn: Promise<unknown> = Promise.resolve()

  constructor(io: Pick<Io, 'stdin' | 'stderr'>, teller: Teller, signal: AbortSignal) {
    this.#io = io
    this.#teller = teller
    this.#signal = signal
  }

  get isThere(): boolean {
    const { stdin, stderr } = this.#io
    return [stdin, stderr].every((stream) => 'isTTY' in stream && stream.isTTY === true)
  }

  /** Runs a conversation once those before it have ended. */
  inTurn<T>(talk: () => Promise<T>): Promise<T> {
    const next = this.#turn.then(talk)
    this.#turn = next.catch(() => undefined)
    return next
  }

  tell(lines: readonly string[]): void {
    this.#teller.lines(lines)
  }

  /** The line that is typed; undefined when nothing more comes, or the call has ended meanwhile. */
  ask(prompt: string): Promise<string | undefined> {
    if (this.#signal.aborted) return Promise.resolve(undefined)
    this.#teller.prompt(prompt)
    const reader = this.#open()
    const early = this.#early.shift()
    if (early !== undefined || this.#isClosed) return Promise.resolve(early)
    return new Promise((resolve) => {
      const done = (line?: string) => {
        this.#waiting = undefined
        reader.off('close', closed)
        this.#signal.removeEventListener('abort', closed)
        resolve(line)
      }
      const closed = () => done()
      this.#waiting = done
      reader.once('close', closed)
      this.#signal.addEventListener('abort', closed)
    })
  }

  end(): void {
    this.#reader?.close()
  }

  #open(): Interface {
    if (this.#reader) return this.#reader
    // Without `terminal` the system edits the line, and Ctrl-C stays a signal.
    const reader = createInterface({ input: this.#io.stdin, terminal: false })
    reader.on('line', (line) => (this.#waiting ? this.#waiting(line) : this.#early.push(line)))
    reader.once('close', () => {
      this.#isClosed = true
    })
    this.#reader = reader
    return reader
  }
}
