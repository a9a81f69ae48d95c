import {
  type ExposeConfig,
  type ExposedCommand,
  type ExposedUpstream,
  type ExposeServerOptions,
  isOptions,
  type McpServerOptions,
  parseExposeOptions,
  requireCall,
} from '../config/index.js'
import type { LiveOptions, RunningServer, ServeOptions } from '../server/running-server.js'

export type { ExposedCommand, ExposedUpstream, ExposeServerOptions }

/** The options of `expose`: a command or an upstream, and how it is served. */
export type ExposeOptions = (ExposedCommand | ExposedUpstream) &
  ExposeServerOptions &
  Omit<ServeOptions, keyof McpServerOptions>

/**
 * Serves a program that speaks MCP on its standard input and output, or a server that answers MCP over plain HTTP on this
 * machine, over mutual TLS at `/mcp`. Programs are started when they are called, and end with the server.
 * Throws `CONFIG_INVALID`, `COMMAND_NOT_FOUND`, `PORT_CONFLICT`, `PORT_IN_USE`, and what loading certificates throws
 * (`CERT_NOT_FOUND` …). With `tlsEnabled: false` it serves plain HTTP, on loopback only.
 */
export async function expose(options: ExposeOptions): Promise<RunningServer> {
  requireCall(
    isOptions(options),
    "expose({ command: 'npx', args: ['-y', '@modelcontextprotocol/server-everything'], tlsPort: 8446 })",
  )
  const { log, onSecurityEvent, watch, expiryWarningDays } = options
  return startExposed(parseExposeOptions(options, { cwd: process.cwd(), env: process.env }), {
    log,
    onSecurityEvent,
    watch,
    expiryWarningDays,
  })
}

/** The same for options that are parsed. */
export async function startExposed(exposed: ExposeConfig, live: LiveOptions): Promise<RunningServer> {
  const { target } = exposed
  const config = exposed.server()
  const serves =
    'command' in target
      ? (await import('./stdio/serves.js')).stdioServer(target.command, config)
      : (await import('./upstream/serves.js')).upstreamServer(target.upstream, config)
  const { startServer } = await import('../server/listening-server.js')
  return startServer(serves, config, live)
}
