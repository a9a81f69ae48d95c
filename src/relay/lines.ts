/** What is kept of a line that is too long: its begin and its end, where the id of a JSON-RPC message stands. */
export interface Unreadable {
  readonly head: string
  readonly tail: string
}

export interface LinesOptions {
  /** Bytes of one line. */
  readonly maxLine: number
  readonly onLine: (line: string) => void
  /** Gets what is left of a line that was longer. */
  readonly onTooLong: (line: Unreadable) => void
}

const newline = 0x0a
const kept = 256
const smallPart = 16 * 1024

/** Splits bytes into lines of text, and holds no more of one than may be. */
export class Lines {
  readonly #options: LinesOptions
  #parts: Buffer[] = []
  #length = 0

  constructor(options: LinesOptions) {
    this.#options = options
  }

  /** Bytes of the line that has begun and not ended. */
  get begun(): number {
    return this.#length
  }

  push(chunk: Buffer): void {
    let from = 0
    for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, from)) {
      this.#add(chunk.subarray(from, at))
      from = at + 1
      this.#end()
    }
    if (from < chunk.length) this.#add(chunk.subarray(from))
  }

  /** Forgets the line that has begun, and gives what was there of it. */
  drop(): Unreadable {
    const unreadable = { head: headOf(this.#parts).toString(), tail: tailOf(this.#parts).toString() }
    this.#clear()
    return unreadable
  }

  #add(part: Buffer): void {
    this.#length += part.length
    this.#parts.push(part)
    if (this.#length > this.#options.maxLine) this.#parts = [headOf(this.#parts), tailOf(this.#parts)]
    else this.#joinSmall()
  }

  /** Each part costs more than its bytes when it has few of them. Every byte is copied a few times at most. */
  #joinSmall(): void {
    for (;;) {
      const [before, last] = this.#parts.slice(-2)
      if (!before || !last || last.length >= smallPart || before.length > 2 * last.length) return
      this.#parts.splice(-2, 2, Buffer.concat([before, last]))
    }
  }

  #end(): void {
    if (this.#length > this.#options.maxLine) return this.#options.onTooLong(this.drop())
    const [only, ...others] = this.#parts
    const line = only && others.length === 0 ? only : Buffer.concat(this.#parts, this.#length)
    this.#clear()
    this.#options.onLine(line.toString())
  }

  #clear(): void {
    this.#parts = []
    this.#length = 0
  }
}

function headOf(parts: readonly Buffer[]): Buffer {
  let head: Buffer = Buffer.alloc(0)
  for (const part of parts) {
    if (head.length === kept) break
    head = Buffer.concat([head, part.subarray(0, kept - head.length)])
  }
  return head
}

function tailOf(parts: readonly Buffer[]): Buffer {
  let tail: Buffer = Buffer.alloc(0)
  for (const part of [...parts].reverse()) {
    if (tail.length === kept) break
    tail = Buffer.concat([part.subarray(-(kept - tail.length)), tail])
  }
  return tail
}
