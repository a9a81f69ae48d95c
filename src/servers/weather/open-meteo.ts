import { z } from 'zod'
import { MtlsError } from '../../errors.js'
import type { Place } from '../../places/index.js'
import { urlIn } from '../../text/url.js'
import { printable } from '../tool-answer.js'
import { describeWeather } from './conditions.js'
import type { WeatherProvider, WeatherReport } from './report.js'

export const openMeteoUrl = 'https://api.open-meteo.com'

export interface OpenMeteoOptions {
  /** Where the API is: https, or http on loopback. */
  readonly baseUrl: string
  readonly fetch: typeof fetch
  readonly timeoutMs: number
}

const mostBytes = 256 * 1024
const degrees = z.number().min(-100).max(70)

const forecast = z.object({
  current: z.object({ temperature_2m: degrees, weather_code: z.int() }),
  daily: z.object({
    time: z.array(z.iso.date()),
    weather_code: z.array(z.int()),
    temperature_2m_max: z.array(degrees),
    temperature_2m_min: z.array(degrees),
  }),
})

const refusal = z.object({ reason: z.string() })

/** Live weather (https://open-meteo.com/en/docs). Throws `CONNECTION_FAILED` or `CONNECTION_TIMEOUT`. */
export function openMeteoWeather(options: OpenMeteoOptions): WeatherProvider {
  const base = baseUrlOf(options.baseUrl)
  return async (place, days) => {
    const url = requestUrl(base, place, days)
    try {
      const response = await options.fetch(url, {
        redirect: 'error',
        headers: { accept: 'application/json' },
        signal: AbortSignal.timeout(options.timeoutMs),
      })
      const text = await readText(response)
      if (!response.ok) throw new Error(`status ${response.status}${reasonIn(text)}`)
      return reportOf(forecast.parse(JSON.parse(text)), days)
    } catch (cause) {
      throw failure(url.origin, cause, options.timeoutMs)
    }
  }
}

function baseUrlOf(text: string): URL {
  const url = urlIn(text)
  const loopback = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url?.hostname ?? '')
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && loopback)) return url
  throw new MtlsError('CONFIG_INVALID', `Open-Meteo URL "${printable(text)}" is not usable`, {
    hint: 'Give an https:// URL, or http:// on loopback.',
  })
}

function requestUrl(base: URL, place: Place, days: number): URL {
  const url = new URL(base)
  url.pathname = `${url.pathname.replace(/\/$/, '')}/v1/forecast`
  url.search = new URLSearchParams({
    latitude: String(place.latitude),
    longitude: String(place.longitude),
    current: 'temperature_2m,weather_code',
    daily: 'weather_code,temperature_2m_max,temperature_2m_min',
    timezone: place.timezone,
    forecast_days: String(days),
    temperature_unit: 'celsius',
  }).toString()
  return url
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    if (bytes > mostBytes) throw new Error(`more than ${mostBytes / 1024} kB`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** Open-Meteo explains a refusal as `{"error":true,"reason":"…"}`. */
function reasonIn(text: string): string {
  try {
    return `: ${printable(refusal.parse(JSON.parse(text)).reason).slice(0, 200)}`
  } catch {
    return ''
  }
}

function reportOf({ current, daily }: z.infer<typeof forecast>, count: number): WeatherReport {
  const days = daily.time.slice(0, count).flatMap((date, index) => {
    const code = daily.weather_code[index]
    const minCelsius = daily.temperature_2m_min[index]
    const maxCelsius = daily.temperature_2m_max[index]
    if (code === undefined || minCelsius === undefined || maxCelsius === undefined) return []
    return [{ date, minCelsius, maxCelsius, description: describeWeather(code) }]
  })
  if (days.length < count) throw new Error(`${days.length} of ${count} days`)
  return {
    celsius: current.temperature_2m,
    description: describeWeather(current.weather_code),
    days,
    source: 'open-meteo',
  }
}

function failure(origin: string, cause: unknown, timeoutMs: number): MtlsError {
  const hint = 'Try again later, or choose the simulated weather.'
  if (cause instanceof Error && cause.name === 'TimeoutError')
    return new MtlsError(
      'CONNECTION_TIMEOUT',
      `Open-Meteo at ${origin} did not answer within ${timeoutMs} ms`,
      {
        hint,
        cause,
      },
    )
  return new MtlsError('CONNECTION_FAILED', `Open-Meteo at ${origin} gave no weather (${explain(cause)})`, {
    hint,
    cause,
  })
}

function explain(cause: unknown): string {
  if (cause instanceof z.ZodError)
    return `an answer of another form, at ${cause.issues[0]?.path.join('.') || 'its root'}`
  if (cause instanceof SyntaxError) return 'an answer that is not JSON'
  // fetch says "fetch failed" and hides the system's error in the cause.
  if (cause instanceof TypeError && cause.cause instanceof Error) return cause.cause.message || cause.message
  return cause instanceof Error ? cause.message : String(cause)
}
