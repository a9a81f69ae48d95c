import { ownerOf } from '../auth/identity.js'
import type { Caller } from './identity-of.js'

/** A caller as JSON: what servers are told of who calls. */
export interface CallerFacts {
  /** With its trust domain where any CA may give the name: `cn:alice (partner.example)`. */
  readonly id: string
  /** Of its CA; null where that is bound to none. */
  readonly trust_domain: string | null
  /** False for what demo mode let pass. */
  readonly verified: boolean
  readonly names: readonly string[]
  readonly issuer: string
  readonly serial: string
  readonly fingerprint256: string
  /** UTC ISO 8601. */
  readonly not_after: string
  readonly tls: {
    readonly version: string
    readonly cipher: string
    readonly key_exchange: string | null
    readonly resumed: boolean
  }
}

export function callerFacts(caller: Caller): CallerFacts {
  const { verified, trustDomain, names, issuer, serial, fingerprint256, notAfter, tls } = caller
  return {
    id: ownerOf(caller),
    trust_domain: trustDomain ?? null,
    verified,
    names: [...names],
    issuer,
    serial,
    fingerprint256,
    not_after: notAfter.toISOString(),
    tls: {
      version: tls.version,
      cipher: tls.cipher,
      key_exchange: tls.keyExchange ?? null,
      resumed: tls.resumed,
    },
  }
}
