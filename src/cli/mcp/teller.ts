import type { LoggingMessageNotification, Progress } from '@modelcontextprotocol/client'
import { ofPeer } from '../../text/of-peer.js'
import type { Io } from '../io/io.js'
import { writeLines } from '../io/output.js'
import { safeLines } from './foreign-text.js'

const longestMessage = 2000

/** What is told on stderr while a call runs: on a terminal, progress is one line that is drawn again. */
export class Teller {
  readonly #stderr: Io['stderr']
  readonly #isTerminal: boolean
  #shown = ''

  constructor({ stderr }: Pick<Io, 'stderr'>) {
    this.#stderr = stderr
    this.#isTerminal = 'isTTY' in stderr && stderr.isTTY === true
  }

  lines(lines: readonly string[]): void {
    this.clear()
    writeLines(this.#stderr, lines)
  }

  progress({ progress, total, message }: Progress): void {
    const count = total === undefined ? `${progress}` : `${progress}/${total}`
    const line = `${count}${message === undefined ? '' : ` ${ofPeer(message)}`}`
    if (line === this.#shown) return
    if (this.#isTerminal) this.#stderr.write(`\r${line}\x1b[K`)
    else writeLines(this.#stderr, [line])
    this.#shown = line
  }

  log({ level, logger, data }: LoggingMessageNotification['params']): void {
    const text = typeof data === 'string' ? data : (JSON.stringify(data) ?? '')
    const from = logger === undefined ? '' : ` ${ofPeer(logger, 60)}`
    const [first = '', ...rest] = safeLines(text.slice(0, longestMessage))
    this.lines([`${ofPeer(level, 20)}${from}: ${first}`, ...rest.map((line) => `  ${line}`)])
  }

  /** A question, behind which the answer is typed. */
  prompt(text: string): void {
    this.clear()
    this.#stderr.write(text)
  }

  /** Takes the line of progress away. */
  clear(): void {
    if (this.#isTerminal && this.#shown !== '') this.#stderr.write('\r\x1b[K')
    this.#shown = ''
  }
}
