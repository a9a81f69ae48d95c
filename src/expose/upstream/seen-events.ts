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
