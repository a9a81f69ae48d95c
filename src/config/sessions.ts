import { z } from 'zod'
import type { ShapeOf } from './option-shape.js'
import { defaultOf } from './settings/setting-values.js'
import { count, duration } from './values.js'

/** How many sessions a server keeps, and how long. Times are milliseconds, or text with a unit: `60s`, `5m`. */
export interface SessionOptions {
  /** Time without a request and without a stream after which a session ends; default 300000 (5 minutes). */
  readonly idle?: number | string | undefined
  /** Sessions of this server; default 10000. When there are more, the one that is idle for longest ends. */
  readonly max?: number | undefined
  /** Sessions of one identity; default 500. The stream of each is one of its requests (`limits.maxRequestsPerIdentity`). */
  readonly maxPerIdentity?: number | undefined
}

const limits = z.strictObject(
  {
    idle: duration.default(defaultOf('sessionIdle')),
    max: count.default(defaultOf('maxSessions')),
    maxPerIdentity: count.default(defaultOf('maxSessionsPerIdentity')),
  } satisfies ShapeOf<SessionOptions>,
  {
    error: ({ code }) =>
      code === 'unrecognized_keys' ? undefined : 'allowed are true, false and { idle, max, maxPerIdentity }',
  },
)

export type SessionLimits = Readonly<z.output<typeof limits>>

/** Undefined: no sessions. */
export const sessionsSchema = z.preprocess(
  (value) => (value === false ? undefined : value === true ? {} : value),
  limits.optional(),
) as z.ZodType<SessionLimits | undefined, boolean | SessionOptions | undefined>
