import type { PeerJudge } from './peer-judge.js'
import type { PeerFacts } from './verdict.js'

/**
 * How the certificate of an accepted peer stands after its connection has ended: what its peer has opened (a session) may
 * live longer than the connection, but not longer than the certificate.
 */
export class Standing {
  readonly #facts: PeerFacts
  readonly #currentJudge: () => PeerJudge
  #judge: PeerJudge | undefined
  #since = 0
  #until = 0
  #isGood = true

  constructor(facts: PeerFacts, currentJudge: () => PeerJudge) {
    this.#facts = facts
    this.#currentJudge = currentJudge
  }

  /** Whether the peer would be accepted now. Cheap: it is judged again only when the trust, or the time, has changed. */
  isGood(now = Date.now()): boolean {
    const judge = this.#currentJudge()
    if (judge === this.#judge && now >= this.#since && now <= this.#until) return this.#isGood
    const verdict = judge.verdict(judge.rebase(this.#facts, true), undefined, new Date(now))
    this.#judge = judge
    this.#isGood = verdict.accepted
    this.#since = verdict.accepted ? now : Number.NEGATIVE_INFINITY
    this.#until = verdict.accepted ? verdict.validUntil.getTime() : Number.POSITIVE_INFINITY
    return this.#isGood
  }
}
