import {
  instantAfterSkip,
  instantsOf,
  isoOf,
  offsetAt,
  utcOffsetOf,
  type WallTime,
  wallTimeAt,
} from '../local-time.js'
import { printable, Unanswerable } from '../tool-answer.js'
import type { Locality } from './locality.js'

/** A clock's reading somewhere, as `convertTime` answers it. */
export interface ClockReading {
  readonly place: string
  readonly time: string
  readonly timezone: string
  readonly utc_offset: string
}

export interface Conversion {
  readonly from: ClockReading
  readonly to: ClockReading
  /** Set when a clock change affects the time: it happens twice, or never. */
  readonly note?: string
}

const localIso = /^(?:((?:19|2\d)\d\d-\d\d-\d\d)[T ])?(\d\d?:\d\d(?::\d\d)?)$/

/** What clocks show in `to` when they show `time` in `from`. */
export function convertTime(time: string, from: Locality, to: Locality, now: Date): Conversion {
  const wall = wallTimeOf(time, from.timezone, now)
  const [instant, later] = instantsOf(wall, from.timezone)
  if (instant === undefined) {
    const meant = instantAfterSkip(wall, from.timezone)
    const { time: taken } = readingOf(meant, from)
    const note = `${clockOf(wall)} does not exist in ${from.timezone} on ${isoOf(wall).slice(0, 10)}: clocks skip it. Taken as ${taken}.`
    return { from: readingOf(meant, from), to: readingOf(meant, to), note }
  }
  const conversion = { from: readingOf(instant, from), to: readingOf(instant, to) }
  if (later === undefined) return conversion
  const second = `the second time (UTC${readingOf(later, from).utc_offset}) it is ${readingOf(later, to).time} in ${to.label}`
  const note = `${clockOf(wall)} happens twice in ${from.timezone} on ${isoOf(wall).slice(0, 10)}: clocks are turned back. Taken as the first time (UTC${conversion.from.utc_offset}); ${second}.`
  return { ...conversion, note }
}

export function readingOf(instant: number, { label, timezone }: Locality): ClockReading {
  return {
    place: label,
    time: isoOf(wallTimeAt(instant, timezone)),
    timezone,
    utc_offset: utcOffsetOf(offsetAt(instant, timezone)),
  }
}

function wallTimeOf(time: string, zone: string, now: Date): WallTime {
  const [, date, clock = ''] = localIso.exec(time.trim()) ?? []
  const today = isoOf(wallTimeAt(now.getTime(), zone)).slice(0, 10)
  const iso = `${date ?? today}T${/^\d:/.test(clock) ? `0${clock}` : clock}`
  const wall = Date.parse(`${iso}Z`)
  // The platform reads 30 February as 2 March, and 24:00 as the next day.
  if (Number.isNaN(wall) || !isoOf(wall).startsWith(iso))
    throw new Unanswerable(
      `"${printable(time)}" is no time. Give HH:MM for today, or a local time such as 2026-03-29T02:30 (no zone, years 1900 to 2999).`,
    )
  return wall
}

function clockOf(wall: WallTime): string {
  return isoOf(wall).slice(11, 16)
}
