import { MtlsError } from '../errors.js'
import { beginning, type End, type Entry, type Linked, link } from './chain.js'
import { checkpointEntry } from './checkpoint.js'
import { auditFailure } from './failure.js'
import type { RecordKeys } from './keys.js'
import { eventEntry } from './line.js'
import type { AuditHealth, AuditNews } from './news.js'
import { Queue, type Queued, queued } from './queue.js'
import type { CheckpointEvery } from './settings.js'
import type { Sink } from './sink.js'

/** Milliseconds that lines wait for others, so that many share one write. */
const gathering = 50
/** With so many lines the next write does not wait. */
const enough = 64
/** So many are made at once: what they are made of, arguments of any size, is not kept in greater number. */
const mostUnmade = 64
/** Bytes of one write. */
const mostAtOnce = 256 * 1024
/** Milliseconds until it is tried again. */
const retryAfter = 250
const rotateAgainAfter = 60_000
/** How long a call waits for its line, and after how much a write is in trouble, milliseconds. */
const patience = 5000

export interface WriterOptions {
  /** Without keys there are no checkpoints. */
  readonly keys: RecordKeys | undefined
  readonly checkpoint: CheckpointEvery
  readonly tell: (news: AuditNews) => void
}

/** Lines on their way: after a failure nobody knows how many of them are written. */
interface Flight {
  readonly lines: readonly (Linked & { readonly of: Queued })[]
  /** By `performance.now()`. */
  readonly since: number
}

/** Writes lines in their order, in the background. The chain is made at the moment of writing: what is lost leaves no hole in it. */
export class Writer {
  readonly #sink: Sink
  readonly #options: WriterOptions
  readonly #queue = new Queue()
  /** Lines to be made. */
  #unmade: (() => Entry)[] = []
  #isOpen = false
  #isClosed = false
  #hasEnded = false
  #end: End | undefined
  /** Number of the line before the first of the open file, where it was begun here. */
  #fileStart = -1
  #flight: Flight | undefined
  /** Lines of the queue that are written. */
  #written = 0
  /** Lines since the last checkpoint. */
  #unsigned = 0
  #wantsCheckpoint = false
  #lost = 0
  /** Lost, and no line says so yet. */
  #untold = 0
  #failure: MtlsError | undefined
  /** What is wrong, and keeps nobody from writing. */
  #trouble: string | undefined
  #wrongSince: Date | undefined
  #failures = 0
  #rotateFrom = 0
  #working: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #checkpointTimer: NodeJS.Timeout | undefined

  constructor(sink: Sink, options: WriterOptions) {
    this.#sink = sink
    this.#options = options
  }

  /** Opens the record and writes its first lines. Rejects when that cannot be. */
  async start(): Promise<void> {
    await this.#work()
    if (!this.#failure) return
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.#sink.close()
    throw this.#failure
  }

  get health(): AuditHealth {
    this.#make()
    const onTheirWay = this.#flight ? performance.now() - this.#flight.since : 0
    const stuck = onTheirWay > patience ? `${this.#sink.name} takes no lines` : undefined
    const error = this.#failure?.message ?? stuck ?? this.#trouble
    const since = this.#wrongSince ?? (stuck === undefined ? undefined : new Date(Date.now() - onTheirWay))
    return {
      ok: error === undefined,
      lost: this.#lost,
      error,
      since,
      written: this.#written,
      waiting: this.#waiting,
      failures: this.#failures,
    }
  }

  get #waiting(): number {
    return this.#queue.length + (this.#flight?.lines.filter(({ of }) => !of.isOwn).length ?? 0)
  }

