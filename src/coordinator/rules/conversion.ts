import { givenCity, type Mention } from './mentions.js'
import type { PlanDraft } from './plan-draft.js'
import type { Segment } from './segments.js'

const example = 'Ask for example: What time is it in Tokyo when it is 15:00 in Oslo?'

/** Adds a call of `convertTime` for every place except the one whose time is given. */
export function draftConversion(segment: Segment, city: string | undefined, draft: PlanDraft): void {
  const { clock } = segment
  if (!clock) return draft.usage('I can convert a time of day, and the question gives none.', example)
  if (clock.time === undefined) return draft.usage(`There is no such time of day: "${clock.text}".`, example)
  const here = city === undefined ? undefined : givenCity(city)
  const from = sourceOf(segment) ?? here
  const others = segment.places.filter((place) => place !== from)
  const targets = others.length > 0 || !here || from === here ? others : [here]
  if (!from || targets.length === 0)
    return draft.usage('A conversion needs two places, and the question does not name both.', example)
  for (const { known, text } of [from, ...targets]) if (!known) draft.unknownPlace(text)
  for (const to of targets)
    if (from.known && to.known)
      draft.addCall({
        home: 'datetime',
        tool: 'convertTime',
        arguments: { time: clock.time, from: from.text, to: to.text },
        purpose: `${clock.time} in ${from.text} as the time in ${to.text}`,
      })
}

/** The place whose time is given: after "from", or beside the time of day; not one that the time is asked of. */
function sourceOf({ places, clock, timeAt }: Segment): Mention | undefined {
  const at = clock?.start ?? 0
  const askedBetween = (from: number, to: number): boolean => timeAt.some((time) => from < time && time < to)
  const isTarget = ({ preposition }: Mention): boolean => preposition === 'to' || preposition === 'into'
  const free = places.filter((place) => !isTarget(place))
  return (
    places.find(({ preposition }) => preposition === 'from') ??
    free.find((place) => place.start > at && !askedBetween(at, place.start)) ??
    free.findLast((place) => place.start < at && !askedBetween(-1, place.start))
  )
}
