import { closeSync, writeSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { openStandard } from '../files/standard-output.js'
import { beginning, type End, type Linked } from './chain.js'
import { eventEntry } from './line.js'
import type { Known, Opened, Sink } from './sink.js'

/** Milliseconds until a full pipe is tried again, and until nobody is believed to read it. */
const soon = 20
const patience = 5000

/** A sink that cannot be read back: what it has taken, it keeps in mind. */
abstract class Stream implements Sink {
  abstract readonly name: string
  readonly #publicKey: string | null
  #end: End = beginning

  constructor(publicKey: string | null) {
    this.#publicKey = publicKey
  }

  async open(_known: Known): Promise<Opened> {
    const opened = () => eventEntry('opened', { continues: null, key: this.#publicKey }, new Date())
    return { end: this.#end, first: this.#end.seq === 0 ? [opened()] : [] }
  }

  async append(lines: readonly Linked[]): Promise<void> {
    for (const linked of lines) {
      await this.take(linked)
      this.#end = linked.end
    }
  }

  /** Rejects for a line that was not taken at all. */
  protected abstract take(linked: Linked): Promise<void>

  async look(): Promise<'same'> {
    return 'same'
  }

  roomAt(): number {
    return Number.POSITIVE_INFINITY
  }

  async rotate(): Promise<void> {}
  async sync(): Promise<void> {}
  async close(): Promise<void> {}
}

/** Receives each line, as a value and as it is hashed. What it throws or rejects with counts as a failure to write. */
export type AuditSubscriber = (record: Readonly<Record<string, unknown>>, line: string) => unknown

export class SubscriberSink extends Stream {
  readonly name = 'the function given as auditLog'
  readonly #subscriber: AuditSubscriber

  constructor(subscriber: AuditSubscriber, publicKey: string | null) {
    super(publicKey)
    this.#subscriber = subscriber
  }

  protected async take({ line }: Linked): Promise<void> {
    const result = this.#subscriber(JSON.parse(line), line)
    if (result instanceof Promise) await withinPatience(result)
  }
}

/** A promise that never settles would hold up the end of a server. */
async function withinPatience(result: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end within ${patience} ms`)), patience)
  })
  try {
    await Promise.race([result, late])
  } finally {
    clearTimeout(timer)
  }
}

export class StandardOutputSink extends Stream {
  readonly name = 'standard output'
  readonly #descriptor: number
  /** Of a line that has begun. */
  #rest: Buffer = Buffer.alloc(0)

  constructor(publicKey: string | null, descriptor = openStandard(1)) {
    super(publicKey)
    this.#descriptor = descriptor
  }

  protected async take({ line }: Linked): Promise<void> {
    await this.#finish()
    const bytes = Buffer.from(`${line}\n`)
    this.#rest = bytes
    try {
      await this.#finish()
    } catch (error) {
      // A line that has begun is ended before the next one: it counts as taken.
      if (this.#rest.length < bytes.length) return
      this.#rest = Buffer.alloc(0)
      throw error
    }
  }

  async #finish(): Promise<void> {
    const until = performance.now() + patience
    while (this.#rest.length > 0)
      try {
        this.#rest = this.#rest.subarray(writeSync(this.#descriptor, this.#rest))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || performance.now() > until) throw error
        await delay(soon)
      }
  }

  override async close(): Promise<void> {
    if (this.#descriptor > 2) closeSync(this.#descriptor)
  }
}