  /** Never throws, never waits. Lines are made together, soon: alone each takes twice the time, of a processor that has done something else. */
  add(make: () => Entry): void {
    this.#unmade.push(make)
    if (this.#unmade.length < mostUnmade) this.#wake(gathering)
    else this.#make()
  }

  #make(): void {
    for (const make of this.#unmade.splice(0))
      try {
        this.#push(queued(make()))
      } catch {
        this.#lose()
      }
  }

  addRefusals(entry: Entry): void {
    if (this.#isClosed || !this.#queue.addRefusals(queued(entry))) this.#lose()
    else this.#wake(gathering)
  }

  /** Resolves once the line is written. Rejects with `AUDIT_FAILED`, soon, when it cannot be. */
  intent(entry: Entry): Promise<void> {
    this.#make()
    if (this.#failure) return Promise.reject(notWritten(this.#failure.message))
    return new Promise((resolve, reject) => {
      const giveUp = (reason: string) => reject(notWritten(reason))
      const deadline = setTimeout(() => giveUp('its line is not written yet'), patience)
      const written = () => {
        clearTimeout(deadline)
        resolve()
      }
      if (this.#push(queued(entry, { written }))) return this.#wake(0)
      clearTimeout(deadline)
      giveUp('too many lines wait to be written')
    })
  }

  #push(item: Queued): boolean {
    // The line that counts lost ones stands where they would.
    this.#tellLost()
    if (this.#untold > 0 || this.#isClosed || !this.#enqueue(item)) {
      this.#lose()
      return false
    }
    this.#wake(gathering)
    return true
  }

  /** Whether there was room. A kill loses what is to be made and what is in flight, too: the bound is that of all. */
  #enqueue(item: Queued): boolean {
    return this.#queue.add(item, mostUnmade + (this.#flight?.lines.length ?? 0))
  }

  #lose(): void {
    this.#lost++
    this.#untold++
  }

  #tellLost(): void {
    if (this.#untold === 0) return
    const entry = eventEntry('lost', { lost: this.#untold }, new Date())
    if (this.#enqueue(queued(entry))) this.#untold = 0
  }

  /** Resolves when everything that waits now is written, or cannot be. */
  async drain(): Promise<void> {
    await this.#work({ isAll: true })
  }

  /** Writes what waits, with a checkpoint at the end, and lets go of the file. What cannot be written counts as lost. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#make()
    this.#isClosed = true
    await this.#work({ isAll: true, andThen: () => this.#checkpoint() })
    clearTimeout(this.#timer)
    clearTimeout(this.#checkpointTimer)
    this.#lost += this.#waiting
    this.#hasEnded = true
    await this.#sink.close()
  }

  /** Looks at its path again: the file there may be another now. */
  async reopen(isInPlace: () => Promise<boolean>): Promise<void> {
    const look = async () => {
      await this.#checkpoint()
      if (await isInPlace()) return
      await this.#sink.close()
      this.#isOpen = false
      await this.#takeUp()
      await this.#writeSome()
    }
    await this.#work({ isAll: true, andThen: look })
  }

  #wake(soon: number): void {
    if (this.#working || this.#isClosed || (this.#failure && this.#timer)) return
    if (this.#timer && soon > 0) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#work(), soon)
  }

  /** One after the other; never rejects. */
  #work({ isAll = false, andThen = async () => {} } = {}): Promise<void> {
    this.#make()
    clearTimeout(this.#timer)
    this.#timer = undefined
    const run = async () => {
      if (this.#hasEnded) return // another process may write the file by now
      await this.#writeAll(isAll)
      await andThen()
      this.#works()
    }
    const work = (this.#working ?? Promise.resolve())
      .then(run)
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        if (this.#working !== work) return
        this.#working = undefined
        if (this.#isClosed) return
        if (this.#failure) this.#timer = setTimeout(() => void this.#work(), retryAfter).unref()
        else if (this.#queue.length + this.#unmade.length > 0 || this.#wantsCheckpoint)
          this.#wake(this.#isUrgent ? 0 : gathering)
      })
    this.#working = work
    return work
  }

  get #isUrgent(): boolean {
    return this.#queue.length >= enough || this.#queue.hasIntents
  }

  async #writeAll(isAll: boolean): Promise<void> {
    await this.#takeUp()
    // Not until nothing waits: under load that would never be.
    const goal = isAll ? this.#queue.added : 0
    do {
      await this.#writeSome()
      this.#tellLost()
    } while (this.#written < goal || (this.#isClosed && this.#queue.length > 0))
  }

  /** Opens it, where it is not, and finds out which of the lines in flight had been written. */
  async #takeUp(): Promise<void> {
    if (this.#isOpen) return
    const flight = this.#flight
    const maybe = flight?.lines.map((line) => line.end) ?? []
    const { end, first } = await this.#sink.open({ before: this.#end, maybe })
    this.#queue.dropOwn()
    if (flight) this.#settle(flight, maybe.findIndex(({ hash }) => hash === end.hash) + 1)
    this.#queue.putBack(first.map((entry) => queued(entry, { isOwn: true })))
    this.#end = end
    this.#fileStart = first.some(({ members }) => members.startsWith('"event":"opened"')) ? end.seq : -1
    this.#isOpen = true
  }

  /** So many lines of a flight are written, the others wait again. */
  #settle({ lines }: Flight, count: number): void {
    this.#flight = undefined
    for (const { of } of lines.slice(0, count)) {
      if (!of.isOwn) this.#written++
      of.written?.()
    }
    this.#queue.putBack(lines.slice(count).flatMap(({ of }) => (of.isOwn ? [] : [of])))
  }

  async #writeSome(): Promise<void> {
    const now = new Date()
    const found = await this.#sink.look(now)
    if (found === 'changed') {
      this.#trouble = `${this.#sink.name} was changed by another program`
      this.#wrongSince ??= now
    }
    if (found === 'gone') {
      this.#isOpen = false
      await this.#takeUp()
    }
    if (this.#isFull(now)) await this.#rotate(now)
    await this.#write(this.#queue.take(Math.min(mostAtOnce, this.#sink.roomAt(now) ?? mostAtOnce)))
  }

  /** Whether the next line belongs into another file. A new file takes one line at least. */
  #isFull(now: Date): boolean {
    const { next } = this.#queue
    const isNew = this.#end === undefined || this.#end.seq <= this.#fileStart + 1
    if (!next || isNew || now.getTime() < this.#rotateFrom) return false
    const room = this.#sink.roomAt(now)
    return room === undefined || next.bytes > room
  }

  async #rotate(now: Date): Promise<void> {
    await this.#checkpoint()
    this.#isOpen = false
    // When the file cannot be moved away, it goes on in there.
    const failure = await this.#sink.rotate().catch((error: unknown) => auditFailure(error, this.#sink.name))
    this.#rotateFrom = failure ? now.getTime() + rotateAgainAfter : 0
    if (failure) this.#countFailure()
    if (failure && this.#trouble !== failure.message)
      this.#options.tell({ event: 'audit-failed', error: failure })
    this.#trouble = failure?.message
    await this.#takeUp()
  }

  async #checkpoint(): Promise<void> {
    this.#wantsCheckpoint = true
    await this.#write([])
  }

  async #write(taken: readonly Queued[]): Promise<void> {
    const { keys, checkpoint } = this.#options
    const lines: Flight['lines'][number][] = []
    let end = this.#end ?? beginning
    let unsigned = this.#unsigned
    const push = (of: Queued) => {
      const linked = link(of.entry, end)
      lines.push({ line: linked.line, end: linked.end, of })
      end = linked.end
      unsigned++
    }
    const sign = () => {
      if (keys && unsigned > 0) push(queued(checkpointEntry(end, keys), { isOwn: true }))
      unsigned = 0
    }
    for (const item of taken) {
      push(item)
      if (unsigned >= (checkpoint.lines ?? Number.POSITIVE_INFINITY)) sign()
    }
    if (this.#wantsCheckpoint) sign()
    if (lines.length > 0) {
      const flight = { lines, since: performance.now() }
      this.#flight = flight
      await this.#sink.append(lines)
      this.#settle(flight, lines.length)
      this.#end = end
    }
    if (unsigned < lines.length || this.#wantsCheckpoint) {
      this.#wantsCheckpoint = true // another one, should this fail
      this.#unsigned = Math.max(this.#unsigned, 1)
      await this.#sink.sync()
      this.#wantsCheckpoint = false
      clearTimeout(this.#checkpointTimer)
      this.#checkpointTimer = undefined
    }
    this.#unsigned = unsigned
    this.#startCheckpointTimer()
  }

  #startCheckpointTimer(): void {
    const { ms } = this.#options.checkpoint
    if (ms === undefined || this.#unsigned === 0 || this.#isClosed || !this.#options.keys) return
    this.#checkpointTimer ??= setTimeout(() => {
      this.#checkpointTimer = undefined
      this.#wantsCheckpoint = true
      this.#wake(gathering)
    }, ms).unref()
  }

  #works(): void {
    this.#tellLost()
    if (this.#trouble === undefined) this.#wrongSince = undefined
    if (!this.#failure) return
    this.#failure = undefined
    this.#options.tell({ event: 'audit-works-again', lost: this.#lost })
  }

  #fail(error: unknown): void {
    const isFirst = !this.#failure
    this.#countFailure()
    this.#isOpen = false
    this.#failure = auditFailure(error, this.#sink.name)
    if (isFirst) this.#options.tell({ event: 'audit-failed', error: this.#failure })
  }

  #countFailure(): void {
    this.#failures++
    this.#wrongSince ??= new Date()
  }
}

function notWritten(reason: string): MtlsError {
  return new MtlsError('AUDIT_FAILED', `the audit record is not written: ${reason}`)
}
