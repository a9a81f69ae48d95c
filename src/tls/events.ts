import type { MtlsErrorCode } from '../errors.js'
import type { CertificateFacts } from '../x509/certificate.js'
import type { TlsConnection, Usage } from './peer/connection.js'
import type { Relaxation } from './peer/verdict.js'

export interface EventBase {
  readonly time: Date
  /** The side that reports. */
  readonly side: 'server' | 'client'
  /** Name of the server that reports, or URL host the client asked for. */
  readonly name: string
  readonly mode: 'strict' | 'demo' | 'plaintext'
}

export interface AddressEvent extends EventBase {
  /** `address:port` of the other side. */
  readonly peerAddress: string
}

export interface PeerEvent extends AddressEvent {
  readonly connection: TlsConnection
}

export interface RefusalReason {
  readonly reason: MtlsErrorCode
  readonly message: string
}

/** Everything worth knowing about trust, and nothing else. A closed union: log, metrics, audit and tests subscribe. */
export type SecurityEvent =
  | ({ readonly event: 'connection-accepted' } & PeerEvent)
  /** Demo mode let something pass; comes after `connection-accepted`. */
  | ({ readonly event: 'verification-relaxed'; readonly relaxed: readonly Relaxation[] } & PeerEvent)
  /** The handshake completed and the certificate was refused. */
  | ({ readonly event: 'connection-refused' } & RefusalReason & PeerEvent)
  /** An accepted peer whose certificate no longer qualifies: at a request or at the moment of expiry. */
  | ({ readonly event: 'connection-ended' } & RefusalReason & PeerEvent)
  | ({ readonly event: 'connection-closed' } & Usage & PeerEvent)
  /** The handshake never completed; there is no certificate to tell about. */
  | ({ readonly event: 'handshake-failed' } & RefusalReason & AddressEvent)
  /** A request of an accepted peer that was refused before MCP saw it (Host, Origin, too many at once). */
  | ({
      readonly event: 'request-refused'
      readonly reason: 'NOT_AUTHORIZED' | 'RATE_LIMITED'
      readonly message: string
    } & AddressEvent)
  /** New files were taken up. */
  | ({ readonly event: 'reload-succeeded'; readonly certificate: CertificateFacts } & EventBase)
  /** New files could not be taken up; what was in use stays in use. */
  | ({
      readonly event: 'reload-failed'
      readonly reason: 'RELOAD_FAILED'
      readonly message: string
    } & EventBase)
  /** A certificate or list has come to a threshold before its end, or to its end. Once for each. */
  | ({ readonly event: 'certificate-expiring' } & Expiring & EventBase)

interface EventKind {
  /** Of its line in the log. */
  readonly severity: 'info' | 'warn' | 'error'
  /** A stranger can cause as many as they like: the log sums them up. */
  readonly summed?: true
}

/** What the log does with each event. */
export const eventKinds = {
  'connection-accepted': { severity: 'info' },
  'verification-relaxed': { severity: 'warn' },
  'connection-refused': { severity: 'warn', summed: true },
  'connection-ended': { severity: 'warn' },
  'connection-closed': { severity: 'info' },
  'handshake-failed': { severity: 'warn', summed: true },
  'request-refused': { severity: 'warn', summed: true },
  'reload-succeeded': { severity: 'info' },
  'reload-failed': { severity: 'error' },
  'certificate-expiring': { severity: 'warn' },
} as const satisfies Record<SecurityEvent['event'], EventKind>

export interface Expiring {
  readonly what: 'own' | 'ca' | 'crl' | 'peer'
  readonly subject: string
  readonly notAfter: Date
  /** A day that has begun counts; 0 once it has expired. */
  readonly daysLeft: number
  readonly message: string
}

export type Subscriber = (event: SecurityEvent) => void

/** The one way events take. A subscriber that throws harms neither the connection nor the other subscribers. */
export class SecurityEvents {
  readonly #subscribers = new Set<Subscriber>()

  constructor(subscribers: Iterable<Subscriber> = []) {
    for (const subscriber of subscribers) this.subscribe(subscriber)
  }

  /** Returns the way to stop. */
  subscribe(subscriber: Subscriber): () => void {
    this.#subscribers.add(subscriber)
    return () => this.#subscribers.delete(subscriber)
  }

  emit(event: SecurityEvent): void {
    for (const subscriber of this.#subscribers) {
      try {
        subscriber(event)
      } catch (error) {
        process.emitWarning(`a subscriber of security events failed: ${String(error)}`)
      }
    }
  }
}

type Details<Name extends SecurityEvent['event']> = Omit<
  Extract<SecurityEvent, { event: Name }>,
  keyof EventBase | 'event'
>

export type Tell = <Name extends SecurityEvent['event']>(event: Name, details: Details<Name>) => void

/** A way to emit events that all come from one place. */
export function teller(events: SecurityEvents, from: Pick<EventBase, 'side' | 'name' | 'mode'>): Tell {
  return (event, details) =>
    events.emit({ event, time: new Date(), ...from, ...details } as unknown as SecurityEvent)
}
