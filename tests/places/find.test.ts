import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findPlace, isPlace, placeLabel } from '../../src/places/index.js'

function labelOf(query: string): string | undefined {
  const { place } = findPlace(query)
  return place && placeLabel(place)
}

describe('findPlace', () => {
  it.each([
    ['Kathmandu', 'Kathmandu, Nepal', 'Asia/Kathmandu'],
    ['New Delhi', 'New Delhi, Delhi, India', 'Asia/Kolkata'],
    ['Adelaide', 'Adelaide, South Australia, Australia', 'Australia/Adelaide'],
    ['Oslo', 'Oslo, Norway', 'Europe/Oslo'],
    ['Lima', 'Lima, Peru', 'America/Lima'],
    ['São Paulo', 'São Paulo, Brazil', 'America/Sao_Paulo'],
    ['Sao Paulo', 'São Paulo, Brazil', 'America/Sao_Paulo'],
    ['Zürich', 'Zürich, Switzerland', 'Europe/Zurich'],
    ['ZUERICH', 'Zürich, Switzerland', 'Europe/Zurich'],
    ['Paris', 'Paris, France', 'Europe/Paris'],
    ['Paris, Texas', 'Paris, Texas, United States', 'America/Chicago'],
    ['paris texas', 'Paris, Texas, United States', 'America/Chicago'],
    ['Paris, TX, USA', 'Paris, Texas, United States', 'America/Chicago'],
    ['New York', 'New York City, New York, United States', 'America/New_York'],
    ['New York City', 'New York City, New York, United States', 'America/New_York'],
    ['NYC', 'New York City, New York, United States', 'America/New_York'],
    ['Washington DC', 'Washington, District of Columbia, United States', 'America/New_York'],
    ['Washington, D.C.', 'Washington, District of Columbia, United States', 'America/New_York'],
    ['Springfield, Illinois', 'Springfield, Illinois, United States', 'America/Chicago'],
    ['springfield il', 'Springfield, Illinois, United States', 'America/Chicago'],
    ['Saint Petersburg', 'Saint Petersburg, Russia', 'Europe/Moscow'],
    ['St. Petersburg', 'Saint Petersburg, Russia', 'Europe/Moscow'],
    ['St Petersburg, FL', 'St. Petersburg, Florida, United States', 'America/New_York'],
    ['München', 'Munich, Germany', 'Europe/Berlin'],
    ['Munich', 'Munich, Germany', 'Europe/Berlin'],
    ['Kyiv', 'Kyiv, Ukraine', 'Europe/Kyiv'],
    ['Kiev', 'Kyiv, Ukraine', 'Europe/Kyiv'],
    ['Bangalore', 'Bengaluru, Karnataka, India', 'Asia/Kolkata'],
    ['Cologne', 'Köln, Germany', 'Europe/Berlin'],
    ['Cologne (Germany)', 'Köln, Germany', 'Europe/Berlin'],
    ['Köln, Deutschland', 'Köln, Germany', 'Europe/Berlin'],
    ['London, England', 'London, United Kingdom', 'Europe/London'],
    ['London, UK', 'London, United Kingdom', 'Europe/London'],
    ['London, Ontario', 'London, Ontario, Canada', 'America/Toronto'],
    ['Tokyo, Japan', 'Tokyo, Japan', 'Asia/Tokyo'],
    ['東京', 'Tokyo, Japan', 'Asia/Tokyo'],
    ['Singapore', 'Singapore', 'Asia/Singapore'],
    ['Kuwait', 'Kuwait City, Kuwait', 'Asia/Kuwait'],
    ['Pago Pago', 'Pago Pago, American Samoa', 'Pacific/Pago_Pago'],
    ['Astana', 'Astana, Kazakhstan', 'Asia/Almaty'],
    ["n'djamena", "N'Djamena, Chad", 'Africa/Ndjamena'],
  ])('reads "%s" as %s', (query, label, timezone) => {
    expect(labelOf(query)).toBe(label)
    expect(findPlace(query).place?.timezone).toBe(timezone)
  })

  it('knows where a place lies and how many live there', () => {
    const { place } = findPlace('Paris')
    expect(place).toMatchObject({
      city: 'Paris',
      country: 'France',
      countryCode: 'FR',
      region: 'Île-de-France',
    })
    expect(place?.latitude).toBeCloseTo(48.85, 1)
    expect(place?.longitude).toBeCloseTo(2.35, 1)
    expect(place?.population).toBeGreaterThan(2_000_000)
  })

  it.each([
    ['Pairs', 'Paris, France'],
    ['Oslp', 'Oslo, Norway'],
    ['Kathmandoo', 'Kathmandu, Nepal'],
    ['aKthmandu', 'Kathmandu, Nepal'],
    ['erlin', 'Berlin, Germany'],
    ['Wondon', 'London, United Kingdom'],
    ['Lonodn, UK', 'London, United Kingdom'],
    ['Pariss, Texas', 'Paris, Texas, United States'],
    ['Paris, Japan', 'Paris, France'],
    ['Portland, Multnomah County, Oregon', 'Portland, Oregon, United States'],
  ])('does not guess for "%s" but names %s first among near matches', (query, nearest) => {
    const answer = findPlace(query)
    expect(answer.place).toBeUndefined()
    expect(!answer.place && answer.near[0]).toBe(nearest)
  })

  it.each([
    ['Japan', 'Tokyo, Japan'],
    ['Australia', 'Canberra, Australian Capital Territory, Australia'],
    ['Georgia', 'Tbilisi, Georgia'],
    ['California', 'Los Angeles, California, United States'],
  ])('takes %s for no city and offers cities of it', (query, first) => {
    const answer = findPlace(query)
    expect(!answer.place && answer.near).toHaveLength(3)
    expect(!answer.place && answer.near[0]).toBe(first)
  })

  it.each(['', '   ', '\u0000', '?!', 'Xyzzyqwv', 'x'.repeat(101), 'constructor', '__proto__, toString'])(
    'finds nothing for %j',
    (query) => {
      expect(findPlace(query).place).toBeUndefined()
    },
  )

  it('finds every near match that it offers, under the same name', () => {
    for (const query of ['Pairs', 'Sprinfield', 'Japan', 'Texas', 'San Jsoe', 'Londno, Canada']) {
      const answer = findPlace(query)
      for (const near of answer.place ? [] : answer.near) expect(labelOf(near)).toBe(near)
    }
  })

  it('answers any text without an error, with at most three near matches', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 30 }), (query) => {
        const answer = findPlace(query)
        expect(answer.place ? 0 : answer.near.length).toBeLessThanOrEqual(3)
      }),
      { numRuns: 50 },
    )
  })
})

describe('isPlace', () => {
  it('holds for a whole name only', () => {
    expect(isPlace('tokyo')).toBe(true)
    expect(isPlace('Tokyo please')).toBe(false)
    expect(isPlace('')).toBe(false)
  })

  it('takes the code of a state for an English word where it is written like one', () => {
    expect(isPlace('Salem OR')).toBe(true)
    expect(isPlace('Salem, or')).toBe(true)
    expect(isPlace('Salem or')).toBe(false)
  })
})
