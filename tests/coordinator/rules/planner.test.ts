import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { understand } from '../../../src/coordinator/rules/planner.js'

/** `tool(argument, …)`: one line per call, so that a table of questions stays readable. */
function callsFor(question: string, city?: string): string[] {
  return understand(question, city).calls.map(
    ({ tool, arguments: given, only }) =>
      `${tool}(${Object.values(given).join(' | ')})${only === undefined ? '' : ` only ${only}`}`,
  )
}

const weather = (...cities: string[]) => cities.map((city) => `getTemperature(${city})`)
const time = (...cities: string[]) => cities.map((city) => `getDateTime(${city})`)

const questions: [question: string, calls: string[]][] = [
  ["What's the weather in Paris?", weather('Paris')],
  ['what’s the weather in paris', weather('paris')],
  ['WHAT IS THE WEATHER IN PARIS?', weather('PARIS')],
  ['what is\n the   weather\tin New   York', weather('New York')],
  ['weather Paris', weather('Paris')],
  ['Paris weather', weather('Paris')],
  ["Paris' weather, please", weather('Paris')],
  ["What is Tokyo's temperature?", weather('Tokyo')],
  ["what's tokyo's weather right now", weather('tokyo')],
  ['How hot is it in New Delhi?', weather('New Delhi')],
  ['How cold is it right now in Oslo', weather('Oslo')],
  ['Is it raining in São Paulo?', weather('São Paulo')],
  ['is it raining in sao paulo', weather('sao paulo')],
  ['temperature in Zürich', weather('Zürich')],
  ['Temp in New York City?', weather('New York City')],
  ['Do I need an umbrella in London today?', weather('London')],
  ['Could you please tell me what the weather is like in Rio de Janeiro?', weather('Rio de Janeiro')],
  ['weather in Paris, Texas', weather('Paris, Texas')],
  [
    'weather in Springfield, Illinois and in Saint Petersburg',
    weather('Springfield, Illinois', 'Saint Petersburg'),
  ],
  ['weather in St. Petersburg.', weather('St. Petersburg')],
  ['weather in Washington D.C.', weather('Washington D.C')],
  ['weather in Washington DC and NYC', weather('Washington DC', 'NYC')],
  ['Weather in Cologne, Germany?', weather('Cologne, Germany')],
  ['weather in München', weather('München')],
  ['weather in Kyiv or Kiev', weather('Kyiv', 'Kiev')],
  ['Nice weather in Paris, isn’t it?', weather('Paris')],
  ["What's the weather in Nice?", weather('Nice')],
  ['weather in The Hague', weather('The Hague')],
  ['weather in Paris, London and Rome', weather('Paris', 'London', 'Rome')],
  ['weather in Paris, London, and Rome', weather('Paris', 'London', 'Rome')],
  ['How about the weather in Bangalore?', weather('Bangalore')],
  ['weather in Lyon (France)', weather('Lyon (France)')],
  ['weather in Paris/London', weather('Paris', 'London')],
  ['Is it hotter in Oslo than in Lima?', weather('Oslo', 'Lima')],
  ['weather in Paris in Fahrenheit', ['getTemperature(Paris | F)']],
  ['temperature in Lima in °F', ['getTemperature(Lima | F)']],
  ['temperature in Lima, in degrees Celsius', ['getTemperature(Lima | C)']],
  ['temperature in Lima in F?', ['getTemperature(Lima | F)']],

  ['What time is it in Lima?', time('Lima')],
  ['time in kathmandu', time('kathmandu')],
  ['Kathmandu time', time('Kathmandu')],
  ['current local time in Adelaide, Australia', time('Adelaide, Australia')],
  ["What's the date in Tokyo?", time('Tokyo')],
  ["what is today's date in Sydney", time('Sydney')],
  ['What day is it in Auckland?', time('Auckland')],
  ['date and time in Oslo', time('Oslo')],
  ['Which time zone is Lima in?', time('Lima')],
  ['What day of the week is it in Tokyo?', time('Tokyo')],
  ['time difference between Oslo and Tokyo', time('Oslo', 'Tokyo')],
  ['What time is it in UTC?', time('UTC')],
  ['What is the UTC offset in Kathmandu?', time('Kathmandu')],
  ['time in Europe/Oslo', time('Europe/Oslo')],
  ['What time is it in Lima, and how about Oslo?', time('Lima', 'Oslo')],

  ["What's the weather and the time in Tokyo?", [...weather('Tokyo'), ...time('Tokyo')]],
  [
    "What's the weather and the time in Tokyo and in Kathmandu?",
    [...weather('Tokyo', 'Kathmandu'), ...time('Tokyo', 'Kathmandu')],
  ],
  ['weather in Paris and the time in Lima', [...weather('Paris'), ...time('Lima')]],
  ['weather in Paris and Rome, time in Lima', [...weather('Paris', 'Rome'), ...time('Lima')]],
  ['Tokyo time and Lima weather', [...time('Tokyo'), ...weather('Lima')]],
  ["In Paris, what's the weather and the time?", [...weather('Paris'), ...time('Paris')]],
  ["In Paris, what's the weather and what's the time in Lima?", [...weather('Paris'), ...time('Lima')]],
  ['Oslo: weather and time', [...weather('Oslo'), ...time('Oslo')]],
  ["What's the weather in Paris, and what time is it?", [...weather('Paris'), ...time('Paris')]],
  ['Tokyo weather and the time in Lima', [...weather('Tokyo'), ...time('Lima')]],
  ['Weather in Tokyo. And the time?', [...weather('Tokyo'), ...time('Tokyo')]],
  ['weather in Paris and weather in Paris', weather('Paris')],

  ['forecast for Oslo', ['getForecast(Oslo | 3)']],
  ['What is the weather forecast for Oslo?', ['getForecast(Oslo | 3)']],
  ['5 day forecast for Lima', ['getForecast(Lima | 5)']],
  ['5-day forecast for Lima in fahrenheit', ['getForecast(Lima | 5 | F)']],
  ['forecast for the next three days in New York', ['getForecast(New York | 3)']],
  ['How will the weather be in Lima this week?', ['getForecast(Lima | 7)']],
  ['weather in Paris tomorrow', ['getForecast(Paris | 2) only 1']],
  ['Will it rain tomorrow in Oslo?', ['getForecast(Oslo | 2) only 1']],
  ['weather in Oslo today and tomorrow', ['getForecast(Oslo | 2)']],
  ['weather in Oslo the day after tomorrow', ['getForecast(Oslo | 3) only 2']],
  ['weather in Oslo in 4 days', ['getForecast(Oslo | 5) only 4']],
  ['weather in Rome this weekend', ['getForecast(Rome | 7) only weekend']],
  ['weather in Rome on Friday', ['getForecast(Rome | 7) only friday']],
  ["today's forecast for Rome", ['getForecast(Rome | 1)']],
  ['10 day forecast for Rome', ['getForecast(Rome | 7)']],
  ['Weather in Paris tomorrow and the time in Lima', ['getForecast(Paris | 2) only 1', ...time('Lima')]],
  ['weather in Paris, forecast for Rome', [...weather('Paris'), 'getForecast(Rome | 3)']],

  ['What time is it in Tokyo when it is 15:00 in Oslo?', ['convertTime(15:00 | Oslo | Tokyo)']],
  ['When it is 3pm in Oslo, what time is it in Tokyo?', ['convertTime(15:00 | Oslo | Tokyo)']],
  ["if it's noon in New York, what time is it in London?", ['convertTime(12:00 | New York | London)']],
  ['convert 9:30 am from Lima to Kathmandu', ['convertTime(09:30 | Lima | Kathmandu)']],
  ['convert 12 am in Lima to Kathmandu time', ['convertTime(00:00 | Lima | Kathmandu)']],
  ['Convert from Lima to Kathmandu: 21:15', ['convertTime(21:15 | Lima | Kathmandu)']],
  ['15:00 Oslo to Tokyo', ['convertTime(15:00 | Oslo | Tokyo)']],
  ['Oslo 15:00 to Tokyo', ['convertTime(15:00 | Oslo | Tokyo)']],
  ['What is 15:00 Oslo time in Tokyo?', ['convertTime(15:00 | Oslo | Tokyo)']],
  ['convert 15:00 UTC to Paris, Texas', ['convertTime(15:00 | UTC | Paris, Texas)']],
  ['convert 2026-03-29T02:30 from Oslo to Lima', ['convertTime(2026-03-29T02:30 | Oslo | Lima)']],
  ['Meeting in Oslo at 15:00; what time is that in Tokyo?', ['convertTime(15:00 | Oslo | Tokyo)']],
  [
    "What time is it in Lima and Tokyo when it's 7 p.m. in Oslo?",
    ['convertTime(19:00 | Oslo | Lima)', 'convertTime(19:00 | Oslo | Tokyo)'],
  ],
  [
    'weather in Paris and what time is it in Tokyo when it is 15:00 in Oslo',
    [...weather('Paris'), 'convertTime(15:00 | Oslo | Tokyo)'],
  ],
  [
    'convert 15:00 from Oslo to Tokyo and 16:00 from Lima to Rome',
    ['convertTime(15:00 | Oslo | Tokyo)', 'convertTime(16:00 | Lima | Rome)'],
  ],
  [
    'convert 15:00 from Oslo to Tokyo and the weather in Rome',
    ['convertTime(15:00 | Oslo | Tokyo)', ...weather('Rome')],
  ],

  ['echo hello', ['echo(hello)']],
  ['echo two  blanks', ['echo(two  blanks)']],
  ['Echo: Hello, World!', ['echo(Hello, World!)']],
  ['say hello', ['echo(hello)']],
  ['Can you say hello?', ['echo(hello)']],
  ['please echo "What is the weather in Paris?"', ['echo(What is the weather in Paris?)']],
  ['repeat after me: hello', ['echo(hello)']],
  ['repeat after all', ['echo(after all)']],
  ['echo the word Größe', ['echo(Größe)']],
  ['echo bread and butter', ['echo(bread and butter)']],
  ['echo hello and what time is it in Lima?', ['echo(hello)', ...time('Lima')]],
  ['weather in Oslo and echo “well done”', ['echo(well done)', ...weather('Oslo')]],
  ['Send "ping 1" to the echo server', ['echo(ping 1)']],

  ['Who am I?', ['whoami()']],
  ['whoami', ['whoami()']],
  ['who do you think I am', ['whoami()']],
  ['Who am I and what time is it in Oslo?', ['whoami()', ...time('Oslo')]],
]

