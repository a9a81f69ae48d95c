import { type ForecastPart, type Weekday, weekdays } from '../plan.js'
import type { Span } from './text.js'

export type Topic = 'weather' | 'forecast' | 'time' | 'date' | 'convert' | 'whoami' | 'echo'

/** A word or phrase of a question that the rules know. */
export type Cue = Span &
  (
    | { readonly kind: 'topic'; readonly topic: Topic }
    | { readonly kind: 'days'; readonly days: number; readonly only?: ForecastPart }
    | { readonly kind: 'today' }
    | { readonly kind: 'past'; readonly text: string }
    | { readonly kind: 'unit'; readonly unit: 'C' | 'F' }
  )

const numbers = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten']
const count = String.raw`\d{1,3}|${numbers.join('|')}|(?:a )?couple(?: of)?|(?:a )?few`

type CueFacts = Cue extends infer Each ? (Each extends Span ? Omit<Each, 'start' | 'end'> : never) : never

const rules: readonly (readonly [pattern: string, read: (match: RegExpMatchArray) => CueFacts])[] = [
  [
    String.raw`who ?am ?i|who (?:do|does) [a-z ]{1,20}(?:think|see|say|believe)(?: that)? i am|(?:what(?:'s| is) )?my (?:own )?(?:mtls |tls )?identity|(?:which|what) identity do i have|who (?:do|does) (?:you|it|they|the servers?|the echo server) see`,
    () => ({ kind: 'topic', topic: 'whoami' }),
  ],
  [String.raw`convert|conversion`, () => ({ kind: 'topic', topic: 'convert' })],
  [String.raw`echo(?! server)`, () => ({ kind: 'topic', topic: 'echo' })],
  [
    String.raw`(?:in |at )?(?:degrees |deg )?(?:celsius|centigrade|fahrenheit)(?: degrees)?|(?:in )?°\s?[cf]|(?:in )?degrees [cf]|in [cf](?! ?[.'])`,
    ([text]) => ({ kind: 'unit', unit: /fahrenheit|f$/.test(text) ? 'F' : 'C' }),
  ],
  [
    String.raw`yesterday(?:'s)?|(?:last|past) (?:night|week|month|year|(?:${count}) days)|(?:${count}) days ago`,
    ([text]) => ({ kind: 'past', text }),
  ],
  [
    String.raw`(?:what |which )(?:day|date)(?! (?:of|in) the (?:month|year))(?: of (?:the )?week)?|date|day of (?:the )?week|(?:the )?day is it|weekday`,
    () => ({ kind: 'topic', topic: 'date' }),
  ],
  [String.raw`(?:the )?day after tomorrow`, () => ({ kind: 'days', days: 3, only: 2 })],
  [String.raw`tomorrow(?:'s)?`, () => ({ kind: 'days', days: 2, only: 1 })],
  [
    String.raw`in (${count}) days?(?:' time)?`,
    ([, written]) => ({ kind: 'days', days: numberOf(written) + 1, only: numberOf(written) }),
  ],
  [
    String.raw`(?:(?:for|over|in|during) )?(?:the )?(?:next |coming |following )?(${count})[ -]days?`,
    ([, written]) => ({ kind: 'days', days: numberOf(written) }),
  ],
  [
    String.raw`(?:(?:for|over|in|during) )?(?:the )?(?:next|coming|following) (?:few )?days`,
    () => ({ kind: 'days', days: 3 }),
  ],
  [
    String.raw`(?:(?:for|on|at|over|during) )?(?:this |the |next |coming )*weekend`,
    () => ({ kind: 'days', days: 7, only: 'weekend' }),
  ],
  [
    String.raw`(?:(?:for|over|in|during) )?(?:the )?(?:(?:this|the|a|next|coming|whole|entire|one|rest of the|all) )+week(?:'s)?|weekly`,
    () => ({ kind: 'days', days: 7 }),
  ],
  [
    String.raw`(?:(?:for|on) )?(?:(?:this|next|coming) )?(${weekdays.join('|')})(?:'s)?`,
    ([, day]) => ({ kind: 'days', days: 7, only: day as Weekday }),
  ],
  [String.raw`today(?:'s)?|tonight|this (?:morning|afternoon|evening)`, () => ({ kind: 'today' })],
  [
    String.raw`(?:weather |temperature )?forecasts?(?: (?:of|for) (?:the )?(?:weather|temperature))?`,
    () => ({ kind: 'topic', topic: 'forecast' }),
  ],
  [
    String.raw`weather|temperatures?|temps?|how (?:hot|cold|warm|cool|humid|windy)|degrees|rain(?:ing|s|y)?|snow(?:ing|s|y)?|sunny|cloudy|freezing|hot(?:ter)?|cold(?:er)?|warm(?:er)?|cool(?:er)?|umbrella|jacket|coat|wear|climate`,
    () => ({ kind: 'topic', topic: 'weather' }),
  ],
  [
    String.raw`time ?zones?|(?:utc |gmt )?offset|times?|clocks?|what hour|how late`,
    () => ({ kind: 'topic', topic: 'time' }),
  ],
]

const compiled = rules.map(([pattern, read]) => ({
  pattern: new RegExp(String.raw`(?<![\p{L}\p{N}'-])(?:${pattern})(?![\p{L}\p{N}-])`, 'gu'),
  read,
}))

/** Finds every cue in folded text, in order; an earlier rule wins over a later one for the same words. */
export function cuesIn(folded: string): Cue[] {
  const cues: Cue[] = []
  for (const { pattern, read } of compiled)
    for (const match of folded.matchAll(pattern)) {
      const span = { start: match.index, end: match.index + match[0].length }
      if (cues.every((cue) => span.end <= cue.start || cue.end <= span.start))
        cues.push({ ...read(match), ...span })
    }
  return cues.sort((one, other) => one.start - other.start)
}

function numberOf(written = ''): number {
  if (/couple/.test(written)) return 2
  if (/few/.test(written)) return 3
  const word = numbers.indexOf(written)
  return word >= 0 ? word : Number(written)
}
