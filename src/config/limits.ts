import { z } from 'zod'
import { defaultOf } from './setting-table.js'
import { count, duration } from './values.js'

/** What one server gives to its peers at most; each is a setting too. Times are milliseconds. */
export const limitsSchema = z.strictObject({
  maxBodyBytes: count.default(defaultOf('maxBodyBytes')),
  maxBodyKeys: count.default(defaultOf('maxBodyKeys')),
  maxBodyDepth: count.default(defaultOf('maxBodyDepth')),
  maxHeaderBytes: count.default(defaultOf('maxHeaderBytes')),
  maxConnections: count.default(defaultOf('maxConnections')),
  /** Connections of one address that have not finished their handshake. */
  maxConnectionsPerAddress: count.default(defaultOf('maxConnectionsPerAddress')),
  /** Accepted connections of one identity. */
  maxConnectionsPerIdentity: count.default(defaultOf('maxConnectionsPerIdentity')),
  /** Requests of one identity that are not answered yet, open streams among them. */
  maxRequestsPerIdentity: count.default(defaultOf('maxRequestsPerIdentity')),
  handshakeTimeout: duration.default(defaultOf('handshakeTimeout')),
  /** For an address whose peer showed certificates that are made to cost. */
  excessPenalty: duration.default(defaultOf('excessPenalty')),
  headersTimeout: duration.default(defaultOf('headersTimeout')),
  idleTimeout: duration.default(defaultOf('idleTimeout')),
  drainTimeout: duration.default(defaultOf('drainTimeout')),
})

export const limitNames = Object.keys(limitsSchema.shape) as (keyof Limits)[]

export type LimitsOptions = z.input<typeof limitsSchema>
export type Limits = Readonly<z.output<typeof limitsSchema>>
