import type { Server } from 'node:http'
import type { Limits } from '../config/index.js'
import type { TlsConnection } from '../tls/peer/connection.js'
import type { Health } from './ops/health.js'
import type { ServeOptions } from './running-server.js'

/** The options of `createMtlsServer`: those of `serve` that are not about messages of MCP. */
export interface MtlsServerOptions
  extends Omit<
    ServeOptions,
    'httpPort' | 'tlsEnabled' | 'sessions' | 'limits' | 'policy' | 'auditLog' | 'audit'
  > {
  /** What peers may use at most; each has a default of its own. Bodies are limited by the listener, which reads them. */
  readonly limits?: Omit<Limits, 'maxBodyBytes' | 'maxBodyKeys' | 'maxBodyDepth'> | undefined
  /**
   * Whether a connection may be upgraded (WebSocket, CONNECT). Those who ask are judged before the listeners of `upgrade`
   * and `connect` are called; default `false`, all are refused.
   */
  readonly upgrade?: boolean | undefined
  /** Whether `/health`, `/livez`, `/readyz` and `/metrics` are answered here; default `false`, the listener gets them. */
  readonly health?: boolean | undefined
}

/** A server of Node whose requests have passed the gate. It listens after `listen`, and can listen again after `close`. */
export interface MtlsServer extends Server {
  readonly mtls: MtlsControls
}

/** What a server behind the gate has beside what Node's own has. Before it listens there is nothing in it. */
export interface MtlsControls {
  /** The accepted connections that are open now. */
  connections(): TlsConnection[]
  /** The body of `/health`; its status is `draining` while no requests are taken, before `listen` too. */
  health(): Health
  /**
   * Takes up the certificate files as they are now; true when they were others than before. Throws `RELOAD_FAILED`
   * that says what is wrong with them; what was in use stays in use. Servers do this by themselves when files change.
   */
  reload(): Promise<boolean>
  /** Reopens the file of `log.securityLog` after it was renamed. Where that fails `health()` says so. */
  reopenLog(): void
  /**
   * Takes no new connections, lets requests in flight finish within the drain limit, then ends the rest.
   * `drainTimeout` (milliseconds) overrides the limit, also for a close that is under way: 0 ends at once.
   */
  close(options?: { readonly drainTimeout?: number }): Promise<void>
}
