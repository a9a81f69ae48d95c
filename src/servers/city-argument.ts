import { z } from 'zod'
import { findPlace, type Place } from '../places/index.js'
import { printable, Unanswerable } from './tool-answer.js'

/** A short text of one line. The pattern is plain enough for every JSON Schema validator. */
export function lineOfText(description: string) {
  return z
    .string()
    .min(1)
    .max(100)
    .regex(/^\P{Cc}*$/u, 'must not contain control characters')
    .describe(description)
}

export const cityArgument = lineOfText(
  'A city: "Oslo", "Paris, Texas", "Cologne, Germany"; accents and case do not matter',
)

/** The place of that name; throws `Unanswerable` with near matches when there is none. */
export function placeOf(city: string): Place {
  const found = findPlace(city)
  if (found.place) return found.place
  throw new Unanswerable(unknownCity(city, found.near))
}

export function unknownCity(city: string, near: readonly string[]): string {
  const unknown = `Unknown city "${printable(city)}".`
  if (near.length === 0) return `${unknown} Nothing known is spelled like it.`
  return `${unknown} Did you mean ${new Intl.ListFormat('en', { type: 'disjunction' }).format(near)}?`
}
