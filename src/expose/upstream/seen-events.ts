import { createHmac, randomBytes } from 'node:crypto'

/** Events of one session that a client can go on after: some clients are far behind what was sent to them. */
const remembered = 4096

const key = randomBytes(16)

/**
 * The ids of the events that a session has got. Servers often keep the events of all sessions in one place, and replay what
 * they are asked for: nobody may go on after an event of another.
 */
export class SeenEvents {
  /** A part of a keyed hash of each: ids may be long, and nobody can look for two that are alike. */
  readonly #marks: number[] = []
  #next = 0

  add(id: string): void {
    this.#marks[this.#next] = markOf(id)
    this.#next = (this.#next + 1) % remembered
  }

  has(id: string): boolean {
    return this.#marks.includes(markOf(id))
  }
}

function markOf(id: string): number {
  return createHmac('sha256', key).update(id).digest().readUIntBE(0, 6)
}

/**
 * A stream goes on after an event of its own session alone. Where that is not known, its client gets a new one, as one does
 * that was away for too long.
 */
export function withOwnEvent(headers: Record<string, string>, events: SeenEvents | undefined): void {
  const id = headers['last-event-id']
  // Headers are bytes, ids are UTF-8.
  if (id !== undefined && !events?.has(Buffer.from(id, 'latin1').toString())) delete headers['last-event-id']
}
