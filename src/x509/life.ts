export const dayMs = 86_400_000

/**
 * From when on a certificate or a revocation list counts as expiring: in the last 30 days of a life of more than 60, in
 * the last tenth of a shorter one, which a machine renews.
 */
export function expiringFrom(begins: Date, ends: Date): Date {
  const life = ends.getTime() - begins.getTime()
  return new Date(ends.getTime() - (life > 60 * dayMs ? 30 * dayMs : life / 10))
}

/** A length of time in the largest unit that it has one of: `3 days`, `1 hour`, `0 minutes`. */
export function timeText(milliseconds: number, round = Math.floor): string {
  const [unit, length] = units.find(([, length]) => milliseconds >= length) ?? ['minute', 60_000]
  const count = round(milliseconds / length)
  return `${count} ${unit}${count === 1 ? '' : 's'}`
}

const units: readonly (readonly [unit: string, milliseconds: number])[] = [
  ['day', dayMs],
  ['hour', dayMs / 24],
]
