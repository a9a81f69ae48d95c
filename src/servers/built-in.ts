import type { McpServerFactory } from '@modelcontextprotocol/server'
import { datetimeServer } from './datetime/server.js'
import { echoServer } from './echo.js'
import type { WeatherOptions } from './weather/provider.js'
import { weatherServer } from './weather/server.js'

export interface BuiltInOptions extends WeatherOptions {
  /** The clock of all three; the machine's when absent. */
  readonly now?: () => Date
}

/** One of the three servers that come with this package: its name, its usual ports, and what to hand to `serve`. */
export interface BuiltInServer {
  readonly name: string
  readonly httpPort: number
  readonly tlsPort: number
  create(options: BuiltInOptions): McpServerFactory
}

const systemClock = () => new Date()

export const builtInServers = {
  weather: {
    name: 'weather-mcp',
    httpPort: 8081,
    tlsPort: 8443,
    create: (options) => weatherServer(options, options.now ?? systemClock),
  },
  datetime: {
    name: 'datetime-mcp',
    httpPort: 8082,
    tlsPort: 8444,
    create: (options) => datetimeServer(options.now ?? systemClock),
  },
  echo: {
    name: 'echo-mcp',
    httpPort: 8083,
    tlsPort: 8445,
    create: (options) => echoServer(options.now ?? systemClock),
  },
} as const satisfies Record<string, BuiltInServer>

export type BuiltInServerName = keyof typeof builtInServers
