import { openMeteoUrl, openMeteoWeather } from './open-meteo.js'
import type { WeatherProvider } from './report.js'
import { simulatedWeather } from './simulation.js'

export interface WeatherOptions {
  /** `auto`: live if Open-Meteo can be reached, otherwise simulated. */
  readonly weatherProvider: 'auto' | 'open-meteo' | 'simulated'
  /** The address of Open-Meteo; https, or http on loopback. */
  readonly openMeteoUrl?: string
  /** Time limit for one request to Open-Meteo; 4000 when absent. */
  readonly weatherTimeoutMs?: number
  readonly fetch?: typeof fetch
}

// How long simulated weather is given without another try: no caller should wait for what just failed.
const pauseAfterFailure = 60_000

export function weatherProvider(options: WeatherOptions, now: () => Date): WeatherProvider {
  const simulated = simulatedWeather(now)
  if (options.weatherProvider === 'simulated') return simulated
  const live = openMeteoWeather({
    baseUrl: options.openMeteoUrl ?? openMeteoUrl,
    fetch: options.fetch ?? fetch,
    timeoutMs: options.weatherTimeoutMs ?? 4000,
  })
  return options.weatherProvider === 'open-meteo' ? live : liveOrSimulated(live, simulated, now)
}

function liveOrSimulated(
  live: WeatherProvider,
  simulated: WeatherProvider,
  now: () => Date,
): WeatherProvider {
  let tryAgainAt = 0
  return async (place, days) => {
    if (now().getTime() < tryAgainAt) return simulated(place, days)
    try {
      return await live(place, days)
    } catch {
      tryAgainAt = now().getTime() + pauseAfterFailure
      return simulated(place, days)
    }
  }
}
