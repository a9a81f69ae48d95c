import type { McpServerFactory } from '@modelcontextprotocol/server'
import { datetimeServer } from './datetime/server.js'
import { echoServer } from './echo.js'
import type { WeatherOptions } from './weather/provider.js'
import { weatherServer } from './weather/server.js'

export interface BuiltInOptions extends WeatherOptions {
  /** The clock of all three servers; default: the machine's. */
  readonly now?: () => Date
}

/** One of the three servers in this package: its name, and what to pass to `serve`. Its default ports are settings. */
export interface BuiltInServer {
  readonly name: string
  create(options: BuiltInOptions): McpServerFactory
}

const systemClock = () => new Date()

export const builtInServers = {
  weather: {
    name: 'weather-mcp',
    create: (options) => weatherServer(options, options.now ?? systemClock),
  },
  datetime: {
    name: 'datetime-mcp',
    create: (options) => datetimeServer(options.now ?? systemClock),
  },
  echo: {
    name: 'echo-mcp',
    create: (options) => echoServer(options.now ?? systemClock),
  },
} as const satisfies Record<string, BuiltInServer>

export type BuiltInServerName = keyof typeof builtInServers
