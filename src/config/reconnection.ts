import { z } from 'zod'
import type { ShapeOf } from './option-shape.js'
import { milliseconds } from './values.js'

/** How a stream that broke off is opened again, as the SDK's `reconnectionOptions`; each may be left out. */
export interface ReconnectionOptions {
  /** Milliseconds before the first try; default 1000. */
  readonly initialReconnectionDelay?: number | undefined
  /** Milliseconds before a try at most, also where the server asks for more; default 30000. */
  readonly maxReconnectionDelay?: number | undefined
  /** By how much each wait is longer than the one before; default 1.5. */
  readonly reconnectionDelayGrowFactor?: number | undefined
  /** Tries that fail, one after the other, before a stream is given up; default 20: some seven minutes. */
  readonly maxRetries?: number | undefined
}

export type Reconnection = Readonly<z.output<typeof reconnection>>

const factor = 'allowed are numbers from 1'
const retries = 'allowed are whole numbers from 0'

export const reconnection = z
  .strictObject(
    {
      initialReconnectionDelay: milliseconds(1).default(1000),
      maxReconnectionDelay: milliseconds(1).default(30_000),
      reconnectionDelayGrowFactor: z.number({ error: factor }).min(1, factor).default(1.5),
      maxRetries: z.number({ error: retries }).int(retries).min(0, retries).default(20),
    } satisfies ShapeOf<ReconnectionOptions>,
    {
      error: ({ code }) =>
        code === 'unrecognized_keys'
          ? undefined
          : 'allowed are { initialReconnectionDelay, maxReconnectionDelay, reconnectionDelayGrowFactor, maxRetries }',
    },
  )
  .prefault({})

/** Milliseconds to wait before a try, `attempt` counting from 0. */
export function reconnectionDelay(attempt: number, options: Reconnection): number {
  const { initialReconnectionDelay, maxReconnectionDelay, reconnectionDelayGrowFactor } = options
  return Math.min(initialReconnectionDelay * reconnectionDelayGrowFactor ** attempt, maxReconnectionDelay)
}
