import { BoundedMap } from '../tls/bounded-map.js'
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
export class SessionCache extends BoundedMap<string, Session> {
  constructor() {
    super(capacity)
  }
}
