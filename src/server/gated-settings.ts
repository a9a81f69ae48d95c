import type { Logger } from 'pino'
import type { McpServerConfig, ParsedLimits, Place } from '../config/index.js'
import type { Subscriber, Tell } from '../tls/events.js'
import type { AuthorizationState } from './ops/authorization.js'
import type { Behind } from './ops/behind.js'
import type { ServerCounts } from './ops/metrics.js'
import type { LiveOptions } from './running-server.js'

/** What distinguishes one server behind the gate from another. */
export interface GatedSettings {
  readonly name: string
  readonly mode: 'strict' | 'demo' | 'plaintext'
  readonly limits: ParsedLimits
  /** Time for a request and its body to arrive; milliseconds. */
  readonly requestTimeout: number
  readonly live: LiveOptions
  readonly upgrade: boolean
  /** Whether the pages for operators are answered before the listener is asked. */
  readonly health: boolean
  /** Revisions of MCP that its listener speaks, for `/health`. */
  readonly protocolVersions: () => readonly string[]
  /** Behind the host and port, in the log: `/mcp`. */
  readonly path: string
  /** The config for this place; throws what is wrong with it. */
  readonly at: (place: Place) => McpServerConfig
  /** Makes what answers behind the gate, before anybody can connect; throws what it cannot serve. */
  readonly mount?: (ground: Ground) => Promise<Mounted>
}

/** What is there when something is mounted behind the gate. */
export interface Ground {
  readonly logger: Logger | undefined
  readonly tell: Tell
  /** The trust domains that CAs are bound to at the moment. */
  readonly trustDomains: () => readonly string[]
}

/** What a server has to know of that which is mounted behind its gate. */
export interface Mounted {
  /** Begins to stop: a close has begun. */
  readonly drain: () => void
  /** Ends what is still open: the time to drain is over, or all else has ended. Called once; resolves when all has ended. */
  readonly close: () => Promise<void>
  /** Nothing has time to end by itself any more. */
  readonly endAtOnce?: () => void
  /** Hears of connections that are refused. */
  readonly onSecurityEvent?: Subscriber
  readonly counts: () => Pick<ServerCounts, 'lateMessages' | 'sessions'>
  /** Where a policy decides about calls, or a record is kept. */
  readonly authorization?: () => AuthorizationState
  /** Where calls are passed on: what stands behind. */
  readonly behind?: () => Behind
}
