import { BoundedMap } from '../tls/bounded-map.js'
import type { PeerJudge } from '../tls/peer/peer-judge.js'
import type { PeerFacts } from '../tls/peer/verdict.js'

export interface Session {
  readonly ticket: Buffer
  /** What the full handshake verified: a resumed connection shows no certificate and OpenSSL checks nothing again. */
  readonly facts: PeerFacts
  /** Who found them: under another trust another path may count, or none. */
  readonly judge: PeerJudge
}

const capacity = 256

/**
 * TLS sessions by server and port and name, held strongly: a collected session would cost a full handshake.
 * One cache belongs to one version of the material.
 */
export class SessionCache extends BoundedMap<string, Session> {
  constructor() {
    super(capacity)
  }
}
