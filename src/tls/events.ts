import type { MtlsErrorCode } from '../errors.js'
import type { CertificateFacts } from '../x509/certificate.js'
import type { TlsConnection, Usage } from './peer/connection.js'
import type { Relaxation } from './peer/verdict.js'

interface Event {
  readonly time: Date
  /** The side that reports. */
  readonly side: 'server' | 'client'
  /** Name of the server that reports, or URL host the client asked for. */
  readonly name: string
  readonly mode: 'strict' | 'demo' | 'plaintext'
}

interface AddressEvent extends Event {
  /** `address:port` of the other side. */
  readonly peerAddress: string
}

interface PeerEvent extends AddressEvent {
  readonly connection: TlsConnection
}

interface Reason {
  readonly reason: MtlsErrorCode
  readonly message: string
}

/** Every event about trust, and nothing else. A closed union: log, metrics, audit and tests subscribe. */
export type SecurityEvent =
  | ({ readonly event: 'connection-accepted' } & PeerEvent)
  /** Demo mode accepted something; comes after `connection-accepted`. */
  | ({ readonly event: 'verification-relaxed'; readonly relaxed: readonly Relaxation[] } & PeerEvent)
  /** The handshake completed and the certificate was refused. */
  | ({ readonly event: 'connection-refused' } & Reason & PeerEvent)
  /** An accepted peer whose certificate no longer qualifies: at a request or at the moment of expiry. */
  | ({ readonly event: 'connection-ended' } & Reason & PeerEvent)
  | ({ readonly event: 'connection-closed' } & Usage & PeerEvent)
  /** The handshake never completed; there is no certificate to report. */
  | ({ readonly event: 'handshake-failed' } & Reason & AddressEvent)
  /** A request of an accepted peer that was refused before MCP saw it (Host, Origin, too many at once). */
  | ({
      readonly event: 'request-refused'
      readonly reason: 'NOT_AUTHORIZED' | 'RATE_LIMITED'
      readonly message: string
    } & AddressEvent)
  /** New files were loaded. */
  | ({ readonly event: 'reload-succeeded'; readonly certificate: CertificateFacts } & Event)
  /** New files could not be loaded; the earlier ones stay in use. */
  | ({ readonly event: 'reload-failed'; readonly reason: 'RELOAD_FAILED'; readonly message: string } & Event)
  /** A certificate or list has reached a threshold before its end, or its end. Once for each. */
  | ({ readonly event: 'certificate-expiring' } & Expiring & Event)

interface EventKind {
  /** The level of its log line. */
  readonly severity: 'info' | 'warn' | 'error'
  /** A stranger can cause any number of them: the log sums them up. */
  readonly summed?: true
}

/** How the log treats each event. */
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
  /** A started day counts as a whole one; 0 once it has expired. */
  readonly daysLeft: number
  readonly message: string
}

export type Subscriber = (event: SecurityEvent) => void

/** The single channel for events. A subscriber that throws harms neither the connection nor the other subscribers. */
export class SecurityEvents {
  readonly #subscribers = new Set<Subscriber>()

  constructor(subscribers: Iterable<Subscriber> = []) {
    for (const subscriber of subscribers) this.subscribe(subscriber)
  }

  /** Returns a function that unsubscribes. */
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
  keyof Event | 'event'
>

export type Tell = <Name extends SecurityEvent['event']>(event: Name, details: Details<Name>) => void

/** A function that emits events with the same origin. */
export function teller(events: SecurityEvents, from: Pick<Event, 'side' | 'name' | 'mode'>): Tell {
  return (event, details) =>
    events.emit({ event, time: new Date(), ...from, ...details } as unknown as SecurityEvent)
}
