import { Lines } from '../../relay/lines.js'
import { printable } from '../../text/printable.js'
import { shortened } from '../../text/shortened.js'

/** Characters of one line of a child that stand in the log. */
const longestLine = 1000
/** Lines of one child in the log, each second. */
const linesPerSecond = 100

/** What a child writes to its stderr, and beside MCP: by line, cut, escaped, and not more than a log can take. */
export class ChildLog {
  readonly #write: (line: string) => void
  readonly #lines = new Lines({
    maxLine: 64 * 1024,
    onLine: (line) => this.say(line),
    onTooLong: ({ head }) => this.say(head),
  })
  #second = 0
  #written = 0
  #leftOut = 0
  #timer: NodeJS.Timeout | undefined

  constructor(write: (line: string) => void) {
    this.#write = write
  }

  /** Takes what comes from its stderr. */
  push(chunk: Buffer): void {
    this.#lines.push(chunk)
  }

  /** What is there of a last line without an end, and how much was left out. */
  end(): void {
    if (this.#lines.begun > 0) this.say(this.#lines.drop().head)
    this.#tellLeftOut()
  }

  say(line: string): void {
    const second = Math.floor(performance.now() / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#written = 0
      this.#tellLeftOut()
    }
    if (this.#written++ < linesPerSecond)
      return this.#write(printable(shortened(line.trimEnd(), longestLine)))
    this.#leftOut++
    this.#timer ??= setTimeout(() => this.#tellLeftOut(), 1000).unref()
  }

  #tellLeftOut(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#leftOut > 0) this.#write(`${this.#leftOut} more lines left out`)
    this.#leftOut = 0
  }
}
