import { z } from 'zod'
import { type ForecastPart, weekdays } from './plan.js'

const forecast = z.object({
  city: z.string(),
  country: z.string(),
  days: z.array(z.object({ date: z.iso.date(), min: z.number(), max: z.number(), description: z.string() })),
  source: z.string(),
})

/** A sentence on the requested days; undefined when the result is not one of our forecasts or lacks those days. */
export function forecastPart(result: unknown, only: ForecastPart, unit: 'C' | 'F'): string | undefined {
  const { data } = forecast.safeParse(result)
  const days = data?.days.filter(({ date }, index) => isMeant(date, index, only)) ?? []
  if (!data || days.length === 0) return undefined
  const told = days.map(
    ({ date, min, max, description }) => `${dayName(date)} ${min} to ${max} °${unit}, ${description}`,
  )
  const origin = data.source === 'simulated' ? ' (simulated, not measured)' : ''
  return `${data.city}, ${data.country}: ${told.join('; ')}${origin}.`
}

function isMeant(date: string, index: number, only: ForecastPart): boolean {
  if (typeof only === 'number') return index === only
  const weekday = weekdays[new Date(date).getUTCDay()]
  return only === 'weekend' ? weekday === 'saturday' || weekday === 'sunday' : weekday === only
}

function dayName(date: string): string {
  return new Intl.DateTimeFormat('en-GB', {
    weekday: 'long',
    day: 'numeric',
    month: 'long',
    timeZone: 'UTC',
  }).format(new Date(date))
}
