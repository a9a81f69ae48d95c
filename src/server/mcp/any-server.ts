import { McpServer, type McpServerFactory, Server, type Transport } from '@modelcontextprotocol/server'
import { MtlsError } from '../../errors.js'

/** A server of any version of the MCP SDK: an object that can be connected to a transport. */
export interface AnyMcpServer {
  connect(transport: never): Promise<unknown>
  close?(): Promise<unknown>
}

/** What the factory is told about the request or the session that it makes a server for. */
export type FactoryContext = Parameters<McpServerFactory>[0]

/** Makes one server: for each request, or for each session. */
export type AnyServerFactory = (context: FactoryContext) => AnyMcpServer | Promise<AnyMcpServer>

/** Whether a server can speak revision 2026-07-28: only those of the SDK that this package stands on. */
export function isOfThisSdk(server: AnyMcpServer): server is McpServer | Server {
  return server instanceof McpServer || server instanceof Server
}

/** Connects a server of any version to a transport of ours. */
export function connectTo(server: AnyMcpServer, transport: Transport): Promise<unknown> {
  return server.connect(transport as never)
}

/** Closes a server, by its own way where it has one. What it throws then changes nothing any more. */
export async function closeServer(server: AnyMcpServer | undefined): Promise<void> {
  try {
    await server?.close?.()
  } catch {}
}

/** The part of an `McpServer` that speaks the protocol; low-level servers are it themselves. */
export function protocolOf(server: AnyMcpServer): object {
  const { server: inner } = server as { readonly server?: unknown }
  return typeof inner === 'object' && inner !== null ? inner : server
}

/**
 * Calls the factory once, before anybody connects, and closes what it gave. Throws `CONFIG_INVALID` for what cannot be
 * served. What the factory throws is told to `onError` alone: it may need a caller, or something that comes up later.
 */
export async function checkFactory(
  factory: AnyServerFactory,
  onError: (error: unknown) => void,
): Promise<void> {
  let made: unknown
  try {
    made = await factory({ era: 'modern' })
  } catch (error) {
    return onError(error)
  }
  await closeServer(checkedServer(made))
}

/** What a factory made. Throws `CONFIG_INVALID` unless it can be connected. */
export function checkedServer(made: unknown): AnyMcpServer {
  const { connect, server } = (made ?? {}) as { readonly connect?: unknown; readonly server?: unknown }
  if (typeof connect === 'function') return made as AnyMcpServer
  const isPair = typeof (server as Partial<AnyMcpServer> | undefined)?.connect === 'function'
  throw new MtlsError(
    'CONFIG_INVALID',
    `the factory of MCP servers gave ${wordsFor(made)}, not a server: call it as ${isPair ? 'serve(() => create().server, …)' : "serve(() => new McpServer(…), { name: 'weather-mcp', tlsPort: 8443 })"}`,
    {
      hint: 'A server is an object with `connect(transport)`: `McpServer` or `Server` of any version of the MCP SDK.',
    },
  )
}

function wordsFor(made: unknown): string {
  if (made === undefined || made === null) return String(made)
  if (typeof made === 'function') return 'a function'
  if (typeof made !== 'object') return `a ${typeof made}`
  const names = Object.keys(made).slice(0, 5)
  return names.length === 0 ? 'an object without connect' : `an object with ${names.join(', ')}`
}
