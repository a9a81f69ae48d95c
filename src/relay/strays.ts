type Owner = string | undefined

/** They run nothing that could speak later. */
const quiet =
  /^(?:ping|initialize|logging\/setLevel|(?:[a-z]+|resources\/templates)\/list|resources\/(?:un)?subscribe|subscriptions\/listen|server\/discover)$/

/** Whether a server may go on about such a request when nobody wants its answer any more. */
export function mayRunOn(method: string): boolean {
  return !quiet.test(method)
}

/** Whose requests were given up and may run on all the same: what the server says, and not of what, may be about them. */
export class Strays {
  readonly #owners = new Map<Owner, number>()

  /** Returns what forgets it: its answer has come after all. */
  add(owner: Owner): () => void {
    this.#owners.set(owner, (this.#owners.get(owner) ?? 0) + 1)
    return () => {
      const left = (this.#owners.get(owner) ?? 0) - 1
      if (left > 0) this.#owners.set(owner, left)
      else this.#owners.delete(owner)
    }
  }

  /** Whether there are some of another owner. */
  areBeside(owner: Owner): boolean {
    return this.#owners.size > 1 || (this.#owners.size === 1 && !this.#owners.has(owner))
  }

  /** The server is gone, and what ran there too. */
  clear(): void {
    this.#owners.clear()
  }
}
