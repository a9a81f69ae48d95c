import type { ClockTime } from './clock.js'
import type { Cue, Topic } from './intents.js'
import type { Mention } from './mentions.js'

export type Event =
  | { readonly kind: 'cue'; readonly at: number; readonly cue: Cue }
  | { readonly kind: 'place'; readonly at: number; readonly place: Mention }
  | { readonly kind: 'clock'; readonly at: number; readonly clock: ClockTime }

/** A part of a question in which every topic is asked of every place. */
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
export function segmentsOf(events: readonly Event[]): Segment[] {
  const conversion = conversionIn(events)
  if (!conversion) return plainSegments(events)
  const [start, end] = conversion
  // A conversion's places are its own: "15:00 in Oslo" says nothing of where the weather is asked for.
  return [
    ...plainSegments(events.slice(0, start)),
    { ...segment(events.slice(start, end)), topics: ['convert'] },
    ...segmentsOf(events.slice(end)),
  ]
}

const topicOf = (event: Event | undefined): Topic | undefined =>
  event?.kind === 'cue' && event.cue.kind === 'topic' ? event.cue.topic : undefined

const aboutTime = (event: Event | undefined): boolean =>
  event?.kind !== 'cue' || ['time', 'convert', undefined].includes(topicOf(event))

/**
 * The stretch of events that makes a conversion: "convert …", a time of day with a question for the time, or a time of
 * day with two places. It ends where another topic, or another time of day, begins.
 */
function conversionIn(events: readonly Event[]): readonly [start: number, end: number] | undefined {
  const verb = events.findIndex((event) => topicOf(event) === 'convert')
  const clock = events.findIndex((event) => event.kind === 'clock')
  const anchor = clock >= 0 ? clock : verb
  if (anchor < 0) return undefined
  const next = events.findIndex(
    (event, index) =>
      index > anchor && (!aboutTime(event) || isNextClock(event, events.slice(anchor, index))),
  )
  const end = next < 0 ? events.length : next
  const asked = events.slice(0, anchor).findLastIndex((event) => topicOf(event) !== undefined)
  const placesAfter = placeCount(events.slice(anchor, end))
  if (verb >= 0) return [Math.min(verb, anchor), end]
  if (asked >= 0 && aboutTime(events[asked])) return [asked, end]
  if (placesAfter > 1) return [anchor, end]
  const asksLater = events.slice(anchor, end).some((event) => topicOf(event) === 'time')
  return asked < 0 && (asksLater || placeCount(events) > 1) ? [0, end] : undefined
}

/** "15:00 from Oslo to Tokyo and 16:00 from Lima to Rome" is two conversions. */
const isNextClock = (event: Event, before: readonly Event[]): boolean =>
  event.kind === 'clock' && placeCount(before) > 0

const placeCount = (events: readonly Event[]): number =>
  events.filter((event) => event.kind === 'place').length

/**
 * Topics first ("weather in Paris, time in Lima"): a segment ends after its places. Places first ("Tokyo time and
 * Lima weather", "In Tokyo, what's the weather and the time?"): it ends after its topics.
 */
function plainSegments(events: readonly Event[]): Segment[] {
  const leading = events.find((event) => event.kind === 'place' || topicOf(event) !== undefined)
  const placesFirst = leading?.kind === 'place'
  const cuts = events.flatMap((event, index) => {
    const previous = events.slice(0, index).findLast((other) => other.kind === 'place' || topicOf(other))
    const opens = placesFirst
      ? event.kind === 'place' && previous && previous.kind !== 'place'
      : topicOf(event) !== undefined && previous?.kind === 'place'
    return opens ? [index] : []
  })
  const bounds = [0, ...cuts, events.length]
  return inheriting(stealing(bounds.slice(1).map((end, index) => segment(events.slice(bounds[index], end)))))
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

function segment(events: readonly Event[]): Segment {
  const topics = events.map(topicOf).filter((topic) => topic !== undefined)
  return {
    topics: [...new Set(topics)],
    places: events.flatMap((event) => (event.kind === 'place' ? [event.place] : [])),
    details: events.flatMap((event) =>
      event.kind === 'cue' && event.cue.kind !== 'topic' ? [event.cue] : [],
    ),
    clock: events.find((event) => event.kind === 'clock')?.clock,
    timeAt: events.filter((event) => topicOf(event) === 'time').map(({ at }) => at),
  }
}
