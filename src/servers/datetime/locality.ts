import { findPlace, loadGazetteer, placeLabel } from '../../places/index.js'
import { unknownCity } from '../city-argument.js'
import { isTimeZone } from '../local-time.js'
import { printable, Unanswerable } from '../tool-answer.js'

/** Something with a clock: a city, or a time zone by its own name. */
export interface Locality {
  readonly label: string
  readonly city: string | null
  readonly country: string | null
  readonly timezone: string
}

/** Throws `Unanswerable` for anything that is not an IANA time zone; case is ignored. */
export function localityOfZone(name: string): Locality {
  const timezone = zoneNamed(name.trim())
  if (timezone === undefined)
    throw new Unanswerable(
      `Unknown time zone "${printable(name)}". Give an IANA name, such as Europe/Oslo or UTC.`,
    )
  return { label: timezone, city: null, country: null, timezone }
}

/**
 * A city or an IANA zone, whichever the name is. A few words are both: "Singapore" is the city, "UTC" and any name with
 * a slash is the zone.
 */
export function localityOf(name: string): Locality {
  const trimmed = name.trim()
  if (/\/|^(utc|gmt)$/i.test(trimmed) && zoneNamed(trimmed) !== undefined) return localityOfZone(trimmed)
  const found = findPlace(trimmed)
  if (found.place) {
    const { city, country, timezone } = found.place
    return { label: placeLabel(found.place), city, country, timezone }
  }
  if (zoneNamed(trimmed) !== undefined) return localityOfZone(trimmed)
  throw new Unanswerable(unknownCity(name, found.near))
}

let spellings: ReadonlyMap<string, string> | undefined

/**
 * The zone in its usual spelling: the platform accepts any case, and its own list contains names that have since been
 * replaced.
 */
function zoneNamed(name: string): string | undefined {
  if (!isTimeZone(name)) return undefined
  spellings ??= new Map(
    [...Intl.supportedValuesOf('timeZone'), ...loadGazetteer().zones, 'UTC', 'GMT'].map((zone) => [
      zone.toLowerCase(),
      zone,
    ]),
  )
  return spellings.get(name.toLowerCase()) ?? name
}
