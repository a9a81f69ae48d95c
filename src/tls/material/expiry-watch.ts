import { atMoment } from '../../alarm.js'
import { dayMs, timeText } from '../../text/duration.js'
import type { CertificateFacts } from '../../x509/certificate.js'
import { expiringFrom } from '../../x509/life.js'
import { withoutSuperseded } from '../../x509/revocation.js'
import { BoundedMap } from '../bounded-map.js'
import type { Expiring, Tell } from '../events.js'
import type { Material } from './material.js'

export const expiryThresholds: readonly number[] = [30, 14, 7, 1]

const rememberedPeers = 10_000

/** Something that expires: a certificate or a revocation list. */
export interface Ending {
  readonly what: Expiring['what']
  readonly subject: string
  /** Undefined for a list. */
  readonly serial: string | undefined
  /** Identifies it. */
  readonly key: string
  readonly begins: Date
  readonly ends: Date
}

function endingOf(what: Ending['what'], facts: CertificateFacts): Ending {
  const { subject, serial, fingerprint256, notBefore, notAfter } = facts
  return { what, subject, serial, key: fingerprint256, begins: notBefore, ends: notAfter }
}

/** Everything that a server or client depends on and that expires. */
export function endingsOf({ certificate, anchors, crls }: Material, now = new Date()): Ending[] {
  const lists = withoutSuperseded(crls?.lists ?? [], anchors, now).map(
    ({ issuer, thisUpdate, nextUpdate }): Ending => {
      return {
        what: 'crl',
        subject: issuer,
        serial: undefined,
        key: `${issuer} ${nextUpdate.toISOString()}`,
        begins: thisUpdate,
        ends: nextUpdate,
      }
    },
  )
  return [endingOf('own', certificate), ...anchors.map((anchor) => endingOf('ca', anchor)), ...lists]
}

/**
 * When to warn, in days before the end, longest first and 0 at last: the thresholds; if it counts as expiring only
 * later in its life, that moment and the thresholds after it.
 */
export function thresholdsOf({ begins, ends }: Ending, thresholds = expiryThresholds): number[] {
  const window = (ends.getTime() - expiringFrom(begins, ends).getTime()) / dayMs
  const isLong = window >= Math.max(...expiryThresholds)
  const kept = isLong ? thresholds : [window, ...thresholds.filter((days) => days < window)]
  return [...kept, 0].sort((one, other) => other - one)
}

/** The smallest threshold reached at this time; undefined before the first. */
export function reachedThreshold(
  ending: Ending,
  now: Date,
  thresholds?: readonly number[],
): number | undefined {
  const left = (ending.ends.getTime() - now.getTime()) / dayMs
  return thresholdsOf(ending, thresholds).findLast((days) => left <= days)
}

/** Reports upcoming expiry of certificates and lists: once per threshold. */
export class ExpiryWatch {
  readonly #tell: Tell
  readonly #thresholds: readonly number[]
  /**
   * The last threshold reported for each of ours, and for each peer, in a bounded map: there may be any number of
   * peers.
   */
  readonly #told = new Map<string, number>()
  readonly #toldOfPeers = new BoundedMap<string, number>(rememberedPeers)
  readonly #firsts = new WeakMap<CertificateFacts, number>()
  readonly #cancels = new Map<string, () => void>()

  constructor(tell: Tell, thresholds: readonly number[] = expiryThresholds) {
    this.#tell = tell
    this.#thresholds = thresholds
  }

  /** Watches only these from now on. */
  watch(material: Material): void {
    this.stop()
    const endings = endingsOf(material)
    const keys = new Set(endings.map(({ key }) => key))
    for (const key of this.#told.keys()) if (!keys.has(key)) this.#told.delete(key)
    for (const ending of endings) this.#arm(ending)
  }

  /**
   * A peer has shown this certificate. Each threshold is reported once per identity: an identity with a new certificate
   * every hour is not reported more often than others.
   */
  seen(certificate: CertificateFacts, identity: string): void {
    if (Date.now() < this.#quietUntil(certificate)) return
    this.#tellOf({ ...endingOf('peer', certificate), key: identity }, this.#toldOfPeers)
  }

  /** When the first threshold of a certificate is reached; every connection asks. */
  #quietUntil(certificate: CertificateFacts): number {
    let until = this.#firsts.get(certificate)
    if (until === undefined) {
      const ending = endingOf('peer', certificate)
      const [longest = 0] = thresholdsOf(ending, this.#thresholds)
      until = ending.ends.getTime() - longest * dayMs
      this.#firsts.set(certificate, until)
    }
    return until
  }

  stop(): void {
    for (const cancel of this.#cancels.values()) cancel()
    this.#cancels.clear()
  }

  #arm(ending: Ending): void {
    this.#tellOf(ending, this.#told)
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

  #tellOf(ending: Ending, told: Map<string, number>): void {
    const { what, subject, key, ends } = ending
    const now = new Date()
    const reached = reachedThreshold(ending, now, this.#thresholds)
    if (reached === undefined || (told.get(key) ?? Infinity) <= reached) return
    told.set(key, reached)
    const left = Math.max(0, ends.getTime() - now.getTime())
    const daysLeft = Math.ceil(left / dayMs)
    const message = `${endingNames[what]} ${subject} ${reached === 0 ? 'has expired' : `expires in ${timeText(left, Math.ceil)}`}, on ${ends.toISOString()}`
    this.#tell('certificate-expiring', { what, subject, notAfter: ends, daysLeft, message })
  }
}

/** The text before the subject. */
export const endingNames: Readonly<Record<Ending['what'], string>> = {
  own: 'our certificate',
  ca: 'the CA certificate',
  crl: 'the revocation list of',
  peer: "a peer's certificate",
}
