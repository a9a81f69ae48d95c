import type { Entry } from './chain.js'

/** What may wait to be written; a kill loses no more than `lines`. */
export const queueBound = Object.freeze({ lines: 8192, bytes: 8 * 1024 * 1024, refusals: 256 })

/** Bytes of a line that stand around its members. */
const around = 160

export interface Queued {
  readonly entry: Entry
  readonly bytes: number
  /** Of an intent: called once it is written. */
  readonly written?: (() => void) | undefined
  /** Speaks of the file or of the record: nothing is lost with it, and it is made anew where it is needed. */
  readonly isOwn?: boolean
}

export function queued(entry: Entry, more: Pick<Queued, 'written' | 'isOwn'> = {}): Queued {
  return { entry, bytes: Buffer.byteLength(entry.members) + around, ...more }
}

/** Lines that wait, within bounds. */
export class Queue {
  #lines: Queued[] = []
  #refusals: Queued[] = []
  #bytes = 0
  /** How many have been added so far. */
  added = 0

  get length(): number {
    return this.#lines.length + this.#refusals.length
  }

  get next(): Queued | undefined {
    return this.#lines[0] ?? this.#refusals[0]
  }

  get hasIntents(): boolean {
    return this.#lines.some(({ written }) => written !== undefined)
  }

  /** Whether there was room, beside so many lines that wait elsewhere. */
  add(item: Queued, elsewhere = 0): boolean {
    const isFull =
      this.#lines.length + elsewhere >= queueBound.lines || this.#bytes + item.bytes > queueBound.bytes
    if (isFull) return false
    this.#lines.push(item)
    this.added++
    this.#bytes += item.bytes
    return true
  }

  /** Whether there was room. These have some of their own: strangers never push out what callers did. */
  addRefusals(item: Queued): boolean {
    if (this.#refusals.length >= queueBound.refusals) return false
    this.#refusals.push(item)
    this.added++
    return true
  }

  /** Puts lines first, whatever the bounds: they have been in here, or are few. */
  putBack(items: readonly Queued[]): void {
    this.#lines.unshift(...items)
    for (const { bytes } of items) this.#bytes += bytes
  }

  dropOwn(): void {
    const [kept, own] = [this.#lines.filter(({ isOwn }) => !isOwn), this.#lines.filter(({ isOwn }) => isOwn)]
    this.#lines = kept
    for (const { bytes } of own) this.#bytes -= bytes
  }

  /** The first lines that fit into so many bytes, and one in any case. */
  take(room: number): Queued[] {
    let left = room
    const fitting = (items: readonly Queued[], isFirst: boolean) => {
      const end = items.findIndex(({ bytes }, at) => {
        left -= bytes
        return left < 0 && !(isFirst && at === 0)
      })
      return end < 0 ? items.length : end
    }
    const lines = this.#lines.splice(0, fitting(this.#lines, true))
    for (const { bytes } of lines) this.#bytes -= bytes
    if (this.#lines.length > 0) return lines
    return [...lines, ...this.#refusals.splice(0, fitting(this.#refusals, lines.length === 0))]
  }
}
