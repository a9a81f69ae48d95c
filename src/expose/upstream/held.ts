import { TooLarge } from './events.js'

/** Bytes of answers that are not complete yet, at most: of one identity, and of all. */
const heldAtMost = { ofIdentity: 128 * 1024 * 1024, ofAll: 512 * 1024 * 1024 }

/** What one answer holds. */
export interface Share {
  /** It holds so many bytes now. Throws when that is too much. */
  set(bytes: number): void
}

/** What is held of answers that are not complete: large ones are read whole, and there may be many at once. */
export class Held {
  readonly #byOwner = new Map<string | undefined, number>()
  #all = 0

  share(owner: string | undefined): Share {
    let own = 0
    return {
      set: (bytes) => {
        const before = this.#byOwner.get(owner) ?? 0
        const ofOwner = before + bytes - own
        const ofAll = this.#all + bytes - own
        const isMore = bytes > own
        if (isMore && (ofOwner > heldAtMost.ofIdentity || ofAll > heldAtMost.ofAll))
          throw new TooLarge('has too many large answers under way at once')
        own = bytes
        this.#all = ofAll
        if (ofOwner > 0) this.#byOwner.set(owner, ofOwner)
        else this.#byOwner.delete(owner)
      },
    }
  }
}
