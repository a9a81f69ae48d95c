import { fold } from './fold.js'
import { type Entry, loadGazetteer } from './gazetteer.js'
import { isWithin, nearMatches, type Reading } from './near.js'
import type { Place } from './place.js'

/** There is no place of that name. `near` holds up to three names, best first, that `findPlace` does find. */
export interface NoPlace {
  readonly place?: never
  readonly near: readonly string[]
}

const longestQuery = 100

// A region's name alone, such as "Delaware", is a city's only when that city is not a village elsewhere.
const cityNamedLikeRegion = 50_000

// Codes of states and countries that are English words: "Salem in" is the start of a sentence, not Salem, Indiana.
const wordsNotCodes = new Set('am an and as at be by do hi id in is it me my no oh ok or so to us'.split(' '))

/**
 * The place a person means by "City", "City, Country", "City, State", "City, State, Country" or "City
 * (Country)", with or without accents and capitals; the most populous when several fit. Never a guess: what
 * is not a place's name gives near matches instead.
 */
export function findPlace(query: string): { readonly place: Place } | NoPlace {
  if (query.length > longestQuery) return { near: [] }
  const place = exactPlace(query)
  return place ? { place } : { near: namesNear(query) }
}

/** Whether the whole text is the name of a place. */
export function isPlace(text: string): boolean {
  return exactPlace(text) !== undefined
}

function exactPlace(text: string): Place | undefined {
  if (text.length > longestQuery) return undefined
  for (const reading of readingsOf(text)) {
    const found = loadGazetteer()
      .named(reading.city)
      .find((entry) => fits(entry, reading))
    if (found) return found.place
  }
  return undefined
}

function namesNear(text: string): readonly string[] {
  const [area] = areasMeant(fold(text))
  if (area) return loadGazetteer().largestIn(area)
  const [city] = partsOf(text)
  return city ? nearMatches([...readingsOf(text), { city, within: [] }]) : []
}

/**
 * The ways to read a text, the likeliest first: all of it is a name, an area follows a comma, or the last words are an
 * area.
 */
function readingsOf(text: string): Reading[] {
  const [city, ...qualifiers] = partsOf(text)
  if (city === undefined) return []
  const whole: Reading = { city: fold(text), within: [] }
  const areas = qualifiers.length > 0 ? [reading(city, qualifiers)] : lastWordsAsArea(text)
  return [whole, ...areas].filter(({ within }) => within.every((areas) => areas.length > 0))
}

function partsOf(text: string): string[] {
  return text
    .split(/[,()]/)
    .map(fold)
    .filter((part) => part !== '')
}

function lastWordsAsArea(text: string): Reading[] {
  const words = fold(text).split(' ')
  if (wordsNotCodes.has(text.trim().split(/\s+/).at(-1) ?? '')) return []
  return words
    .slice(1)
    .map((_, index) => reading(words.slice(0, index + 1).join(' '), [words.slice(index + 1).join(' ')]))
}

function reading(city: string, qualifiers: readonly string[]): Reading {
  return { city, within: qualifiers.map((name) => loadGazetteer().areasNamed(name)) }
}

function fits(entry: Entry, reading: Reading): boolean {
  if (reading.within.length > 0) return isWithin(entry, reading)
  const meant = areasMeant(reading.city)
  if (meant.length === 0 || meant.some((area) => entry.areas.includes(area))) return true
  return meant.every((area) => area.includes('.')) && entry.place.population >= cityNamedLikeRegion
}

/** The countries and states with this name, ignoring codes. */
function areasMeant(key: string): readonly string[] {
  return key.length > 3 ? loadGazetteer().areasNamed(key) : []
}
