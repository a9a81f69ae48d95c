import type { CertificateFacts } from '../x509/certificate.js'
import { atMoment } from './at-moment.js'
import type { Expiring, Tell } from './events.js'
import type { Material } from './material.js'

export const expiryThresholds: readonly number[] = [30, 14, 7, 1]

export const dayMs = 86_400_000
const rememberedPeers = 1000

/** Something that ends: a certificate or a revocation list. */
export interface Ending {
  readonly what: Expiring['what']
  readonly subject: string
  /** Undefined for a list. */
  readonly serial: string | undefined
  /** Tells one from another. */
  readonly key: string
  readonly begins: Date
  readonly ends: Date
}

function endingOf(what: Ending['what'], facts: CertificateFacts): Ending {
  const { subject, serial, fingerprint256, notBefore, notAfter } = facts
  return { what, subject, serial, key: fingerprint256, begins: notBefore, ends: notAfter }
}

/** Everything a server or client lives on that ends one day. */
export function endingsOf({ certificate, anchors, crls }: Material): Ending[] {
  const lists = (crls?.lists ?? []).map(({ issuer, thisUpdate, nextUpdate }): Ending => {
    return {
      what: 'crl',
      subject: issuer,
      serial: undefined,
      key: `${issuer} ${nextUpdate.toISOString()}`,
      begins: thisUpdate,
      ends: nextUpdate,
    }
  })
  return [endingOf('own', certificate), ...anchors.map((anchor) => endingOf('ca', anchor)), ...lists]
}

/**
 * The moments at which to warn, in days before the end, longest first and 0 at last. A list is made to be replaced
 * soon: thresholds longer than half of its life are left out, or it would warn as soon as it is made.
 */
export function thresholdsOf({ what, begins, ends }: Ending, thresholds = expiryThresholds): number[] {
  const longest = what === 'crl' ? (ends.getTime() - begins.getTime()) / dayMs / 2 : Infinity
  return [...thresholds.filter((days) => days <= longest), 0].sort((one, other) => other - one)
}

/** The smallest threshold that is reached at this time; undefined before the first. */
export function reachedThreshold(
  ending: Ending,
  now: Date,
  thresholds?: readonly number[],
): number | undefined {
  const left = (ending.ends.getTime() - now.getTime()) / dayMs
  return thresholdsOf(ending, thresholds).findLast((days) => left <= days)
}

/** Tells of certificates and lists that come to their end: at each threshold once. */
export class ExpiryWatch {
  readonly #tell: Tell
  readonly #thresholds: readonly number[]
  readonly #told = new Map<string, number>()
  readonly #cancels = new Map<string, () => void>()

  constructor(tell: Tell, thresholds: readonly number[] = expiryThresholds) {
    this.#tell = tell
    this.#thresholds = thresholds
  }

  /** From now on these and no others. */
  watch(material: Material): void {
    this.stop()
    for (const ending of endingsOf(material)) this.#arm(ending)
  }

  /** A peer has shown this certificate; the thresholds it has reached are told once. Bounded in number. */
  seen(certificate: CertificateFacts): void {
    this.#tellOf(endingOf('peer', certificate))
    if (this.#told.size <= rememberedPeers) return
    const [oldest] = this.#told.keys()
    if (oldest !== undefined) this.#told.delete(oldest)
  }

  stop(): void {
    for (const cancel of this.#cancels.values()) cancel()
    this.#cancels.clear()
  }

  #arm(ending: Ending): void {
    this.#tellOf(ending)
    const now = Date.now()
    const next = thresholdsOf(ending, this.#thresholds)
      .map((days) => new Date(ending.ends.getTime() - days * dayMs))
      .find((moment) => moment.getTime() > now)
    if (next)
      this.#cancels.set(
        ending.key,
        atMoment(next, () => this.#arm(ending)),
      )
  }

  #tellOf(ending: Ending): void {
    const { what, subject, key, ends } = ending
    const now = new Date()
    const reached = reachedThreshold(ending, now, this.#thresholds)
    if (reached === undefined || (this.#told.get(key) ?? Infinity) <= reached) return
    this.#told.set(key, reached)
    const daysLeft = Math.max(0, Math.ceil((ends.getTime() - now.getTime()) / dayMs))
    const message = `${names[what]} ${subject} ${reached === 0 ? 'has expired' : `expires in ${daysLeft} ${daysLeft === 1 ? 'day' : 'days'}`}, on ${ends.toISOString()}`
    this.#tell('certificate-expiring', { what, subject, notAfter: ends, daysLeft, message })
  }
}

const names: Readonly<Record<Ending['what'], string>> = {
  own: 'our certificate',
  ca: 'the CA certificate',
  crl: 'the revocation list of',
  peer: "a peer's certificate",
}
