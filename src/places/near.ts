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
  const targets = readings.map((reading) => ({ reading, bytes: Buffer.from(reading.city) }))
  const distanceOf = (target: Buffer, row: Buffer, start: number, end: number) =>
    startsWithWords(target, row, start, end) ? 1 : editDistance(target, row, start, end, allowed(target))
  const matches: { label: string; distance: number; population: number }[] = []
  const rows = loadGazetteer().rowsWhere((row, start, end) =>
    targets.some(({ bytes }) => distanceOf(bytes, row, start, end) <= allowed(bytes)),
  )
  for (const entry of rows) {
    const key = Buffer.from(entry.key)
    const distances = targets
      .filter(({ reading }) => isWithin(entry, reading))
      .map(({ bytes }, index) => distanceOf(bytes, key, 0, key.length) + index / 100)
    const distance = Math.min(...distances)
    if (distance < 4)
      matches.push({ label: placeLabel(entry.place), distance, population: entry.place.population })
  }
  matches.sort((a, b) => a.distance - b.distance || b.population - a.population)
  return [...new Set(matches.map((match) => match.label))].slice(0, 3)
}

function allowed(name: Buffer): number {
  return name.length <= 4 ? 1 : name.length <= 8 ? 2 : 3
}

/** Whether the row's name is the target and more words: "Frankfurt" and "Frankfurt am Main". */
function startsWithWords(target: Buffer, row: Buffer, start: number, end: number): boolean {
  const behind = start + target.length
  return behind < end && row[behind] === 32 && row.compare(target, 0, target.length, start, behind) === 0
}
