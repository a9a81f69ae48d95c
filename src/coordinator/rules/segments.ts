import type { ClockTime } from './clock.js'
import type { Cue, Topic } from './cues.js'
import type { Mention } from './mentions.js'

/** What the rules recognize at one position of a question. */
export type QuestionPart =
  | { readonly kind: 'cue'; readonly at: number; readonly cue: Cue }
  | { readonly kind: 'place'; readonly at: number; readonly place: Mention }
  | { readonly kind: 'clock'; readonly at: number; readonly clock: ClockTime }

/** A stretch of a question in which every topic is asked of every place. */
export interface Segment {
  readonly topics: readonly Topic[]
  readonly places: readonly Mention[]
  /** Words that say which days and which unit. */
  readonly details: readonly Cue[]
  readonly clock: ClockTime | undefined
  /** Where the time is asked for. */
  readonly timeAt: readonly number[]
}

/** Cuts a question into segments: "weather and time in Paris and Lima, forecast for Oslo" are two. */
export function segmentsOf(parts: readonly QuestionPart[]): Segment[] {
  const conversion = conversionIn(parts)
  if (!conversion) return plainSegments(parts)
  const [start, end] = conversion
  // A conversion's places are its own: "15:00 in Oslo" says nothing of where the weather is asked for.
  return [
    ...plainSegments(parts.slice(0, start)),
    { ...segment(parts.slice(start, end)), topics: ['convert'] },
    ...segmentsOf(parts.slice(end)),
  ]
}

const topicOf = (part: QuestionPart | undefined): Topic | undefined =>
  part?.kind === 'cue' && part.cue.kind === 'topic' ? part.cue.topic : undefined

const aboutTime = (part: QuestionPart | undefined): boolean =>
  part?.kind !== 'cue' || ['time', 'convert', undefined].includes(topicOf(part))

/**
 * The stretch of parts that makes a conversion: "convert …", a time of day with a question for the time, or a time of
 * day with two places. It ends where another topic, or another time of day, begins.
 */
function conversionIn(parts: readonly QuestionPart[]): readonly [start: number, end: number] | undefined {
  const verb = parts.findIndex((part) => topicOf(part) === 'convert')
  const clock = parts.findIndex((part) => part.kind === 'clock')
  const anchor = clock >= 0 ? clock : verb
  if (anchor < 0) return undefined
  const next = parts.findIndex(
    (part, index) => index > anchor && (!aboutTime(part) || isNextClock(part, parts.slice(anchor, index))),
  )
  const end = next < 0 ? parts.length : next
  const asked = parts.slice(0, anchor).findLastIndex((part) => topicOf(part) !== undefined)
  const placesAfter = placeCount(parts.slice(anchor, end))
  if (verb >= 0) return [Math.min(verb, anchor), end]
  if (asked >= 0 && aboutTime(parts[asked])) return [asked, end]
  if (placesAfter > 1) return [anchor, end]
  const asksLater = parts.slice(anchor, end).some((part) => topicOf(part) === 'time')
  return asked < 0 && (asksLater || placeCount(parts) > 1) ? [0, end] : undefined
}

/** "15:00 from Oslo to Tokyo and 16:00 from Lima to Rome" is two conversions. */
const isNextClock = (part: QuestionPart, before: readonly QuestionPart[]): boolean =>
  part.kind === 'clock' && placeCount(before) > 0

const placeCount = (parts: readonly QuestionPart[]): number =>
  parts.filter((part) => part.kind === 'place').length

/**
 * Topics first ("weather in Paris, time in Lima"): a segment ends after its places. Places first ("Tokyo time and
 * Lima weather", "In Tokyo, what's the weather and the time?"): it ends after its topics.
 */
function plainSegments(parts: readonly QuestionPart[]): Segment[] {
  const leading = parts.find((part) => part.kind === 'place' || topicOf(part) !== undefined)
  const placesFirst = leading?.kind === 'place'
  const cuts = parts.flatMap((part, index) => {
    const previous = parts.slice(0, index).findLast((other) => other.kind === 'place' || topicOf(other))
    const opens = placesFirst
      ? part.kind === 'place' && previous && previous.kind !== 'place'
      : topicOf(part) !== undefined && previous?.kind === 'place'
    return opens ? [index] : []
  })
  const bounds = [0, ...cuts, parts.length]
  return inheriting(stealing(bounds.slice(1).map((end, index) => segment(parts.slice(bounds[index], end)))))
}

/** "In Paris, what's the weather and the time in Lima?": the last place takes the topic just before it. */
function stealing(segments: readonly Segment[]): Segment[] {
  const last = segments.at(-1)
  const before = segments.at(-2)
  if (!last || !before || last.topics.length > 0 || before.topics.length === 0) return [...segments]
  const topic = before.topics.slice(-1)
  const kept = before.topics.length > 1 ? before.topics.slice(0, -1) : before.topics
  return [...segments.slice(0, -2), { ...before, topics: kept }, { ...last, topics: topic }]
}

/** "…in Paris, and what time is it?": topics without a place of their own are asked of the places before. */
function inheriting(segments: readonly Segment[]): Segment[] {
  let places: readonly Mention[] = []
  return segments.map((each) => {
    if (each.places.length > 0) places = each.places
    return { ...each, places }
  })
}

function segment(parts: readonly QuestionPart[]): Segment {
  const topics = parts.map(topicOf).filter((topic) => topic !== undefined)
  return {
    topics: [...new Set(topics)],
    places: parts.flatMap((part) => (part.kind === 'place' ? [part.place] : [])),
    details: parts.flatMap((part) => (part.kind === 'cue' && part.cue.kind !== 'topic' ? [part.cue] : [])),
    clock: parts.find((part) => part.kind === 'clock')?.clock,
    timeAt: parts.filter((part) => topicOf(part) === 'time').map(({ at }) => at),
  }
}
