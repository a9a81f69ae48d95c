import { expect, it } from 'vitest'
import { fold } from '../../src/places/fold.js'
import { Gazetteer, loadGazetteer } from '../../src/places/gazetteer.js'

const head = { countries: { XX: 'Exland' }, regions: {}, areas: { xx: ['XX'] }, largest: {}, zones: ['UTC'] }
const names = ['a', 'ab', 'ab c', 'b', 'b', 'z']
const rows = names.map((name, index) => `${name}\tN${index}\tXX\t01\t1.5\t-2\t0\t${9 - index}\n`)
const small = new Gazetteer(Buffer.from(`${JSON.stringify(head)}\n${rows.join('')}`))

it('finds each name from the first row to the last, and none that is only near', () => {
  expect(small.named('a').map((entry) => entry.place.city)).toEqual(['N0'])
  expect(small.named('ab').map((entry) => entry.place.city)).toEqual(['N1'])
  expect(small.named('ab c').map((entry) => entry.place.city)).toEqual(['N2'])
  expect(small.named('b').map((entry) => entry.place.city)).toEqual(['N3', 'N4'])
  expect(small.named('z').map((entry) => entry.place.city)).toEqual(['N5'])
  for (const name of ['', 'aa', 'c', 'zz', 'ä']) expect(small.named(name)).toEqual([])
})

it('reads the facts of a row', () => {
  expect(small.named('z')[0]?.place).toEqual({
    city: 'N5',
    country: 'Exland',
    countryCode: 'XX',
    latitude: 1.5,
    longitude: -2,
    timezone: 'UTC',
    population: 4,
  })
})

it('holds in the built file only sane places, each found under its own name, with zones this runtime knows', () => {
  const gazetteer = loadGazetteer()
  for (const zone of gazetteer.zones)
    expect(() => new Intl.DateTimeFormat('en', { timeZone: zone })).not.toThrow()
  let count = 0
  for (const { key, place } of gazetteer.rowsWhere(() => true)) {
    if (++count % 500 !== 0) continue
    expect(Math.abs(place.latitude)).toBeLessThanOrEqual(90)
    expect(Math.abs(place.longitude)).toBeLessThanOrEqual(180)
    expect(place.country.length).toBeGreaterThan(2)
    expect(key).toBe(fold(key))
    expect(gazetteer.named(key).map((entry) => entry.place)).toContainEqual(place)
  }
  expect(count).toBeGreaterThan(100_000)
})
