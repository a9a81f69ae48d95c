import type { ForecastPart } from '../plan.js'
import { draftConversion } from './conversion.js'
import type { Cue } from './cues.js'
import { givenCity, type Mention } from './mentions.js'
import type { PlanDraft } from './plan-draft.js'
import type { Segment } from './segments.js'

/** A forecast reaches this many days, today being the first. */
const mostDays = 7
const usualDays = 3

/** Adds the calls that a segment asks for to the draft. `city` is used where it names no place. */
export function draftSegment(segment: Segment, city: string | undefined, draft: PlanDraft): void {
  const asksOnlyForDays = segment.topics.length === 0 && segment.details.some(({ kind }) => kind === 'days')
  for (const topic of asksOnlyForDays ? (['forecast'] as const) : segment.topics) {
    if (topic === 'whoami')
      draft.addCall({ home: 'echo', tool: 'whoami', arguments: {}, purpose: 'who you are' })
    else if (topic === 'echo')
      draft.usage('The question has no text to echo.', 'Write it behind the word: echo hello')
    else if (topic === 'convert') draftConversion(segment, city, draft)
    else for (const place of placesOf(segment, city, draft)) draftTopic(topic, place, segment, draft)
  }
}

function placesOf(segment: Segment, city: string | undefined, draft: PlanDraft): Mention[] {
  const fallback = city === undefined ? [] : [givenCity(city)]
  const places = segment.places.length > 0 ? segment.places : fallback
  if (places.length === 0)
    draft.usage('The question names no city.', 'Name one in the question, or give --city CITY.')
  for (const { known, text } of places) if (!known) draft.unknownPlace(text)
  return places.filter(({ known }) => known)
}

function draftTopic(
  topic: 'weather' | 'forecast' | 'time' | 'date',
  { text, zone }: Mention,
  { details, clock }: Segment,
  draft: PlanDraft,
): void {
  if (topic === 'time' || topic === 'date')
    draft.addCall({
      home: 'datetime',
      tool: 'getDateTime',
      arguments: zone ? { timezone: text } : { city: text },
      purpose: `the ${topic} in ${text}`,
    })
  else if (zone) draft.usage(`${text} is a time zone and has no weather.`, 'Name a city.')
  else {
    draftWeather(topic, text, details, draft)
    if (clock) draft.notice(`I do not know the weather of an hour of the day ("${clock.text}").`)
  }
}

function draftWeather(
  topic: 'weather' | 'forecast',
  city: string,
  details: readonly Cue[],
  draft: PlanDraft,
): void {
  const past = details.find((detail) => detail.kind === 'past')
  if (past)
    return draft.usage(
      `I do not know the weather of the past ("${past.text}").`,
      `Ask for the weather now, or for the next ${mostDays} days.`,
    )
  const unit = details.find((detail) => detail.kind === 'unit')?.unit
  const days = daysAsked(topic, details)
  if (days === undefined)
    return draft.addCall({
      home: 'weather',
      tool: 'getTemperature',
      arguments: { city, ...(unit && { unit }) },
      purpose: `the weather in ${city}`,
    })
  if (typeof days.only === 'number' && days.only >= mostDays)
    return draft.usage(`A forecast reaches ${mostDays} days, today included.`, 'Ask for a nearer day.')
  if (days.count > mostDays)
    draft.notice(`A forecast reaches ${mostDays} days; ${days.count} were asked for.`)
  draft.addCall({
    home: 'weather',
    tool: 'getForecast',
    arguments: { city, days: Math.min(Math.max(days.count, 1), mostDays), ...(unit && { unit }) },
    purpose: `the forecast for ${city}`,
    ...(days.only !== undefined && { only: days.only }),
  })
}

interface Days {
  readonly count: number
  readonly only?: ForecastPart | undefined
}

/** Undefined for the current weather. */
function daysAsked(topic: 'weather' | 'forecast', details: readonly Cue[]): Days | undefined {
  const asked = details.filter((detail) => detail.kind === 'days')
  const today = details.some(({ kind }) => kind === 'today')
  if (asked.length === 0) return topic === 'weather' ? undefined : { count: today ? 1 : usualDays }
  const only = asked.length === 1 && !today ? asked[0]?.only : undefined
  return { count: Math.max(...asked.map(({ days }) => days)), only }
}
