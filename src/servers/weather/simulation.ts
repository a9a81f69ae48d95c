import type { Place } from '../../places/index.js'
import { isoOf, wallTimeAt } from '../local-time.js'
import { describeWeather } from './conditions.js'
import type { DayForecast, WeatherProvider, WeatherReport } from './report.js'

const hourLength = 3_600_000
const dayLength = 24 * hourLength

/** Simulated weather, the same for every caller in one hour: no network, only the place and the date. */
export function simulatedWeather(now: () => Date): WeatherProvider {
  return async (place, days) => simulate(place, days, now())
}

export function simulate(place: Place, days: number, now: Date): WeatherReport {
  const wall = wallTimeAt(now.getTime(), place.timezone)
  const today = Math.floor(wall / dayLength)
  const hour = Math.floor((wall % dayLength) / hourLength)
  const { mean, swing, description } = climateOf(place, today)
  return {
    // Warmest at three in the afternoon, coldest twelve hours earlier.
    celsius: tenths(mean + swing * Math.cos(((hour - 15) / 24) * 2 * Math.PI)),
    description,
    days: Array.from({ length: days }, (_, ahead) => dayOf(place, today + ahead)),
    source: 'simulated',
  }
}

function dayOf(place: Place, day: number): DayForecast {
  const { mean, swing, description } = climateOf(place, day)
  return {
    date: isoOf(day * dayLength).slice(0, 10),
    minCelsius: tenths(mean - swing),
    maxCelsius: tenths(mean + swing),
    description,
  }
}

function climateOf(place: Place, day: number): { mean: number; swing: number; description: string } {
  const distance = Math.abs(place.latitude)
  // Rough fits to the climates at sea level: 27 °C at the equator, 4 °C at 60°; hardly a season in the tropics,
  // 12 °C either way at 60°, warmest in the middle of July, or of January in the south.
  const yearly = 27 - 0.0064 * distance ** 2
  const season = Math.min(14, 0.2 * distance) * Math.cos(((day - 196) / 365.2425) * 2 * Math.PI)
  // Three days share one weather pattern, so that one day follows from the other; patterns pass more often far from the
  // tropics.
  const three = noise(place, day - 1) + noise(place, day) + noise(place, day + 1)
  const passing = (three - 1.5) * (1.5 + distance / 15)
  const mean = yearly + (place.latitude < 0 ? -season : season) + passing
  const swing = 2.5 + 2.5 * noise(place, day + 0.5)
  return { mean, swing, description: describeWeather(codeOf(noise(place, day + 0.25), mean)) }
}

/** About six days of ten are dry. */
function codeOf(chance: number, mean: number): number {
  if (chance < 0.2) return 0
  if (chance < 0.35) return 1
  if (chance < 0.5) return 2
  if (chance < 0.65) return 3
  if (mean < 0) return chance < 0.85 ? 71 : 73
  if (chance < 0.85) return 61
  return chance > 0.95 && mean > 18 ? 95 : 63
}

/** A number from 0 to 1 that looks random but depends only on this place and this day (FNV-1a, mixed once more). */
function noise(place: Place, day: number): number {
  let hash = 0x811c9dc5
  for (const letter of `${place.latitude},${place.longitude},${day}`)
    hash = Math.imul(hash ^ letter.charCodeAt(0), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return ((hash ^ (hash >>> 13)) >>> 0) / 2 ** 32
}

function tenths(celsius: number): number {
  return Math.round(celsius * 10) / 10
}
