import type { Place } from '../../places/index.js'

export interface DayForecast {
  /** The place's own date, `2026-11-20`. */
  readonly date: string
  readonly minCelsius: number
  readonly maxCelsius: number
  readonly description: string
}

export interface WeatherReport {
  readonly celsius: number
  readonly description: string
  readonly days: readonly DayForecast[]
  readonly source: 'open-meteo' | 'simulated'
}

/** The weather now and on the next `days` days, today included. */
export type WeatherProvider = (place: Place, days: number) => Promise<WeatherReport>
