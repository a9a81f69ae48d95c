import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  instantAfterSkip,
  instantsOf,
  isoOf,
  isTimeZone,
  offsetAt,
  utcOffsetOf,
  wallTimeAt,
} from '../../src/servers/local-time.js'

const zones = fc.constantFrom(
  'Europe/Oslo',
  'America/New_York',
  'America/St_Johns',
  'Australia/Lord_Howe',
  'Asia/Kathmandu',
  'Africa/Casablanca',
  'Pacific/Apia',
  'Pacific/Kiritimati',
  'America/Santiago',
  'Antarctica/Troll',
)
const instants = fc
  .integer({ min: Date.UTC(1975, 0) / 1000, max: Date.UTC(2040, 0) / 1000 })
  .map((at) => at * 1000)

/** What the platform itself shows, by another way than the code under test. */
function shown(instant: number, zone: string): string {
  return new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' })
    .format(instant)
    .replace(' ', 'T')
}

describe('wall time', () => {
  it('is what the platform shows', () => {
    fc.assert(
      fc.property(instants, zones, (instant, zone) => {
        expect(isoOf(wallTimeAt(instant, zone))).toBe(shown(instant, zone))
      }),
    )
  })

  it('leads back to its instant', () => {
    fc.assert(
      fc.property(instants, zones, (instant, zone) => {
        expect(instantsOf(wallTimeAt(instant, zone), zone)).toContain(instant)
      }),
    )
  })

  it('has every instant at which clocks show it, and no other, around changes of the clocks', () => {
    const changes = fc.constantFrom(
      ['Europe/Oslo', '2026-03-29T02:00Z'],
      ['Europe/Oslo', '2026-10-25T02:00Z'],
      ['America/New_York', '2026-11-01T01:00Z'],
      ['Australia/Lord_Howe', '2026-04-05T01:45Z'],
      ['Africa/Casablanca', '2026-02-15T02:00Z'],
      ['Pacific/Apia', '2011-12-30T00:00Z'],
      ['Antarctica/Troll', '2026-03-29T02:00Z'],
    )
    fc.assert(
      fc.property(changes, fc.integer({ min: -36, max: 36 }), ([zone = '', change = ''], steps) => {
        const quarter = 900_000
        const wall = Date.parse(change) + (steps * quarter) / 3
        const found: number[] = []
        for (let instant = wall - 60 * quarter; instant <= wall + 60 * quarter; instant += quarter)
          if (wallTimeAt(instant, zone) === wall) found.push(instant)
        expect(instantsOf(wall, zone)).toEqual(found)
      }),
    )
  })

  it.each([
    ['2026-03-29T02:30:00', 'Europe/Oslo', '2026-03-29T03:30:00'],
    ['2026-10-04T02:15:00', 'Australia/Lord_Howe', '2026-10-04T02:45:00'],
    ['2011-12-30T12:00:00', 'Pacific/Apia', '2011-12-31T12:00:00'],
  ])('%s is skipped in %s and becomes %s', (skipped, zone, after) => {
    const wall = Date.parse(`${skipped}Z`)
    expect(instantsOf(wall, zone)).toEqual([])
    expect(isoOf(wallTimeAt(instantAfterSkip(wall, zone), zone))).toBe(after)
  })

  it('happens twice when clocks are turned back, by half an hour too', () => {
    expect(instantsOf(Date.parse('2026-11-01T01:30:00Z'), 'America/New_York')).toHaveLength(2)
    const [first = 0, second = 0] = instantsOf(Date.parse('2026-04-05T01:45:00Z'), 'Australia/Lord_Howe')
    expect(second - first).toBe(1_800_000)
  })
})

it.each([
  ['Asia/Kathmandu', '2026-01-01', '+05:45'],
  ['America/St_Johns', '2026-01-01', '-03:30'],
  ['UTC', '2026-01-01', '+00:00'],
  ['Africa/Monrovia', '1970-01-01', '-00:44:30'],
])('writes the offset of %s in %s as %s', (zone, date, offset) => {
  expect(utcOffsetOf(offsetAt(Date.parse(date), zone))).toBe(offset)
})

it('knows a time zone in any case, and takes nothing else for one', () => {
  for (const zone of ['Europe/Oslo', 'EUROPE/OSLO', 'UTC', 'Etc/GMT+5']) expect(isTimeZone(zone)).toBe(true)
  for (const zone of ['Europe/Nowhere', '+05:30', '', 'constructor']) expect(isTimeZone(zone)).toBe(false)
})
