import type { PeerFacts } from '../tls/peer/verdict.js'

export interface Session {
  readonly ticket: Buffer
  /** What the full handshake verified: a resumed connection shows no certificate and OpenSSL checks nothing again. */
  readonly facts: PeerFacts
}

const capacity = 256

/**
 * TLS sessions by server and port and name, held strongly: a collected session would cost a full handshake.
 * One cache belongs to one version of the material, so a session never outlives the CA it was verified with.
 */
export class SessionCache {
  readonly #sessions = new Map<string, Session>()

  get(key: string): Session | undefined {
    return this.#sessions.get(key)
  }

  set(key: string, session: Session): void {
    this.#sessions.delete(key)
    this.#sessions.set(key, session)
    const [oldest] = this.#sessions.keys()
    if (this.#sessions.size > capacity && oldest !== undefined) this.#sessions.delete(oldest)
  }

  delete(key: string): void {
    this.#sessions.delete(key)
  }
}
