import { dayMs } from '../text/duration.js'

/**
 * When a certificate or a revocation list starts to count as expiring: in the last 30 days of a lifetime of more than
 * 60, in the last tenth of a shorter one, which a machine renews.
 */
export function expiringFrom(begins: Date, ends: Date): Date {
  const life = ends.getTime() - begins.getTime()
  return new Date(ends.getTime() - (life > 60 * dayMs ? 30 * dayMs : life / 10))
}
