import { McpServer, type McpServerFactory } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { loadGazetteer, placeLabel } from '../../places/index.js'
import { packageVersion } from '../../server/package-version.js'
import { cityArgument, placeOf } from '../city-argument.js'
import { answer, readOnly } from '../tool-answer.js'
import { type WeatherOptions, weatherProvider } from './provider.js'
import type { WeatherReport } from './report.js'

type Unit = 'C' | 'F'

const unit = z.enum(['C', 'F'])
const unitArgument = unit.default('C').describe('Celsius or Fahrenheit')
const source = z.enum(['open-meteo', 'simulated']).describe('simulated: made up, not measured')
const description = z.string().describe('The weather in words')

const getTemperature = {
  title: 'Temperature',
  description: 'The temperature and the weather now in a city.',
  inputSchema: z.object({ city: cityArgument, unit: unitArgument }),
  outputSchema: z.object({
    city: z.string(),
    country: z.string(),
    temperature: z.number(),
    unit,
    description,
    timestamp: z.string().describe('UTC ISO 8601'),
    source,
  }),
  annotations: readOnly(true),
}

const getForecast = {
  title: 'Forecast',
  description: 'The weather of the next days in a city, today included.',
  inputSchema: z.object({
    city: cityArgument,
    days: z.int().min(1).max(7).default(3).describe('How many days, today included'),
    unit: unitArgument,
  }),
  outputSchema: z.object({
    city: z.string(),
    country: z.string(),
    unit,
    days: z.array(z.object({ date: z.string(), min: z.number(), max: z.number(), description })),
    source,
  }),
  annotations: readOnly(true),
}

/** A factory of weather servers. They share what a request learns about Open-Meteo's state. */
export function weatherServer(options: WeatherOptions, now: () => Date): McpServerFactory {
  loadGazetteer()
  const weatherAt = weatherProvider(options, now)
  return () => {
    const server = new McpServer({ name: 'weather-mcp', version: packageVersion })
    server.registerTool('getTemperature', getTemperature, async ({ city, unit }) => {
      const place = placeOf(city)
      const report = await weatherAt(place, 1)
      const data = {
        city: place.city,
        country: place.country,
        temperature: inUnit(report.celsius, unit),
        unit,
        description: report.description,
        timestamp: now().toISOString(),
        source: report.source,
      }
      const sentence = `It is ${data.temperature} °${unit} in ${placeLabel(place)}, ${report.description} (${origin(report)}).`
      return answer(data, sentence)
    })
    server.registerTool('getForecast', getForecast, async ({ city, days, unit }) => {
      const place = placeOf(city)
      const report = await weatherAt(place, days)
      const forecast = report.days.map(({ date, minCelsius, maxCelsius, description }) => ({
        date,
        min: inUnit(minCelsius, unit),
        max: inUnit(maxCelsius, unit),
        description,
      }))
      const data = { city: place.city, country: place.country, unit, days: forecast, source: report.source }
      const list = forecast.map((day) => `${day.date} ${day.min} to ${day.max} °${unit}, ${day.description}`)
      return answer(data, `The forecast for ${placeLabel(place)} (${origin(report)}): ${list.join('; ')}.`)
    })
    return server
  }
}

function inUnit(celsius: number, unit: Unit): number {
  return unit === 'C' ? celsius : Math.round((celsius * 1.8 + 32) * 10) / 10
}

function origin(report: WeatherReport): string {
  return report.source === 'simulated' ? 'simulated, not measured' : 'from Open-Meteo'
}
