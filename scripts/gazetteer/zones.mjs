import { createRequire } from 'node:module'

const zoneAt = createRequire(import.meta.url)('@photostructure/tz-lookup')

/**
 * The time zone of each city. The lookup by coordinates is coarse near borders: a zone that the city's
 * country does not have (by CLDR) is replaced by that of the nearest city of the country that has a right one,
 * or else by the country's only zone (not sooner: CLDR keeps names that IANA has replaced, as Asia/Katmandu).
 */
export function zonesOf(cities) {
  const guesses = cities.map((city) => zoneAt(city.latitude, city.longitude))
  const settled = new Map()
  cities.forEach((city, index) => {
    if (!hasZone(city.country, guesses[index])) return
    const list = settled.get(city.country) ?? settled.set(city.country, []).get(city.country)
    list.push({ city, zone: guesses[index] })
  })
  return cities.map((city, index) => {
    const known = settled.get(city.country)
    if (hasZone(city.country, guesses[index])) return guesses[index]
    if (!known) return onlyZone(city.country) ?? guesses[index]
    return known.reduce((best, other) =>
      distance(city, other.city) < distance(city, best.city) ? other : best,
    ).zone
  })
}

const canonicalNames = new Map()

function canonical(zone) {
  const name =
    canonicalNames.get(zone) ?? new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone
  canonicalNames.set(zone, name)
  return name
}

const zonesByCountry = new Map()

function onlyZone(country) {
  const [zone, ...others] = zonesByCountry.get(country) ?? []
  return others.length === 0 ? zone : undefined
}

function hasZone(country, zone) {
  let zones = zonesByCountry.get(country)
  if (!zones) {
    const locale = new Intl.Locale('und', { region: country })
    zones = new Set((locale.getTimeZones?.() ?? locale.timeZones ?? []).map(canonical))
    zonesByCountry.set(country, zones)
  }
  return zones.has(canonical(zone))
}

function distance(a, b) {
  const east = (a.longitude - b.longitude) * Math.cos((a.latitude * Math.PI) / 180)
  return (a.latitude - b.latitude) ** 2 + east ** 2
}
