import { z } from 'zod'
import type { ShapeOf } from './option-shape.js'
import { defaultOf } from './settings/setting-values.js'
import { count, duration } from './values.js'

/**
 * The limits on what peers may use of one server. Times are milliseconds, or text with a unit: `500ms`, `30s`, `5m`.
 */
export interface Limits {
  /** Bytes of one request body; default 1048576 (1 MiB). */
  readonly maxBodyBytes?: number | undefined
  /** Keys of all objects in one request body; default 10000. */
  readonly maxBodyKeys?: number | undefined
  /** Nesting depth of objects and lists in one request body; default 100. */
  readonly maxBodyDepth?: number | undefined
  /** Bytes of the headers of one request; default 16384 (16 KiB). */
  readonly maxHeaderBytes?: number | undefined
  /** Open connections of this server; default 10000. */
  readonly maxConnections?: number | undefined
  /** Connections of one address that have not finished their handshake; default 1000. */
  readonly maxConnectionsPerAddress?: number | undefined
  /** Accepted connections of one identity; default 1000. */
  readonly maxConnectionsPerIdentity?: number | undefined
  /** Requests of one identity that are not answered yet, open streams among them; default 1000. */
  readonly maxRequestsPerIdentity?: number | undefined
  /** Time for a TLS handshake; default 5000. */
  readonly handshakeTimeout?: number | string | undefined
  /** How long to turn away an address whose peer showed needlessly expensive certificates; default 10000. */
  readonly excessPenalty?: number | string | undefined
  /** Time for the headers of a request; default 10000. */
  readonly headersTimeout?: number | string | undefined
  /** Time for a connection without a request, and for the body of one; default 60000. */
  readonly idleTimeout?: number | string | undefined
  /** Time for calls in flight to finish once the server closes; default 10000. */
  readonly drainTimeout?: number | string | undefined
}

export const limitsSchema = z.strictObject({
  maxBodyBytes: count.default(defaultOf('maxBodyBytes')),
  maxBodyKeys: count.default(defaultOf('maxBodyKeys')),
  maxBodyDepth: count.default(defaultOf('maxBodyDepth')),
  maxHeaderBytes: count.default(defaultOf('maxHeaderBytes')),
  maxConnections: count.default(defaultOf('maxConnections')),
  maxConnectionsPerAddress: count.default(defaultOf('maxConnectionsPerAddress')),
  maxConnectionsPerIdentity: count.default(defaultOf('maxConnectionsPerIdentity')),
  maxRequestsPerIdentity: count.default(defaultOf('maxRequestsPerIdentity')),
  handshakeTimeout: duration.default(defaultOf('handshakeTimeout')),
  excessPenalty: duration.default(defaultOf('excessPenalty')),
  headersTimeout: duration.default(defaultOf('headersTimeout')),
  idleTimeout: duration.default(defaultOf('idleTimeout')),
  drainTimeout: duration.default(defaultOf('drainTimeout')),
} satisfies ShapeOf<Limits>)

export const limitNames = Object.keys(limitsSchema.shape) as (keyof ParsedLimits)[]

export type ParsedLimits = Readonly<z.output<typeof limitsSchema>>