describe('the rules planner', () => {
  it.each(questions)('understands: %s', (question, calls) => {
    const draft = understand(question)
    expect(draft.problems).toEqual([])
    expect(callsFor(question)).toEqual(calls)
  })

  it.each<[string, string, string[]]>([
    ['what is the weather?', 'Lima', weather('Lima')],
    ['weather and time', 'Paris, Texas', [...weather('Paris, Texas'), ...time('Paris, Texas')]],
    ['weather in Oslo', 'Lima', weather('Oslo')],
    ['the real temperature', 'Lima', weather('Lima')],
    ['What time is it in Tokyo when it is 15:00 here?', 'Lima', ['convertTime(15:00 | Lima | Tokyo)']],
    ['what time is it when it is 15:00 in Oslo?', 'Lima', ['convertTime(15:00 | Oslo | Lima)']],
  ])('takes the given city where the question names none: %s (%s)', (question, city, calls) => {
    expect(callsFor(question, city)).toEqual(calls)
  })

  it.each([
    ['weather in Nowhereville', 'Nowhereville'],
    ['Nowhereville weather', 'Nowhereville'],
    ['what time is it in Pariss?', 'Pariss'],
    ['weather in San Parisville', 'San Parisville'],
    ['weather in Paris Foo', 'Paris Foo'],
    ['weather in Paris and Nowhereville', 'Nowhereville'],
    ['convert 15:00 from Nowhereville to Oslo', 'Nowhereville'],
  ])('makes no guess at an unknown city: %s', (question, name) => {
    expect(understand(question).problems).toEqual([
      expect.objectContaining({ kind: 'place', message: `I know no city called "${name}".` }),
    ])
  })

  it('names near matches of an unknown city', () => {
    expect(understand('weather in Kathmandoo').problems[0]?.hint).toMatch(/Did you mean .*Kathmandu/)
  })

  it('refuses an unknown given city only where it is needed', () => {
    expect(understand('weather', 'Nowhereville').problems[0]?.kind).toBe('place')
    expect(understand('weather in Oslo', 'Nowhereville').problems).toEqual([])
  })

  it('keeps what it can answer beside an unknown city', () => {
    expect(callsFor('weather in Paris and Nowhereville')).toEqual(weather('Paris'))
  })

  it.each([
    ['what is the weather?', /names no city/],
    ['what time is it', /names no city/],
    ['convert 15:00 to Tokyo', /needs two places/],
    ['convert Oslo to Tokyo', /gives none/],
    ['convert 25:00 from Oslo to Tokyo', /no such time of day: "25:00"/],
    ['weather in Paris yesterday', /past/],
    ['weather in UTC', /time zone/],
    ['weather in Oslo in 9 days', /reaches 7 days/],
    ['echo', /no text to echo/],
    ['tell me a joke', /do not understand/],
    ['Tokyo', /do not understand/],
    ['???', /do not understand/],
    ['42', /do not understand/],
  ])('asks for what is missing: %s', (question, message) => {
    expect(understand(question)).toMatchObject({
      calls: [],
      problems: [
        { kind: 'usage', message: expect.stringMatching(message), hint: expect.stringMatching(/\w/) },
      ],
    })
  })

  it('survives any text, and finishes soon', () => {
    const word = fc.constantFrom(
      ...'weather time in Paris , and tomorrow 15:00 3 days echo say " convert from to Foo ? the New York'.split(
        ' ',
      ),
    )
    const question = fc.oneof(
      fc.array(word, { maxLength: 60 }).map((words) => words.join(' ')),
      fc.string({ maxLength: 500, unit: 'grapheme' }),
    )
    fc.assert(
      fc.property(question, (text) => {
        const { calls, problems } = understand(text)
        expect(calls.length + problems.length).toBeGreaterThan(0)
      }),
      { numRuns: 300 },
    )
  })

  it('says which words it left out', () => {
    expect(understand('the lovely weather in Paris').notices).toEqual(['I did not understand "lovely".'])
    expect(understand('weather in Oslo at 15:00').notices).toEqual([
      'I do not know the weather of an hour of the day ("15:00").',
    ])
    expect(understand('10 day forecast for Rome').notices).toEqual([
      'A forecast reaches 7 days; 10 were asked for.',
    ])
  })
})
