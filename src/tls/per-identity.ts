/** Counts what each identity has at once, and limits it: no identity can use up the room of all others. */
export class PerIdentity {
  readonly #limit: number
  readonly #held = new Map<string, number>()

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Adds one for this identity; returns false, and counts nothing, at the limit. */
  take(id: string): boolean {
    const held = this.#held.get(id) ?? 0
    if (held >= this.#limit) return false
    this.#held.set(id, held + 1)
    return true
  }

  has(id: string): boolean {
    return this.#held.has(id)
  }

  count(id: string): number {
    return this.#held.get(id) ?? 0
  }

  give(id: string): void {
    const held = (this.#held.get(id) ?? 0) - 1
    if (held > 0) this.#held.set(id, held)
    else this.#held.delete(id)
  }
}
