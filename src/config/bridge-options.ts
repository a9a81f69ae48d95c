import { z } from 'zod'
import { type McpClientConfig, type McpClientOptions, parseClientConfig } from './client-config.js'
import { type ListenOptions, type ListenPlace, listenPlaceSchema } from './listen-place.js'
import { parse, report } from './problems.js'
import { isOptions } from './right-call.js'
import { duration, text } from './values.js'

/** One server of a bridge. */
export interface BridgeServerOptions extends Omit<McpClientOptions, 'reconnection'> {
  /** What it is called beside others: it stands before names that two servers have. Default its host and port. */
  readonly name?: string | undefined
}

/** What a bridge joins, and where its client is. */
export interface BridgeSettings {
  /** Several appear as one. */
  readonly servers: BridgeServerOptions | readonly BridgeServerOptions[]
  /** Serves local clients over HTTP on loopback, instead of one on stdin and stdout. */
  readonly listen?: ListenOptions | undefined
  /** How long the answer to `initialize` waits for servers; what they have is told as a change after that. Default 250. */
  readonly initializeWithin?: number | string | undefined
}

/** The same, checked. */
export interface BridgeConfig {
  readonly servers: readonly { readonly name: string | undefined; readonly config: McpClientConfig }[]
  readonly listen: ListenPlace | undefined
  readonly initializeWithin: number
}

const server = z.looseObject(
  {
    name: text.optional(),
    reconnection: z.undefined({ error: 'a bridge decides that by itself: leave it out' }).optional(),
  },
  { error: 'an object with serverUrl is wanted' },
)
const bridgeSchema = z.strictObject({
  servers: z
    .array(server)
    .min(1, 'at least one server is wanted')
    .max(100, 'at most 100 servers')
    .superRefine((all, context) => {
      const names = all.flatMap(({ name }) => name ?? [])
      const twice = names.find((name, at) => names.indexOf(name) !== at)
      if (twice !== undefined) report(context, [], `two servers are called ${JSON.stringify(twice)}`)
    }),
  listen: listenPlaceSchema.optional(),
  initializeWithin: duration.default(250),
})

/** Throws `CONFIG_INVALID`, and what `parseClientConfig` throws. */
export function parseBridgeOptions({ servers: given, ...options }: BridgeSettings): BridgeConfig {
  const list = isOptions(given) ? [given] : given
  const { servers, listen, initializeWithin } = parse(bridgeSchema, 'bridge', { servers: list, ...options })
  return {
    servers: servers.map(({ name, ...config }) => ({ name, config: parseClientConfig(config) })),
    listen,
    initializeWithin,
  }
}
