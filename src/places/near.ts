import { editDistance } from './edit-distance.js'
import { type Entry, loadGazetteer } from './gazetteer.js'
import { placeLabel } from './place.js'

/** One way to read a text: a folded city name, and for each word behind it the areas it allows. */
export interface Reading {
  readonly city: string
  readonly within: readonly (readonly string[])[]
}

export function isWithin(entry: Entry, reading: Reading): boolean {
  return reading.within.every((areas) => areas.some((area) => entry.areas.includes(area)))
}

/** Up to three full names of places spelled nearly like one of the readings: the nearest, then the most populous. */
export function nearMatches(readings: readonly Reading[]): string[] {
  const targets = readings.map((reading) => ({ reading, name: Buffer.from(reading.city) }))
  const rows = loadGazetteer().rowsWhere((row, start, end) =>
    targets.some(({ name }) => unlikeness(name, row, start, end) < Infinity),
  )
  const matches: { label: string; unlikeness: number; population: number }[] = []
  for (const entry of rows) {
    const key = Buffer.from(entry.key)
    // Of two readings equally near, the earlier counts: its area was asked for.
    const least = targets.map(({ reading, name }, index) =>
      isWithin(entry, reading) ? unlikeness(name, key, 0, key.length) + index / 100 : Infinity,
    )
    const { place } = entry
    matches.push({ label: placeLabel(place), unlikeness: Math.min(...least), population: place.population })
  }
  matches.sort((a, b) => a.unlikeness - b.unlikeness || b.population - a.population)
  const near = matches.filter((match) => match.unlikeness < Infinity).map((match) => match.label)
  return [...new Set(near)].slice(0, 3)
}

/** 0 for the same name, more for every difference, Infinity when the names are too different to be confused. */
function unlikeness(name: Buffer, row: Buffer, start: number, end: number): number {
  const limit = name.length <= 4 ? 1 : name.length <= 8 ? 2 : 3
  if (!startsAlike(name, row, start)) return Infinity
  if (startsWithWords(name, row, start, end)) return 1
  const distance = editDistance(name, row, start, end, limit)
  return distance <= limit ? distance : Infinity
}

// One slip at the start leaves one of the first two letters there or next to it. This check skips two names of three.
function startsAlike(name: Buffer, row: Buffer, start: number): boolean {
  const first = row[start]
  const next = row[start + 1]
  return first === name[0] || first === name[1] || next === name[0] || next === name[1]
}

/** Whether the row's name is this one and more words: "Frankfurt" and "Frankfurt am Main". */
function startsWithWords(name: Buffer, row: Buffer, start: number, end: number): boolean {
  const behind = start + name.length
  return behind < end && row[behind] === 32 && row.compare(name, 0, name.length, start, behind) === 0
}
