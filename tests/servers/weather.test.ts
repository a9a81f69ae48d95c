import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { BuiltInOptions } from '../../src/servers/index.js'
import { builtInServers } from '../../src/servers/index.js'
import { call, clientOf } from './connected-client.js'
import { answerAsDocumented, type FakeOpenMeteo, fakeOpenMeteo, sendJson } from './fake-open-meteo.js'

const start = Date.parse('2026-11-20T17:00:00Z')
let clock = start
let openMeteo: FakeOpenMeteo

beforeAll(async () => {
  openMeteo = await fakeOpenMeteo()
})
afterEach(() => {
  openMeteo.behaviour = answerAsDocumented
  openMeteo.asked.length = 0
  clock = start
})
afterAll(() => openMeteo.close())

function weather(options: Partial<BuiltInOptions>) {
  return clientOf(
    builtInServers.weather.create({
      weatherProvider: 'open-meteo',
      openMeteoUrl: openMeteo.url,
      weatherTimeoutMs: 200,
      now: () => new Date(clock),
      ...options,
    }),
  )
}

describe('live weather', () => {
  it('gives the temperature, in words too, and says where it is from', async () => {
    const { data, sentence } = await call(await weather({}), 'getTemperature', { city: 'Oslo' })
    expect(data).toEqual({
      city: 'Oslo',
      country: 'Norway',
      temperature: -1.4,
      unit: 'C',
      description: 'light snow',
      timestamp: '2026-11-20T17:00:00.000Z',
      source: 'open-meteo',
    })
    expect(sentence).toBe('It is -1.4 °C in Oslo, Norway, light snow (from Open-Meteo).')
  })

  it('asks for the place, its zone and as many days as wanted', async () => {
    await call(await weather({}), 'getForecast', { city: 'Oslo', days: 5 })
    const [asked] = openMeteo.asked
    expect(asked?.pathname).toBe('/v1/forecast')
    expect(Object.fromEntries(asked?.searchParams ?? [])).toMatchObject({
      timezone: 'Europe/Oslo',
      forecast_days: '5',
      current: 'temperature_2m,weather_code',
      daily: 'weather_code,temperature_2m_max,temperature_2m_min',
      temperature_unit: 'celsius',
    })
    expect(Number(asked?.searchParams.get('latitude'))).toBeCloseTo(59.9, 0)
  })

  it('gives a forecast', async () => {
    const { data, sentence } = await call(await weather({}), 'getForecast', { city: 'Oslo', days: 2 })
    expect(data).toEqual({
      city: 'Oslo',
      country: 'Norway',
      unit: 'C',
      source: 'open-meteo',
      days: [
        { date: '2026-11-20', min: -5.2, max: 0.5, description: 'overcast' },
        { date: '2026-11-21', min: -4.2, max: 1.5, description: 'overcast' },
      ],
    })
    expect(sentence).toContain('2026-11-21 -4.2 to 1.5 °C, overcast')
  })

  it('keeps a path of the base URL', async () => {
    await call(await weather({ openMeteoUrl: `${openMeteo.url}/proxy/` }), 'getTemperature', { city: 'Oslo' })
    expect(openMeteo.asked[0]?.pathname).toBe('/proxy/v1/forecast')
  })

  it.each<[string, FakeOpenMeteo['behaviour'], string]>([
    [
      'a refusal with its reason',
      (_, response) => sendJson(response, 400, { error: true, reason: 'Cannot \u001b[2J read' }),
      'status 400: Cannot \\u001b[2J read',
    ],
    [
      'too many requests',
      (_, response) => sendJson(response, 429, { error: true, reason: 'Slow down' }),
      'Slow down',
    ],
    ['a server error', (_, response) => response.writeHead(500).end('<h1>Oops</h1>'), 'status 500'],
    ['text that is not JSON', (_, response) => response.end('sunny'), 'not JSON'],
    ['JSON of another form', (_, response) => sendJson(response, 200, { current: {} }), 'another form'],
    [
      'an impossible temperature',
      (_, response) =>
        sendJson(response, 200, {
          current: { temperature_2m: 4000, weather_code: 0 },
          daily: { time: [], weather_code: [], temperature_2m_max: [], temperature_2m_min: [] },
        }),
      'current.temperature_2m',
    ],
    [
      'too few days',
      (query, response) => {
        query.set('forecast_days', '0')
        answerAsDocumented(query, response)
      },
      '0 of 1 days',
    ],
    ['an answer without end', (_, response) => response.end('x'.repeat(300_000)), 'more than 256 kB'],
    [
      'a redirect',
      (_, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
      'gave no weather',
    ],
    ['a broken connection', (_, response) => response.destroy(), 'gave no weather'],
    ['silence', () => {}, 'did not answer within 200 ms'],
    [
      'half an answer and silence',
      (_, response) => response.write('{"current":'),
      'did not answer within 200 ms',
    ],
  ])('turns %s into a tool error', async (_, behaviour, reason) => {
    openMeteo.behaviour = behaviour
    const { failed, sentence } = await call(await weather({}), 'getTemperature', { city: 'Oslo' })
    expect(failed).toBe(true)
    expect(sentence).toContain(`Open-Meteo at ${openMeteo.url}`)
    expect(sentence).toContain(reason)
  })

  it.each(['http://example.com', 'ftp://localhost', 'not a url', ''])(
    'refuses %j as base URL',
    (openMeteoUrl) => {
      expect(() =>
        builtInServers.weather.create({ weatherProvider: 'open-meteo', openMeteoUrl }),
      ).toThrowError(expect.objectContaining({ code: 'CONFIG_INVALID' }))
    },
  )
})

describe('automatic weather', () => {
  it('is live while Open-Meteo answers', async () => {
    const { data } = await call(await weather({ weatherProvider: 'auto' }), 'getTemperature', {
      city: 'Oslo',
    })
    expect(data.source).toBe('open-meteo')
  })

  it('is simulated, and says so, when Open-Meteo is silent; does not ask again for a minute, then does', async () => {
    const client = await weather({ weatherProvider: 'auto' })
    openMeteo.behaviour = () => {}
    const first = await call(client, 'getTemperature', { city: 'Oslo' })
    expect(first.data.source).toBe('simulated')
    expect(first.sentence).toContain('simulated')
    openMeteo.behaviour = answerAsDocumented
    clock += 59_000
    expect((await call(client, 'getForecast', { city: 'Lima' })).data.source).toBe('simulated')
    expect(openMeteo.asked).toHaveLength(1)
    clock += 1_000
    expect((await call(client, 'getTemperature', { city: 'Oslo' })).data.source).toBe('open-meteo')
  })

  it('is simulated when nothing listens', async () => {
    const client = await weather({ weatherProvider: 'auto', openMeteoUrl: 'http://127.0.0.1:1' })
    expect((await call(client, 'getTemperature', { city: 'Oslo' })).data.source).toBe('simulated')
  })
})

describe('the weather tools', () => {
  it.each(['Oslo', 'Lima', 'Nuuk', 'Singapore', 'Paris, Texas', 'Ushuaia'])(
    'agree with one another in simulated %s, in both units',
    async (city) => {
      const client = await weather({ weatherProvider: 'simulated' })
      const celsius = (await call(client, 'getTemperature', { city })).data
      const fahrenheit = (await call(client, 'getTemperature', { city, unit: 'F' })).data
      expect(fahrenheit.temperature).toBeCloseTo(Number(celsius.temperature) * 1.8 + 32, 1)
      const { data, sentence } = await call(client, 'getForecast', { city })
      const days = data.days as { date: string; min: number; max: number; description: string }[]
      expect(days).toHaveLength(3)
      expect(days[0]?.min).toBeLessThanOrEqual(Number(celsius.temperature))
      expect(days[0]?.max).toBeGreaterThanOrEqual(Number(celsius.temperature))
      expect(days[0]?.description).toBe(celsius.description)
      expect(sentence).toContain('simulated')
    },
  )

  it('ask nobody when the weather is simulated', async () => {
    const fetch = () => Promise.reject(new Error('no network here'))
    const client = await weather({ weatherProvider: 'simulated', fetch })
    expect((await call(client, 'getForecast', { city: 'Oslo', days: 7 })).failed).toBe(false)
  })

  it('name near matches for an unknown city, without asking for its weather', async () => {
    for (const tool of ['getTemperature', 'getForecast']) {
      const { failed, sentence } = await call(await weather({}), tool, { city: 'Oslp' })
      expect(failed).toBe(true)
      expect(sentence).toMatch(/^Unknown city "Oslp"\. Did you mean Oslo, Norway/)
    }
    expect(openMeteo.asked).toHaveLength(0)
  })

  it.each([{ days: 0 }, { days: 8 }, { days: 1.5 }, { unit: 'K' }, { city: 'a\u0000b' }])(
    'refuse %j',
    async (args) => {
      const client = await weather({ weatherProvider: 'simulated' })
      expect((await call(client, 'getForecast', { city: 'Oslo', ...args })).failed).toBe(true)
    },
  )
})
