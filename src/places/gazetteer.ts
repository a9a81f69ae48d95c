import { readFileSync } from 'node:fs'
import type { Place } from './place.js'

/** The first line of the file, as `scripts/build-gazetteer.mjs` writes it. */
interface Head {
  readonly countries: Readonly<Record<string, string>>
  /** By country and GeoNames code, such as `US.TX`. */
  readonly regions: Readonly<Record<string, string>>
  /** Folded name or code → the countries and regions it may mean: `ca` is California and Canada. */
  readonly areas: Readonly<Record<string, readonly string[]>>
  /** Full names of the most populous places of each area. */
  readonly largest: Readonly<Record<string, readonly string[]>>
  readonly zones: readonly string[]
}

/** A place with its folded name and areas. */
export interface Entry {
  readonly key: string
  readonly place: Place
  /** The areas it lies in: its country, and its region where that is known. */
  readonly areas: readonly string[]
}

const newline = 10
const tab = 9

/**
 * One text file, a row per spelling of a place, sorted by folded name and then by population. It is
 * searched as it lies in memory, so that loading costs no more than reading it.
 */
export class Gazetteer {
  readonly #bytes: Buffer
  readonly #firstRow: number
  readonly #head: Head

  constructor(bytes: Buffer) {
    this.#bytes = bytes
    this.#firstRow = bytes.indexOf(newline) + 1
    this.#head = JSON.parse(bytes.toString('utf8', 0, this.#firstRow)) as Head
  }

  get zones(): readonly string[] {
    return this.#head.zones
  }

  /** Countries and regions of this folded name or code; none when it is not one. */
  areasNamed(key: string): readonly string[] {
    return Object.hasOwn(this.#head.areas, key) ? (this.#head.areas[key] ?? []) : []
  }

  largestIn(area: string): readonly string[] {
    return this.#head.largest[area] ?? []
  }

  /** Every place of this folded name, the most populous first. */
  named(key: string): Entry[] {
    const wanted = Buffer.from(`${key}\t`)
    const found: Entry[] = []
    for (let row = this.#rowFrom(wanted); row < this.#bytes.length; row = this.#rowAfter(row)) {
      if (this.#compare(row, wanted) !== 0) break
      found.push(this.#entry(row))
    }
    return found
  }

  /** Every row whose folded name, as bytes from `start` to `end` of `bytes`, passes `wanted`. */
  *rowsWhere(wanted: (bytes: Buffer, start: number, end: number) => boolean): Generator<Entry> {
    for (let row = this.#firstRow; row < this.#bytes.length; row = this.#rowAfter(row))
      if (wanted(this.#bytes, row, this.#bytes.indexOf(tab, row))) yield this.#entry(row)
  }

  #compare(row: number, wanted: Buffer): number {
    return this.#bytes.compare(
      wanted,
      0,
      wanted.length,
      row,
      Math.min(row + wanted.length, this.#bytes.length),
    )
  }

  #rowFrom(wanted: Buffer): number {
    let low = this.#firstRow
    let high = this.#bytes.length
    while (low < high) {
      const row = this.#bytes.lastIndexOf(newline, Math.floor((low + high - 1) / 2) - 1) + 1
      if (this.#compare(row, wanted) < 0) low = this.#rowAfter(row)
      else high = row
    }
    return low
  }

  #rowAfter(row: number): number {
    return this.#bytes.indexOf(newline, row) + 1
  }

  #entry(row: number): Entry {
    const [key, city, country, region, latitude, longitude, zone, population] = this.#bytes
      .toString('utf8', row, this.#bytes.indexOf(newline, row))
      .split('\t') as [string, string, string, string, string, string, string, string]
    const regionName = this.#head.regions[`${country}.${region}`]
    const place = Object.freeze({
      city,
      country: this.#head.countries[country] ?? country,
      countryCode: country,
      ...(regionName === undefined ? {} : { region: regionName }),
      latitude: Number(latitude),
      longitude: Number(longitude),
      timezone: this.#head.zones[Number(zone)] ?? 'UTC',
      population: Number(population),
    })
    return { key, place, areas: [country, `${country}.${region}`] }
  }
}

let loaded: Gazetteer | undefined

/** The gazetteer of this package, read once. Call it at startup to make the first lookup as fast as the others. */
export function loadGazetteer(): Gazetteer {
  loaded ??= new Gazetteer(readFileSync(new URL('../../generated/places.tsv', import.meta.url)))
  return loaded
}
