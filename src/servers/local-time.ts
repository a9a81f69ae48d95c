/** A wall clock's reading, as the milliseconds at which a clock in UTC would show the same. */
export type WallTime = number

const second = 1000
const day = 86_400_000

const formatters = new Map<string, Intl.DateTimeFormat>()

/** Throws a RangeError for a time zone the platform does not know. */
function formatterOf(zone: string): Intl.DateTimeFormat {
  // Zone names come from callers and ignore case: stored in one spelling, the map holds some 600 at most.
  const key = zone.toLowerCase()
  let formatter = formatters.get(key)
  if (!formatter) {
    formatter = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
    formatters.set(key, formatter)
  }
  return formatter
}

export function isTimeZone(zone: string): boolean {
  // Bare offsets (+05:30) are zones in some versions of Node only.
  if (!/^[A-Za-z]/.test(zone)) return false
  try {
    formatterOf(zone)
    return true
  } catch {
    return false
  }
}

/** What clocks in that zone show at that instant, to the second. */
export function wallTimeAt(instant: number, zone: string): WallTime {
  const part: Record<string, number> = {}
  for (const { type, value } of formatterOf(zone).formatToParts(instant)) part[type] = Number(value)
  const { year = 0, month = 1, day: date = 1, hour = 0, minute = 0, second: seconds = 0 } = part
  return Date.UTC(year, month - 1, date, hour, minute, seconds)
}

/** Milliseconds that the zone is ahead of UTC at that instant. */
export function offsetAt(instant: number, zone: string): number {
  return wallTimeAt(instant, zone) - Math.floor(instant / second) * second
}

/**
 * The instants at which clocks in that zone show this time: usually one, two where clocks are turned back over it, none
 * where they skip it.
 */
export function instantsOf(wall: WallTime, zone: string): number[] {
  // No zone is more than 15 hours from UTC, so that a day away lies on either side of a change near `wall`.
  const offsets = new Set([offsetAt(wall - day, zone), offsetAt(wall + day, zone)])
  return [...offsets]
    .map((offset) => wall - offset)
    .filter((instant) => wallTimeAt(instant, zone) === wall)
    .sort((a, b) => a - b)
}

/** The instant meant by a time that clocks skip: as long after the change as the time lies behind it. */
export function instantAfterSkip(wall: WallTime, zone: string): number {
  return wall - offsetAt(wall - day, zone)
}

/** `2026-11-20T17:05:00`. */
export function isoOf(wall: WallTime): string {
  return new Date(wall).toISOString().slice(0, 19)
}

/** `+05:45`; with seconds where a zone had them, before standard time. */
export function utcOffsetOf(offset: number): string {
  const clock = isoOf(Math.abs(offset)).slice(11)
  return `${offset < 0 ? '-' : '+'}${clock.endsWith(':00') ? clock.slice(0, 5) : clock}`
}
