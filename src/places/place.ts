/** A city of the world, from GeoNames. */
export interface Place {
  readonly city: string
  readonly country: string
  /** ISO 3166-1 alpha-2. */
  readonly countryCode: string
  /** State or province, in the countries where people name it. */
  readonly region?: string
  /** Degrees, north and east positive. */
  readonly latitude: number
  readonly longitude: number
  /** IANA time zone. */
  readonly timezone: string
  readonly population: number
}

// Where the same city names repeat from state to state, the country alone is ambiguous.
const namedWithRegion = new Set(['US', 'CA', 'AU', 'IN', 'BR', 'MX'])

/** The full name of a place, such as "Paris, France" or "Paris, Texas, United States"; `findPlace` understands it. */
export function placeLabel(place: Place): string {
  const region = namedWithRegion.has(place.countryCode) ? place.region : undefined
  return [...new Set([place.city, region ?? place.country, place.country])].join(', ')
}
