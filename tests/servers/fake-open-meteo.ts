import { createServer, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface FakeOpenMeteo {
  readonly url: string
  /** The questions asked so far. */
  readonly asked: URL[]
  /** What it does with a question from now on; `answerAsDocumented` at first. */
  behaviour: (query: URLSearchParams, response: ServerResponse) => void
  close(): Promise<void>
}

export function answerAsDocumented(query: URLSearchParams, response: ServerResponse): void {
  const days = Number(query.get('forecast_days'))
  const dates = Array.from({ length: days }, (_, index) => `2026-11-${20 + index}`)
  sendJson(response, 200, {
    latitude: Number(query.get('latitude')),
    longitude: Number(query.get('longitude')),
    generationtime_ms: 0.05,
    utc_offset_seconds: 3600,
    timezone: query.get('timezone'),
    elevation: 38,
    current_units: { time: 'iso8601', interval: 'seconds', temperature_2m: '°C', weather_code: 'wmo code' },
    current: { time: '2026-11-20T18:00', interval: 900, temperature_2m: -1.4, weather_code: 71 },
    daily: {
      time: dates,
      weather_code: dates.map(() => 3),
      temperature_2m_max: dates.map((_, index) => index + 0.5),
      temperature_2m_min: dates.map((_, index) => index - 5.2),
    },
  })
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

export async function fakeOpenMeteo(): Promise<FakeOpenMeteo> {
  const asked: URL[] = []
  const listener: RequestListener = (request, response) => {
    const url = new URL(request.url ?? '', 'http://localhost')
    asked.push(url)
    fake.behaviour(url.searchParams, response)
  }
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const fake: FakeOpenMeteo = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    behaviour: answerAsDocumented,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  return fake
}
