import { McpServer, type McpServerFactory } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { loadGazetteer } from '../../places/index.js'
import { packageVersion } from '../../server/package-version.js'
import { cityArgument, lineOfText } from '../city-argument.js'
import { answer, readOnly, Unanswerable } from '../tool-answer.js'
import { convertTime, readingOf } from './conversion.js'
import { type Locality, localityOf, localityOfZone } from './locality.js'

const utcOffset = z.string().describe('Like +05:45')
const zoneName = z.string().describe('IANA time zone')
const localTime = z.string().describe('Local ISO 8601 time, without a zone')

const getDateTime = {
  title: 'Date and time',
  description: 'The date and time now in a city or in a time zone.',
  inputSchema: z.object({
    city: cityArgument.optional(),
    timezone: lineOfText('An IANA time zone, such as Asia/Kathmandu; instead of a city').optional(),
  }),
  outputSchema: z.object({
    city: z.string().nullable().describe('Null when a time zone was asked for'),
    country: z.string().nullable(),
    local_time: localTime,
    timezone: zoneName,
    utc_offset: utcOffset,
    timestamp: z.string().describe('The same moment, UTC ISO 8601'),
  }),
  annotations: readOnly(false),
}

const clockReading = z.object({
  place: z.string(),
  time: localTime,
  timezone: zoneName,
  utc_offset: utcOffset,
})
const cityOrZone = 'A city ("Oslo", "Paris, Texas") or an IANA time zone ("Europe/Oslo", "UTC")'

const convert = {
  title: 'Convert a time',
  description: 'What the clock shows in one city or time zone when it shows a given time in another.',
  inputSchema: z.object({
    time: lineOfText('HH:MM (today where it is asked from), or a local ISO time such as 2026-03-29T02:30'),
    from: lineOfText(cityOrZone),
    to: lineOfText(cityOrZone),
  }),
  outputSchema: z.object({
    from: clockReading,
    to: clockReading,
    note: z
      .string()
      .optional()
      .describe('There when a change of the clocks makes the time ambiguous or impossible'),
  }),
  annotations: readOnly(false),
}

/** A factory of datetime servers, which use the platform's own zone data; `now` is the clock. */
export function datetimeServer(now: () => Date): McpServerFactory {
  loadGazetteer()
  return () => {
    const server = new McpServer({ name: 'datetime-mcp', version: packageVersion })
    server.registerTool('getDateTime', getDateTime, ({ city, timezone }) => {
      const at = now()
      const locality = oneLocality(city, timezone)
      const { time, utc_offset } = readingOf(at.getTime(), locality)
      const data = {
        city: locality.city,
        country: locality.country,
        local_time: time,
        timezone: locality.timezone,
        utc_offset,
        timestamp: at.toISOString(),
      }
      return answer(data, `In ${locality.label} it is ${spoken(time)} (UTC${utc_offset}).`)
    })
    server.registerTool('convertTime', convert, ({ time, from, to }) => {
      const conversion = convertTime(time, localityOf(from), localityOf(to), now())
      const sentence = `When it is ${spoken(conversion.from.time)} in ${conversion.from.place}, it is ${spoken(conversion.to.time)} in ${conversion.to.place}.`
      return answer({ ...conversion }, conversion.note ? `${sentence} ${conversion.note}` : sentence)
    })
    return server
  }
}

function oneLocality(city: string | undefined, timezone: string | undefined): Locality {
  if (city !== undefined && timezone === undefined) return localityOf(city)
  if (timezone !== undefined && city === undefined) return localityOfZone(timezone)
  throw new Unanswerable('Give either a city or a timezone.')
}

const spokenTime = new Intl.DateTimeFormat('en-GB', {
  dateStyle: 'full',
  timeStyle: 'short',
  timeZone: 'UTC',
})

/** "Friday 20 November 2026 at 17:05". */
function spoken(localIso: string): string {
  return spokenTime.format(new Date(`${localIso}Z`))
}
