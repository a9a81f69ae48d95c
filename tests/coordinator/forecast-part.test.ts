import { expect, it } from 'vitest'
import { forecastPart } from '../../src/coordinator/forecast-part.js'

// 2026-11-20 is a Friday.
const days = Array.from({ length: 7 }, (_, index) => ({
  date: `2026-11-${20 + index}`,
  min: index,
  max: index + 5,
  description: 'rain',
}))
const oslo = { city: 'Oslo', country: 'Norway', days, source: 'open-meteo' }

it('tells only the day that was asked for', () => {
  expect(forecastPart(oslo, 1, 'C')).toBe('Oslo, Norway: Saturday 21 November 1 to 6 °C, rain.')
  expect(forecastPart(oslo, 'monday', 'F')).toBe('Oslo, Norway: Monday 23 November 3 to 8 °F, rain.')
})

it('tells both days of the weekend', () => {
  expect(forecastPart(oslo, 'weekend', 'C')).toMatch(/Saturday 21 November .*; Sunday 22 November/)
})

it('says that the weather is simulated', () => {
  expect(forecastPart({ ...oslo, source: 'simulated' }, 1, 'C')).toMatch(/\(simulated, not measured\)\.$/)
})

it('leaves the answer to the tool when the day is missing or the result is another', () => {
  expect(forecastPart({ ...oslo, days: days.slice(0, 1) }, 1, 'C')).toBeUndefined()
  expect(forecastPart({ forecast: 'rain' }, 1, 'C')).toBeUndefined()
})
