import { dayMs } from '../text/duration.js'

/**
 * From when on a certificate or a revocation list counts as expiring: in the last 30 days of a life of more than 60, in
 * the last tenth of a shorter one, which a machine renews.
 */
export function expiringFrom(begins: Date, ends: Date): Date {
  const life = ends.getTime() - begins.getTime()
  return new Date(ends.getTime() - (life > 60 * dayMs ? 30 * dayMs : life / 10))
}
