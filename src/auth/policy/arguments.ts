import { folded } from '../../text/folded.js'

/** The arguments of a call as conditions see them. */
export interface ArgumentsView {
  /** Objects are maps, so that no key of a caller is a property of ours (`__proto__`, `constructor`). */
  readonly value: unknown
  /**
   * A list or map has more elements than conditions look at, or they are nested too deeply; or a number is larger than any: it is read as
   * infinite, and goes on as `null`.
   */
  readonly isTooLarge: boolean
  /** Two keys of a map differ in case alone: a tool may read the other one (Go takes keys in any case). */
  readonly isAmbiguous: boolean
  /** The number of elements of its largest list or map. */
  readonly longest: number
  /** Elements and characters, all together. */
  readonly weight: number
}

/**
 * The library makes a type of what the first entry of a map holds, and keeps it for ever; by nesting maps and lists, a caller could
 * have it make 2³² of them. This map does not show its first entry in that way.
 */
class ArgumentsMap extends Map<string, unknown> {
  static {
    // What tells maps from other objects there.
    Object.defineProperty(ArgumentsMap.prototype, 'constructor', { value: Map })
  }

  override entries(): MapIterator<[string, unknown]> {
    return new Map<string, unknown>().entries()
  }
}

const mostElements = 10_000
const deepest = 32

/** Pure. What is too large is not looked at any further. */
export function argumentsView(raw: unknown): ArgumentsView {
  let [longest, weight, isTooLarge, isAmbiguous] = [0, 0, false, false]
  const count = (elements: number, depth: number): boolean => {
    longest = Math.max(longest, elements)
    weight += elements
    isTooLarge ||= elements > mostElements || depth > deepest
    return !isTooLarge
  }
  const view = (value: unknown, depth: number): unknown => {
    if (typeof value === 'string') weight += value.length
    if (typeof value === 'number') isTooLarge ||= !Number.isFinite(value)
    if (typeof value !== 'object' || value === null) return value ?? null
    if (Array.isArray(value))
      return count(value.length, depth) ? value.map((item) => view(item, depth + 1)) : []
    const map = new ArgumentsMap()
    const keys = Object.keys(value)
    if (!count(keys.length, depth)) return map
    isAmbiguous ||= new Set(keys.map(folded)).size < keys.length
    for (const key of keys) {
      weight += key.length
      map.set(key, view((value as Record<string, unknown>)[key], depth + 1))
    }
    return map
  }
  const value = raw === undefined ? new ArgumentsMap() : view(raw, 0)
  return { value, isTooLarge, isAmbiguous, longest, weight }
}
