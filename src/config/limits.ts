import { z } from 'zod'
import { count, duration } from './values.js'

/** What one server gives to its peers at most. Times are milliseconds. */
export const limitsSchema = z.strictObject({
  maxBodyBytes: count.default(1024 * 1024),
  maxBodyKeys: count.default(10_000),
  maxBodyDepth: count.default(100),
  maxHeaderBytes: count.default(16 * 1024),
  maxConnections: count.default(10_000),
  /** Connections of one address that have not finished their handshake. */
  maxConnectionsPerAddress: count.default(1000),
  /** Accepted connections of one identity. */
  maxConnectionsPerIdentity: count.default(1000),
  /** Requests of one identity that are not answered yet, open streams among them. */
  maxRequestsPerIdentity: count.default(1000),
  handshakeTimeout: duration.default(5000),
  /** For an address whose peer showed certificates that are made to cost. */
  excessPenalty: duration.default(10_000),
  headersTimeout: duration.default(10_000),
  idleTimeout: duration.default(60_000),
  drainTimeout: duration.default(10_000),
})

export type LimitsOptions = z.input<typeof limitsSchema>
export type Limits = Readonly<z.output<typeof limitsSchema>>
