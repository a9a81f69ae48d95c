import type { McpServerOptions } from '../config/index.js'
import type { Subscriber } from '../tls/events.js'
import type { LogOptions } from '../tls/log/log.js'
import type { FreshnessOptions } from '../tls/material/reloadable.js'
import type { TlsConnection } from '../tls/peer/connection.js'
import type { Notify } from './mcp/dispatch.js'
import type { Health } from './ops/health.js'

/** The options of `serve`. */
export interface ServeOptions extends McpServerOptions, FreshnessOptions {
  /** Where the log goes; `false` for none. Default: level `info` on stderr. */
  readonly log?: LogOptions | false | undefined
  /** Gets every security event, beside the log; default nobody. */
  readonly onSecurityEvent?: Subscriber | undefined
}

/** Where events of a server go, and what keeps it up to date: handed over as it is. */
export type LiveOptions = Omit<ServeOptions, keyof McpServerOptions>

/** A server that listens. */
export interface RunningServer extends AsyncDisposable {
  readonly name: string
  /** Where MCP is, `https://localhost:8443/mcp`; with the host where it is not reached as `localhost`. */
  readonly url: string
  /** The port it listens on, also where any free one was asked for. */
  readonly port: number
  /** The accepted connections that are open now; none without TLS. */
  connections(): TlsConnection[]
  health(): Health
  /** Tells clients of changes: those that listen for them (2026-07-28), and those with a session. */
  readonly notify: Notify
  /**
   * Takes up the certificate files as they are now; true when they were others than before. Throws `RELOAD_FAILED`
   * that says what is wrong with them; what was in use stays in use. Servers do this by themselves when files change.
   */
  reload(): Promise<boolean>
  /**
   * Reopens the file of `log.securityLog` after it was renamed; `mcp-mtls serve` does it on SIGHUP. Where that
   * fails it keeps writing to the old file, and says so in `health()`.
   */
  reopenLog(): void
  /**
   * Takes no new connections, lets calls in flight finish within the drain limit, then ends the rest.
   * `drainTimeout` (milliseconds) overrides the limit, also for a close that is under way: 0 ends at once.
   */
  close(options?: { readonly drainTimeout?: number }): Promise<void>
}
