import { findPlace, isPlace } from '../../places/index.js'
import { foldText, type Span, type Word, wordsOf } from './text.js'

/** A place, or text where a place is expected but not recognized (`known: false`). */
export interface Mention extends Span {
  /** As the asker wrote it, without a possessive ending. */
  readonly text: string
  readonly known: boolean
  readonly zone: boolean
  /** The preposition before it: `from` Lima, `to` Oslo. */
  readonly preposition: string | undefined
}

export interface Mentions {
  readonly places: readonly Mention[]
  /** Words that the rules do not know and that are not used as a place. */
  readonly ignored: readonly string[]
}

/** Population of a city whose name is unlikely to be meant as a word. */
const wellKnown = 100_000

const prepositions = new Set('in at for of from to near around into over about within between'.split(' '))

/** Words of questions; most are also the name of a village somewhere. */
const grammar = new Set(
  (
    'a about around actual afternoon again all also am an and any are as ask at average be been between both ' +
    'but by can check city compare compared compares conditions could current currently day details ' +
    'did difference do does doing else evening exact exactly expect expected feel feels find for from ' +
    "get give going gonna good got had has have he hello help here hey hi hour hours how how's i i'd " +
    "i'll i'm i've if in info information into is isn't it it'll it's its just kind kindly know later " +
    "latest let let's like likely local look looking looks many me moment more morning much my near " +
    'need nice night not now of ok okay on one or our out outdoors outside over place please pls plus ' +
    'precise precisely present question quick quickly real really report right same say see server ' +
    "servers should show so some take tell than thank thanks that that's the their them then there " +
    "there's these they this those to too toward town translate us use using versus vs want was we " +
    "we're were what what's whats when when's where which while who who's will wise with within " +
    "without wonder wondering would wouldn't you your"
  ).split(' '),
)

/** The city of `--city` as if the question named it. */
export function givenCity(text: string): Mention {
  return { text, known: isPlace(text), zone: false, preposition: undefined, start: -1, end: -1 }
}

interface Token extends Word {
  /** Only blanks and the dot of an abbreviation come before it. */
  readonly joined: boolean
  readonly comma: boolean
}

/** The places of a question. `folded` is the folded question with the parts already understood blanked out. */
export function mentionsIn(question: string, folded: string, cityGiven: boolean): Mentions {
  const tokens = tokensOf(folded)
  const asked: Mention[] = []
  const bare: Mention[] = []
  for (let at = 0; at < tokens.length; ) {
    const before = tokens[at - 1]
    const preposition =
      tokens[at]?.joined && before && prepositions.has(before.text) ? before.text : undefined
    const expected = preposition !== undefined || continuesList(tokens, at, asked)
    const found = placeAt(question, tokens, at, expected)
    if (!found) {
      at++
      continue
    }
    const mention = { ...found.mention, preposition }
    ;(expected ? asked : bare).push(mention)
    at += found.count
  }
  // "Nice weather in Paris", "the real temperature": where the place is said explicitly, or given beside the question,
  // a word counts as another place only if it can hardly be anything else, as in "Tokyo weather and the time in Lima".
  const elsewhere = asked.length > 0 || cityGiven
  const counted = bare.filter((mention) => !elsewhere || isEvident(mention, question, asked.length > 0))
  return {
    places: [...asked, ...counted].sort((one, other) => one.start - other.start),
    ignored: bare.filter((mention) => !counted.includes(mention)).map(({ text }) => text),
  }
}

function isEvident({ start, text, known }: Mention, question: string, mustBeKnown: boolean): boolean {
  const capital = start > 0 && /\p{Lu}/u.test(question.charAt(start))
  if (!known) return capital && !mustBeKnown
  return capital || (findPlace(text).place?.population ?? 0) >= wellKnown
}

function tokensOf(folded: string): Token[] {
  return wordsOf(folded)
    .flatMap(apart)
    .map((word, index, words) => {
      const previous = words[index - 1]
      const gap = previous ? folded.slice(previous.end, word.start) : '|'
      const abbreviation = previous && /^(?:st|ste|mt|ft|\p{L})$/u.test(previous.text)
      return {
        ...word,
        joined: /^\s+$/.test(gap) || (!!abbreviation && /^\.\s*$/.test(gap)),
        comma: /^\s*[,(/]\s*$/.test(gap),
      }
    })
}

/** `paris/lima` is two words, `europe/oslo` one. */
function apart(word: Word): Word[] {
  if (!word.text.includes('/') || isZone(word.text)) return [word]
  return wordsOf(word.text.replaceAll('/', ' ')).map(({ text, start, end }) => ({
    text,
    start: word.start + start,
    end: word.start + end,
  }))
}

/** `…Paris, Lima`, `…Paris and Lima`, `…Paris, and in Lima`. */
function continuesList(tokens: readonly Token[], at: number, asked: readonly Mention[]): boolean {
  const last = asked.at(-1)
  const token = tokens[at]
  if (!last || !token) return false
  const before = tokens.slice(0, at).filter((other) => other.start >= last.end)
  return (
    (token.comma && before.length === 0) ||
    (before.length === 1 && /^(?:and|or|vs|versus)$/.test(before[0]?.text ?? ''))
  )
}

function placeAt(
  question: string,
  tokens: readonly Token[],
  at: number,
  expected: boolean,
): { mention: Omit<Mention, 'preposition'>; count: number } | undefined {
  const first = tokens[at]?.text ?? ''
  const startsLikePlace = /^\p{L}/u.test(first) && (!grammar.has(first) || (expected && first === 'nice'))
  if (!startsLikePlace && !expected) return undefined
  const capital = /^\p{Lu}\p{Ll}/u.test(question.slice(tokens[at]?.start))
  const longest = runLength(tokens, at, (token) => token.joined || token.comma)
  for (let count = Math.min(longest, 8); count > 0; count--) {
    const mention = read(question, tokens, at, count)
    if (mention.known && (startsLikePlace || capital || count > 1) && endsHere(tokens, at + count))
      return { mention, count }
  }
  if (!startsLikePlace) return undefined
  const count = runLength(tokens, at, (token) => token.joined && !grammar.has(token.text))
  return { mention: read(question, tokens, at, count), count }
}

/** No guessing: "Paris Foo" is not Paris. */
function endsHere(tokens: readonly Token[], next: number): boolean {
  const token = tokens[next]
  return !token?.joined || grammar.has(token.text)
}

function runLength(tokens: readonly Token[], at: number, goesOn: (token: Token) => boolean): number {
  const end = tokens.findIndex((token, index) => index > at && !goesOn(token))
  return (end < 0 ? tokens.length : end) - at
}

function read(
  question: string,
  tokens: readonly Token[],
  at: number,
  count: number,
): Omit<Mention, 'preposition'> {
  const start = tokens[at]?.start ?? 0
  const end = tokens[at + count - 1]?.end ?? start
  const slice = question.slice(start, end)
  const written = /\([^)]*$/.test(slice) ? `${slice})` : slice
  const possessive = written.replace(/['’]s?$/i, '')
  const zone = isZone(written)
  const text = zone || (isPlace(written) && !isPlace(possessive)) ? written : possessive
  return { start, end, text, zone, known: zone || isPlace(text) }
}

/** An IANA time zone with an area, or UTC: shorter names are too often words. */
function isZone(text: string): boolean {
  if (!/^(?:utc|gmt|[a-z_]+\/[a-z_/+-]+[0-9]*)$/.test(foldText(text))) return false
  try {
    new Intl.DateTimeFormat('en', { timeZone: text })
    return true
  } catch {
    return false
  }
}
