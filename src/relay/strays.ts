type Owner = string | undefined

/** Whose requests were given up and may run on all the same: what the server says, and not of what, may be about them. */
export class Strays {
  readonly #owners = new Set<Owner>()

  add(owner: Owner): void {
    this.#owners.add(owner)
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
