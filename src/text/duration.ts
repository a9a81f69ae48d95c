export const hourMs = 3_600_000
export const dayMs = 24 * hourMs

/** Whole days until then; negative once it is past. */
export function daysLeft(end: Date, now: Date): number {
  return Math.floor((end.getTime() - now.getTime()) / dayMs)
}

/** A duration in the largest unit of which it has at least one: `3 days`, `1 hour`, `0 minutes`. */
export function timeText(milliseconds: number, round = Math.floor): string {
  const [unit, length] = units.find(([, length]) => milliseconds >= length) ?? ['minute', 60_000]
  const count = round(milliseconds / length)
  return `${count} ${unit}${count === 1 ? '' : 's'}`
}

const units: readonly (readonly [unit: string, milliseconds: number])[] = [
  ['day', dayMs],
  ['hour', hourMs],
]
