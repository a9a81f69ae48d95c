import type { McpServerConfig, ParsedLimits, Place } from '../config/index.js'
import type { LiveOptions } from './running-server.js'

/** What distinguishes one server behind the gate from another. */
export interface GatedSettings {
  readonly name: string
  readonly mode: 'strict' | 'demo' | 'plaintext'
  readonly limits: ParsedLimits
  readonly live: LiveOptions
  readonly upgrade: boolean
  /** Whether the pages for operators are answered before the listener is asked. */
  readonly health: boolean
  /** Revisions of MCP that its listener speaks, for `/health`. */
  readonly protocolVersions: readonly string[]
  /** Behind the host and port, in the log: `/mcp`. */
  readonly path: string
  /** The config for this place; throws what is wrong with it. */
  readonly at: (place: Place) => McpServerConfig
  /** Called when a close begins, and when the time to drain is over. */
  readonly onDrain?: () => void
  readonly onEnd?: () => void
}
