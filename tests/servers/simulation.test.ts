import fc from 'fast-check'
import { expect, it } from 'vitest'
import { findPlace, type Place } from '../../src/places/index.js'
import { simulate } from '../../src/servers/weather/simulation.js'

function city(name: string): Place {
  const { place } = findPlace(name)
  if (!place) throw new TypeError(`no city ${name}`)
  return place
}

const day = 86_400_000

/** The mean of the daily means over a month from that date. */
function monthOf(name: string, date: string): number {
  const means = Array.from({ length: 30 }, (_, index) => {
    const [today] = simulate(city(name), 1, new Date(Date.parse(date) + index * day)).days
    return today ? (today.minCelsius + today.maxCelsius) / 2 : Number.NaN
  })
  return means.reduce((sum, mean) => sum + mean, 0) / means.length
}

it('is the same for the same place and hour, and another elsewhere', () => {
  const at = new Date('2026-11-20T17:05:00Z')
  expect(simulate(city('Oslo'), 7, at)).toEqual(simulate(city('Oslo'), 7, new Date('2026-11-20T17:55:00Z')))
  expect(simulate(city('Oslo'), 7, at)).not.toEqual(simulate(city('Bergen'), 7, at))
})

it('has the seasons of the hemisphere, and hardly any in the tropics', () => {
  expect(monthOf('Oslo', '2026-07-01')).toBeGreaterThan(monthOf('Oslo', '2026-01-01') + 15)
  expect(monthOf('Adelaide', '2026-01-01')).toBeGreaterThan(monthOf('Adelaide', '2026-07-01') + 8)
  expect(Math.abs(monthOf('Singapore', '2026-01-01') - monthOf('Singapore', '2026-07-01'))).toBeLessThan(3)
  expect(monthOf('Singapore', '2026-01-01')).toBeGreaterThan(24)
})

it('is warmer in the afternoon than before dawn, by the clock of the place', () => {
  for (const [name, afternoon, dawn] of [
    ['Tokyo', '2026-05-01T06:00:00Z', '2026-04-30T18:00:00Z'],
    ['Lima', '2026-05-01T20:00:00Z', '2026-05-01T08:00:00Z'],
  ] as const) {
    const place = city(name)
    expect(simulate(place, 1, new Date(afternoon)).celsius).toBeGreaterThan(
      simulate(place, 1, new Date(dawn)).celsius,
    )
  }
})

it('tells tomorrow today as it will be told tomorrow', () => {
  const today = simulate(city('Lima'), 3, new Date('2026-11-20T17:00:00Z'))
  const tomorrow = simulate(city('Lima'), 2, new Date('2026-11-21T17:00:00Z'))
  expect(today.days.slice(1)).toEqual(tomorrow.days)
})

it('stays within its day and within what the earth knows, and has no snow in the heat', () => {
  const latitude = fc.double({ min: -90, max: 90, noNaN: true })
  const instant = fc.integer({ min: 0, max: Date.UTC(2100, 0) })
  fc.assert(
    fc.property(latitude, instant, (latitude, at) => {
      const report = simulate({ ...city('Accra'), latitude }, 7, new Date(at))
      expect(report.days[0]?.minCelsius).toBeLessThanOrEqual(report.celsius)
      expect(report.days[0]?.maxCelsius).toBeGreaterThanOrEqual(report.celsius)
      for (const { minCelsius, maxCelsius, description } of report.days) {
        expect(minCelsius).toBeGreaterThan(-70)
        expect(maxCelsius).toBeLessThan(50)
        if (description.includes('snow')) expect(minCelsius).toBeLessThan(0)
      }
    }),
  )
})
