import type { Readable, Writable } from 'node:stream'
import {
  type BridgeServerOptions,
  type BridgeSettings,
  checkLiveOptions,
  isOptions,
  parseBridgeOptions,
  requireCall,
} from '../config/index.js'
import type { BridgeEvent } from './event.js'
import type { FarServer } from './far-server.js'

export type { BridgeServerOptions }

/** The options of `bridge`. Times are milliseconds, or text with a unit: `500ms`, `30s`, `5m`. */
export interface BridgeOptions extends BridgeSettings {
  /** Where the one local client is, unless `listen` is given; default stdin and stdout of this process. */
  readonly stdio?: { readonly input: Readable; readonly output: Writable } | undefined
  /** Told of what happens: servers that come and go, and what could not be done. Default nobody. */
  readonly onEvent?: ((event: BridgeEvent) => void) | undefined
  /** Ends the bridge. Default none. */
  readonly signal?: AbortSignal | undefined
}

/** A bridge that runs. */
export interface RunningBridge extends AsyncDisposable {
  /** With `listen`: the URL for local clients. Whoever knows it calls the servers with our certificate. */
  readonly url: string | undefined
  /** Resolves when it has ended: its client has gone, it was closed, or the signal was aborted. */
  readonly closed: Promise<void>
  /** Ends the sessions at the servers, and then itself. */
  close(): Promise<void>
}

/**
 * Joins local clients, which have no client certificate, to servers over mutual TLS: one on stdin and stdout, or with `listen` any
 * number over HTTP on loopback. Servers need not run yet; while one cannot be reached, what is asked of it is answered with the
 * reason. Throws `MtlsError`: `CONFIG_INVALID`, `CERT_…` and `KEY_…` for our own files, `PORT_IN_USE`.
 */
export async function bridge(options: BridgeOptions): Promise<RunningBridge> {
  requireCall(isOptions(options), "bridge({ servers: { serverUrl: 'https://localhost:8443/mcp' } })")
  const { stdio, onEvent, signal, ...settings } = options
  checkLiveOptions('bridge', { stdio, onEvent, signal })
  const isOnePlace = stdio === undefined || settings.listen === undefined
  requireCall(isOnePlace, 'bridge with stdio for one client, or with listen for any number')
  const { servers: all, listen, initializeWithin: early } = parseBridgeOptions(settings)
  const tell = (event: BridgeEvent) => {
    try {
      onEvent?.(event)
    } catch (error) {
      process.emitWarning(`an onEvent failed: ${String(error)}`)
    }
  }
  const [{ farServer, freeName }, { startBridge }] = await Promise.all([
    import('./far-server.js'),
    import('./start.js'),
  ])
  const names = new Set(all.flatMap(({ name }) => name ?? []))
  const [first, ...others] = all.map(({ name, config }): FarServer => {
    const own = name ?? freeName(new URL(config.serverUrl), (one) => names.has(one))
    names.add(own)
    return farServer(own, config, tell)
  })
  const servers = [first as FarServer, ...others] as const // at least one, as was checked
  const started = await startBridge(
    listen ?? stdio ?? { input: process.stdin, output: process.stdout },
    servers,
    { early, tell },
    signal,
  )
  const close = () => started.close()
  return { url: started.url, closed: started.closed, close, [Symbol.asyncDispose]: close }
}
